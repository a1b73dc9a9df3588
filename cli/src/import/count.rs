//! What became of the documents of a bundle.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Documents by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Sent and taken.
    pub(super) sent: u64,
    /// Not sent, since the collector has them.
    pub(super) already_there: u64,
    /// Sent and refused, by the collector's reason.
    rejected: BTreeMap<String, u64>,
}

impl Counts {
    /// A call sent so many documents, and these came back.
    pub(super) fn took(&mut self, documents: usize, unprocessed: &[Value]) {
        let taken = documents.saturating_sub(unprocessed.len());
        self.sent = self
            .sent
            .saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        for entry in unprocessed {
            let code = entry.get("ErrorCode").and_then(Value::as_str);
            let code = code.unwrap_or("without a reason").to_owned();
            *self.rejected.entry(code).or_default() += 1;
        }
    }

    /// So many are there already.
    pub(super) fn found(&mut self, documents: usize) {
        let documents = u64::try_from(documents).unwrap_or(u64::MAX);
        self.already_there = self.already_there.saturating_add(documents);
    }

    /// All that were refused.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            already_there,
            ..
        } = self;
        let rejected = self.rejected();
        write!(
            f,
            "{sent} sent, {already_there} already there, {rejected} rejected"
        )?;
        for (place, (code, count)) in self.rejected.iter().enumerate() {
            let before = if place == 0 { ": " } else { ", " };
            write!(f, "{before}{code} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_are_counted_by_reason() {
        let mut counts = Counts::default();
        counts.found(3);
        counts.took(
            5,
            &[
                json!({"ErrorCode": "MissingId"}),
                json!({"ErrorCode": "InvalidId"}),
            ],
        );
        counts.took(2, &[json!({"ErrorCode": "InvalidId"}), json!({})]);
        assert_eq!(
            counts.to_string(),
            "3 sent, 3 already there, 4 rejected: InvalidId 2, MissingId 1, without a reason 1"
        );
    }
}
