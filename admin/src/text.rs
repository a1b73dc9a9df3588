//! Lines of the Prometheus text format 0.0.4: a family's HELP and TYPE, then its samples. Pure.
//!
//! Counters end in `_total`; units are seconds and bytes. Labels are to have few values.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::process::ProcessNow;

/// What the format calls itself.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family measures.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Something that only grows.
    Counter,
    /// Something that goes up and down.
    Gauge,
}

/// Labels with their values.
pub type LabelSet<'a> = Vec<(&'static str, &'a str)>;

/// Labels with their values, and the number.
pub type Sample<'a> = (LabelSet<'a>, u64);

/// How long things took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many took at most so long, from the shortest bound to the longest; each counts what those
    /// before it count. Bounds are seconds as they are to be written.
    pub within: Vec<(&'static str, u64)>,
    /// How many there were, those beyond all bounds included.
    pub count: u64,
    /// How long they took together.
    pub sum: Duration,
}

/// Families written so far.
#[derive(Debug)]
pub struct Families {
    prefix: &'static str,
    text: String,
}

impl Families {
    /// None yet; the names of those to come begin with `prefix`.
    #[must_use]
    pub const fn new(prefix: &'static str) -> Self {
        let text = String::new();
        Self { prefix, text }
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.labelled(Kind::Counter, name, help, [(Vec::new(), value)]);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.labelled(Kind::Gauge, name, help, [(Vec::new(), value)]);
    }

    /// A family with a sample for each set of labels; nothing at all where there is none.
    pub fn labelled<'a>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a>>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let name = format!("{}{name}", self.prefix);
        self.heading(kind, &name, help);
        for (labels, value) in samples {
            self.line(format_args!("{name}{} {value}", Labels(&labels)));
        }
    }

    /// A histogram of seconds for each set of labels; nothing at all where there is none.
    pub fn histogram<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (LabelSet<'a>, Durations)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let name = format!("{}{name}", self.prefix);
        self.heading("histogram", &name, help);
        for (labels, durations) in samples {
            let Durations { within, count, sum } = durations;
            let mut bucket = labels.clone();
            for (bound, count) in within.into_iter().chain([("+Inf", count)]) {
                bucket.push(("le", bound));
                self.line(format_args!("{name}_bucket{} {count}", Labels(&bucket)));
                bucket.pop();
            }
            let (labels, seconds) = (Labels(&labels), sum.as_secs_f64());
            self.line(format_args!("{name}_sum{labels} {seconds}"));
            self.line(format_args!("{name}_count{labels} {count}"));
        }
    }

    /// What every process tells, whatever it does: its release, when it started, what it occupies.
    pub fn process(&mut self, version: &str, process: &ProcessNow) {
        self.labelled(
            Kind::Gauge,
            "build_info",
            "1; the label says what runs.",
            [(vec![("version", version)], 1)],
        );
        // The names that Prometheus gives these two everywhere.
        let (name, started) = ("process_start_time_seconds", process.started);
        self.heading("gauge", name, "Start of the process since the Unix epoch.");
        let (seconds, millis) = (started.as_secs(), started.subsec_millis());
        self.line(format_args!("{name} {seconds}.{millis:03}"));
        if let Some(bytes) = process.resident_bytes {
            let name = "process_resident_memory_bytes";
            self.heading("gauge", name, "Memory that the process occupies.");
            self.line(format_args!("{name} {bytes}"));
        }
    }

    /// All of it.
    #[must_use]
    pub fn text(self) -> String {
        self.text
    }

    fn heading(&mut self, kind: &str, name: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.text.push_str(&format!("{line}\n"));
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
        let mut families = Families::new("radiograph_daemon_");
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
        let mut families = Families::new("radiograph_daemon_");
        families.labelled(Kind::Counter, "a_total", "Things.", []);
        assert_eq!(families.text(), "");
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound_and_ends_with_all() {
        let mut families = Families::new("x_");
        let durations = Durations {
            within: vec![("0.001", 2), ("0.25", 5)],
            count: 6,
            sum: Duration::from_millis(1_500),
        };
        let labels = vec![("operation", "GetGroup")];
        families.histogram("took_seconds", "Time.", [(labels, durations)]);
        families.histogram("none_seconds", "Time.", []);
        let expected = "# HELP x_took_seconds Time.\n\
                        # TYPE x_took_seconds histogram\n\
                        x_took_seconds_bucket{operation=\"GetGroup\",le=\"0.001\"} 2\n\
                        x_took_seconds_bucket{operation=\"GetGroup\",le=\"0.25\"} 5\n\
                        x_took_seconds_bucket{operation=\"GetGroup\",le=\"+Inf\"} 6\n\
                        x_took_seconds_sum{operation=\"GetGroup\"} 1.5\n\
                        x_took_seconds_count{operation=\"GetGroup\"} 6\n";
        assert_eq!(families.text(), expected);
    }

    #[test]
    fn what_is_unknown_of_a_process_is_left_out() {
        let mut families = Families::new("x_");
        let now = ProcessNow {
            started: Duration::from_millis(1_795_264_699_041),
            resident_bytes: None,
        };
        families.process("1.2.3", &now);
        let text = families.text();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "x_build_info{version=\"1.2.3\"} 1",
            "process_start_time_seconds 1795264699.041",
        ];
        assert_eq!(samples, expected);
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
