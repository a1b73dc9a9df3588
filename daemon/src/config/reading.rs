//! Turns what the sources say into values, and notes each with its source for `--check-config`.

use crate::config::ConfigError;
use crate::config::key::Key;
use crate::config::layer::{Layer, Said, Source};
use crate::config::mask;

/// One line of `--check-config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Masked; empty for none.
    pub(crate) value: String,
    pub(crate) source: Source,
}

/// A value that was said at a place, both named for the reader.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) said: Option<&'a Said>,
    /// The setting's name in the file, there where it was said.
    pub(crate) said_at: &'a str,
    /// The name under which its effective value is shown.
    pub(crate) shown_as: &'a str,
}

/// Reads settings out of all layers, taken together.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) layer: &'a Layer,
    pub(crate) lines: Vec<Line>,
}

impl<'a> Reading<'a> {
    pub(crate) const fn new(layer: &'a Layer) -> Self {
        Self {
            layer,
            lines: Vec::new(),
        }
    }

    /// A setting's value, or its default's.
    pub(crate) fn value<T>(
        &mut self,
        key: Key,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<T, ConfigError> {
        let name = key.known().name;
        let origin = Origin {
            said: self.layer.get(key),
            said_at: name,
            shown_as: name,
        };
        self.value_of(key, origin, parse)
    }

    /// The same of a text for which there is no default.
    pub(crate) fn text(&mut self, key: Key) -> Result<Option<String>, ConfigError> {
        self.value(key, optional(|text| Ok(text.to_owned())))
    }

    /// The value at `origin`, or the setting's default.
    pub(crate) fn value_of<T>(
        &mut self,
        key: Key,
        origin: Origin<'_>,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<T, ConfigError> {
        let (text, source) = match origin.said {
            Some(said) => (said.text.as_str(), &said.source),
            None => (key.known().default, &Source::BuiltIn),
        };
        let shown = match key {
            Key::Endpoint | Key::ProxyAddress => mask::url(text),
            _ => text.to_owned(),
        };
        let value = parse(text).map_err(|allowed| ConfigError::Value {
            place: source.place(origin.said_at),
            value: shown.clone(),
            allowed,
        })?;
        self.note(origin.shown_as, shown, source.clone());
        Ok(value)
    }

    pub(crate) fn note(&mut self, name: &str, value: String, source: Source) {
        self.lines.push(Line {
            name: name.to_owned(),
            value,
            source,
        });
    }
}

/// Takes an empty default for none.
pub(crate) fn optional<T>(
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> impl Fn(&str) -> Result<Option<T>, &'static str> {
    move |text| {
        if text.is_empty() {
            return Ok(None);
        }
        parse(text).map(Some)
    }
}
