//! What one source says, and where it says it; what it does not mention is left to the next source.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::key::Key;

/// Where a value comes from, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Flag(&'static str),
    OwnVariable(&'static str),
    File(Arc<Path>),
    AwsVariable(&'static str),
    BuiltIn,
}

impl Source {
    /// Smaller overrules greater; two values of one rank stand beside each other.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::OwnVariable(_) => 1,
            Self::File(_) => 2,
            Self::AwsVariable(_) => 3,
            Self::BuiltIn => 4,
        }
    }

    /// Names the place of a setting that is called `name` in the file.
    pub(crate) fn place(&self, name: &str) -> String {
        match self {
            // The list in a variable is the one place that holds more than one setting.
            Self::OwnVariable(DESTINATIONS_VARIABLE) => format!("{DESTINATIONS_VARIABLE}: {name}"),
            Self::Flag(word) | Self::OwnVariable(word) | Self::AwsVariable(word) => {
                (*word).to_owned()
            }
            Self::File(path) => format!("configuration file {}: {name}", path.display()),
            Self::BuiltIn => name.to_owned(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::OwnVariable(name) | Self::AwsVariable(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::BuiltIn => f.write_str("built-in"),
        }
    }
}

/// Holds the list of destinations, in the notation of the file.
pub(crate) const DESTINATIONS_VARIABLE: &str = "RADIOGRAPH_DESTINATIONS";

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// Never empty: an empty text is as good as none.
    pub(crate) text: String,
    pub(crate) source: Source,
}

/// One entry of the list of destinations; what it leaves out is taken from the settings beside the
/// list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    pub(crate) name: Option<String>,
    pub(crate) members: BTreeMap<Key, String>,
}

/// The list of destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) entries: Vec<Entry>,
    pub(crate) source: Source,
}

/// The settings of one source, or of several in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Layer {
    said: BTreeMap<Key, Said>,
    pub(crate) list: Option<List>,
    /// For the log, once there is one.
    pub(crate) warnings: Vec<String>,
}

impl Layer {
    /// Notes a value; an empty one says nothing.
    pub(crate) fn say(&mut self, key: Key, text: impl Into<String>, source: Source) {
        let text = text.into();
        if !text.is_empty() {
            self.said.insert(key, Said { text, source });
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Said> {
        self.said.get(&key)
    }

    /// This layer's settings, completed by those of the one below it.
    pub(crate) fn over(mut self, mut below: Self) -> Self {
        self.warnings.append(&mut below.warnings);
        below.said.append(&mut self.said);
        Self {
            said: below.said,
            list: self.list.or(below.list),
            warnings: self.warnings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_layer_wins_and_keeps_what_only_the_lower_one_says() {
        let mut upper = Layer::default();
        upper.say(Key::Region, "upper", Source::Flag("-n"));
        upper.say(Key::Bind, "", Source::Flag("-b"));
        let mut lower = Layer::default();
        lower.say(Key::Region, "lower", Source::AwsVariable("AWS_REGION"));
        lower.say(Key::Bind, "lower", Source::AwsVariable("X"));
        let both = upper.over(lower);
        assert_eq!(both.get(Key::Region).unwrap().text, "upper");
        assert_eq!(both.get(Key::Bind).unwrap().text, "lower");
        assert_eq!(both.get(Key::Endpoint), None);
    }

    #[test]
    fn a_place_is_named_as_its_user_wrote_it() {
        let file = Source::File(Path::new("/cfg.yaml").into());
        let cases = [
            (Source::Flag("-n"), "-n"),
            (
                Source::OwnVariable("RADIOGRAPH_REGION"),
                "RADIOGRAPH_REGION",
            ),
            (
                Source::OwnVariable(DESTINATIONS_VARIABLE),
                "RADIOGRAPH_DESTINATIONS: Region",
            ),
            (file, "configuration file /cfg.yaml: Region"),
            (Source::AwsVariable("AWS_REGION"), "AWS_REGION"),
            (Source::BuiltIn, "Region"),
        ];
        for (source, place) in cases {
            assert_eq!(source.place("Region"), place, "{source:?}");
        }
    }
}
