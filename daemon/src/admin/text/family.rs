//! Lines of the Prometheus text format 0.0.4: a family's HELP and TYPE, then its samples.

use std::fmt::{self, Write};

/// The prefix of the daemon's own families.
const PREFIX: &str = "radiograph_daemon_";

/// What a family measures.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// Labels with their values, and the number.
pub(super) type Sample<'a> = (Vec<(&'static str, &'a str)>, u64);

/// Families written so far.
#[derive(Debug, Default)]
pub(super) struct Families(String);

impl Families {
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.labelled(Kind::Counter, name, help, [(Vec::new(), value)]);
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.labelled(Kind::Gauge, name, help, [(Vec::new(), value)]);
    }

    /// A family with a sample for each set of labels; nothing at all where there is none.
    pub(super) fn labelled<'a>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a>>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let name = format!("{PREFIX}{name}");
        self.heading(kind, &name, help);
        for (labels, value) in samples {
            self.line(format_args!("{name}{} {value}", Labels(&labels)));
        }
    }

    /// A gauge of the process, whose name is given by convention.
    pub(super) fn process(&mut self, name: &str, help: &str, value: &str) {
        self.heading(Kind::Gauge, name, help);
        self.line(format_args!("{name} {value}"));
    }

    pub(super) fn text(self) -> String {
        self.0
    }

    fn heading(&mut self, kind: Kind, name: &str, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.0.push_str(&format!("{line}\n"));
    }
}

struct Labels<'a>(&'a [(&'static str, &'a str)]);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            f.write_char(if place == 0 { '{' } else { ',' })?;
            write!(f, "{name}=\"")?;
            for character in value.chars() {
                match character {
                    '\\' => f.write_str(r"\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str(r"\n")?,
                    other => f.write_char(other)?,
                }
            }
            f.write_char('"')?;
        }
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_char('}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_help_its_type_and_a_line_per_sample() {
        let mut families = Families::default();
        families.counter("a_total", "Things.", 7);
        families.labelled(
            Kind::Gauge,
            "b",
            "Others.",
            [
                (vec![("x", "1"), ("y", "2")], 0),
                (vec![("x", "3")], u64::MAX),
            ],
        );
        let expected = "# HELP radiograph_daemon_a_total Things.\n\
                        # TYPE radiograph_daemon_a_total counter\n\
                        radiograph_daemon_a_total 7\n\
                        # HELP radiograph_daemon_b Others.\n\
                        # TYPE radiograph_daemon_b gauge\n\
                        radiograph_daemon_b{x=\"1\",y=\"2\"} 0\n\
                        radiograph_daemon_b{x=\"3\"} 18446744073709551615\n";
        assert_eq!(families.text(), expected);
    }

    #[test]
    fn a_family_without_samples_is_left_out() {
        let mut families = Families::default();
        families.labelled(Kind::Counter, "a_total", "Things.", []);
        assert_eq!(families.text(), "");
    }

    #[test]
    fn values_of_labels_are_escaped_and_keep_other_characters() {
        let cases = [
            ("plain", "plain"),
            (r#"a"b\c"#, r#"a\"b\\c"#),
            ("a\nb", r"a\nb"),
            ("ü\t{}", "ü\t{}"),
        ];
        for (value, escaped) in cases {
            let shown = Labels(&[("x", value)]).to_string();
            assert_eq!(shown, format!("{{x=\"{escaped}\"}}"));
        }
    }
}
