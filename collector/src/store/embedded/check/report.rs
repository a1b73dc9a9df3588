//! What a check of a data directory tells: plain values.

use std::fmt;

use serde::Serialize;

/// Findings of one kind that are told one by one; the others are counted.
pub(super) const TOLD_MAX: u64 = 100;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be, or as a dying process leaves it: nothing is lost.
    Note,
    /// Something is damaged or wrong.
    Problem,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The file, as named below the data directory; empty when it is about no file.
    pub file: String,
    /// The byte at which it begins, when it is about a place.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What it costs.
    pub cost: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Problems; no more than these are in `findings`, where each kind is told a hundred times at most.
    pub problems: u64,
    /// What was found, file by file.
    pub findings: Vec<Finding>,
    /// Log files.
    pub logs: u64,
    /// Sealed files.
    pub sealed: u64,
    /// Bytes of all of these.
    pub bytes: u64,
    /// Different traces with documents.
    pub traces: u64,
    /// Different documents.
    pub documents: u64,
    /// Views that were derived again and are the stored ones.
    pub views: u64,
    /// Traces that wait to be settled: the next start of the collector does it.
    pub pending: u64,
    /// Documents that cannot be parsed: they are kept and returned, and no view tells of them.
    pub unparsed: u64,
}

impl Report {
    /// Whether no problem was found.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.problems == 0
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, finding: Finding) {
        let is_problem = finding.level == Level::Problem;
        self.problems += u64::from(is_problem);
        self.findings.push(finding);
    }

    /// Adds a problem of a kind of which there may be very many, and of which so many were told.
    pub(super) fn add_counted(&mut self, told: &mut u64, finding: impl FnOnce() -> Finding) {
        *told += 1;
        if *told <= TOLD_MAX {
            self.add(finding());
        } else {
            self.problems += 1;
        }
    }

    /// The problems of a file.
    pub(super) fn problems_of<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a Finding> {
        let findings = self.findings.iter();
        findings.filter(move |finding| finding.level == Level::Problem && finding.file == file)
    }
}

impl Finding {
    /// A problem with a file.
    pub(super) fn problem(file: &str, what: impl fmt::Display) -> Self {
        Self {
            level: Level::Problem,
            file: file.to_owned(),
            offset: None,
            what: what.to_string(),
            cost: "",
            remedy: "",
        }
    }

    /// Something worth knowing about a file.
    pub(super) fn note(file: &str, what: impl fmt::Display) -> Self {
        Self {
            level: Level::Note,
            ..Self::problem(file, what)
        }
    }

    /// The same with what it costs and what to do.
    pub(super) fn with(mut self, cost: &'static str, remedy: &'static str) -> Self {
        self.cost = cost;
        self.remedy = remedy;
        self
    }

    /// The same with a place.
    pub(super) const fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Note => "note",
            Level::Problem => "problem",
        };
        write!(f, "{level}: ")?;
        match (self.file.as_str(), self.offset) {
            ("", _) => {}
            (file, None) => write!(f, "{file}: ")?,
            (file, Some(offset)) => write!(f, "{file} at {offset}: ")?,
        }
        f.write_str(&self.what)?;
        for more in [self.cost, self.remedy] {
            if !more.is_empty() {
                write!(f, "; {more}")?;
            }
        }
        Ok(())
    }
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Repaired {
    /// What was done, file by file.
    pub actions: Vec<Action>,
    /// Views that were derived again and stored.
    pub views: u64,
}

/// One thing that a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The file, as named below the data directory.
    pub file: String,
    /// What was done.
    pub what: String,
    /// Where the file as it was is kept; empty when nothing of it is.
    pub kept_as: String,
    /// What is lost for good; empty when nothing is.
    pub lost: String,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repaired: {}: {}", self.file, self.what)?;
        if !self.kept_as.is_empty() {
            write!(f, "; the file as it was is kept as {}", self.kept_as)?;
        }
        if !self.lost.is_empty() {
            write!(f, "; lost for good: {}", self.lost)?;
        }
        Ok(())
    }
}
