//! What rounds came to, as Prometheus text and as one line. Pure.

use std::fmt;
use std::time::Duration;

use radiograph_protocol::timestamp::Timestamp;

/// What a round does, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Write,
    Trace,
    Summary,
    Graph,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Write, Self::Trace, Self::Summary, Self::Graph];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Trace => "trace",
            Self::Summary => "summary",
            Self::Graph => "graph",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Write => 0,
            Self::Trace => 1,
            Self::Summary => 2,
            Self::Graph => 3,
        }
    }
}

/// Why a round failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trace {trace_id}: {step}: {reason}", step = step.name())]
pub(super) struct Failed {
    pub(super) trace_id: String,
    pub(super) step: Step,
    pub(super) reason: String,
}

/// How long after the start of its round each step was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Went {
    pub(super) trace_id: String,
    pub(super) after: [Duration; 4],
}

impl fmt::Display for Went {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace {}:", self.trace_id)?;
        for (step, after) in Step::ALL.into_iter().zip(self.after) {
            write!(f, " {} {:.3} s", step.name(), after.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Everything since the canary started.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    succeeded: u64,
    failed: [u64; 4],
    /// Of the last round that went well.
    after: Option<[Duration; 4]>,
    /// When that ended.
    last_success: Option<Timestamp>,
    is_well: bool,
}

impl Record {
    /// Takes up the outcome of a round that ended now.
    pub(super) fn note(&mut self, outcome: &Result<Went, Failed>, now: Timestamp) {
        self.is_well = outcome.is_ok();
        match outcome {
            Ok(went) => {
                self.succeeded += 1;
                self.after = Some(went.after);
                self.last_success = Some(now);
            }
            Err(failed) => {
                if let Some(count) = self.failed.get_mut(failed.step.index()) {
                    *count += 1;
                }
            }
        }
    }

    /// The Prometheus text (format 0.0.4).
    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
            let name = format!("radiograph_canary_{name}");
            let mut lines = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in samples {
                lines.push_str(&format!("{name}{labels} {value}\n"));
            }
            text.push_str(&lines);
        };
        let plain = |value: String| [(String::new(), value)];
        let by_step = |values: Vec<String>| -> Vec<(String, String)> {
            let labels = Step::ALL.map(|step| format!("{{step=\"{}\"}}", step.name()));
            labels.into_iter().zip(values).collect()
        };
        family(
            "up",
            "gauge",
            "1 when the last round went well, else 0.",
            &plain(u8::from(self.is_well).to_string()),
        );
        family(
            "rounds_succeeded_total",
            "counter",
            "Traces written and read back everywhere in time.",
            &plain(self.succeeded.to_string()),
        );
        family(
            "rounds_failed_total",
            "counter",
            "Rounds that failed, by the step that did.",
            &by_step(self.failed.iter().map(u64::to_string).collect()),
        );
        if let Some(after) = self.after {
            family(
                "step_seconds",
                "gauge",
                "From the start of the last good round until this step was done.",
                &by_step(after.iter().map(|after| seconds(*after)).collect()),
            );
        }
        if let Some(at) = self.last_success {
            family(
                "last_success_timestamp_seconds",
                "gauge",
                "End of the last good round since the Unix epoch.",
                &plain(at.seconds_f64().to_string()),
            );
        }
        text
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn went() -> Went {
        Went {
            trace_id: "1-0".to_owned(),
            after: [10, 20, 300, 400].map(Duration::from_millis),
        }
    }

    fn failed(step: Step) -> Failed {
        Failed {
            trace_id: "1-0".to_owned(),
            step,
            reason: "no answer".to_owned(),
        }
    }

    #[test]
    fn before_the_first_round_it_is_not_up_and_times_are_left_out() {
        let text = Record::default().metrics();
        assert!(text.contains("\nradiograph_canary_up 0\n"), "{text}");
        assert!(!text.contains("step_seconds"), "{text}");
    }

    #[test]
    fn a_good_round_is_counted_with_its_times() {
        let mut record = Record::default();
        record.note(&Ok(went()), NOW);
        let text = record.metrics();
        for line in [
            "radiograph_canary_up 1",
            "radiograph_canary_rounds_succeeded_total 1",
            "radiograph_canary_rounds_failed_total{step=\"graph\"} 0",
            "radiograph_canary_step_seconds{step=\"summary\"} 0.300000",
            "radiograph_canary_last_success_timestamp_seconds 1795000000",
        ] {
            assert!(text.lines().any(|each| each == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_failure_is_counted_at_its_step_and_takes_the_canary_down() {
        let mut record = Record::default();
        record.note(&Ok(went()), NOW);
        for step in Step::ALL {
            record.note(&Err(failed(step)), NOW);
        }
        let text = record.metrics();
        assert!(text.contains("radiograph_canary_up 0\n"), "{text}");
        for step in Step::ALL {
            let line = format!("rounds_failed_total{{step=\"{}\"}} 1\n", step.name());
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains("step_seconds{step=\"write\"} 0.010000\n"));
    }

    #[test]
    fn outcomes_are_lines() {
        assert_eq!(
            went().to_string(),
            "trace 1-0: write 0.010 s trace 0.020 s summary 0.300 s graph 0.400 s"
        );
        let text = failed(Step::Graph).to_string();
        assert_eq!(text, "trace 1-0: graph: no answer");
    }
}
