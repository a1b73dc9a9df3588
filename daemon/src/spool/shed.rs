//! What the spool gave up, by reason. Pure.

use std::fmt;

/// Documents and their bytes, before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// How many documents.
    pub(crate) documents: u64,
    /// Their bytes, as they were received.
    pub(crate) bytes: u64,
}

impl Tally {
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            documents: self.documents.saturating_add(other.documents),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            documents: self.documents.saturating_sub(other.documents),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Self::plus)
    }
}

/// Why documents were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShedReason {
    /// The spool would have passed its bound in bytes.
    SpoolFull,
    /// The disk had no room, or less than is to be left free.
    DiskFull,
    /// Older than the bound in age.
    Expired,
    /// What was read back from the disk is not what was written.
    Damaged,
    /// A single document that no record can hold, or an append that the spool could never hold.
    TooLarge,
}

impl ShedReason {
    /// All reasons, in the order of [`Shed::iter`].
    pub(crate) const ALL: [Self; 5] = [
        Self::SpoolFull,
        Self::DiskFull,
        Self::Expired,
        Self::Damaged,
        Self::TooLarge,
    ];

    /// The label of counters and log lines.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::SpoolFull => "spool_full",
            Self::DiskFull => "disk_full",
            Self::Expired => "expired",
            Self::Damaged => "damaged",
            Self::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for ShedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What was given up since it was last told; usually nothing.
#[must_use = "each document given up is counted by whoever is told"]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shed([Tally; ShedReason::ALL.len()]);

impl Shed {
    /// Documents, whatever the reason.
    pub(crate) fn documents(&self) -> u64 {
        self.0.iter().copied().sum::<Tally>().documents
    }

    /// Their bytes as received, whatever the reason.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().copied().sum::<Tally>().bytes
    }

    /// Whether nothing was given up.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The reasons that occurred, and what was given up for each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ShedReason, Tally)> {
        let all = ShedReason::ALL.into_iter().zip(self.0);
        all.filter(|(_, tally)| *tally != Tally::default())
    }

    pub(super) fn add(&mut self, reason: ShedReason, tally: Tally) {
        for (each, sum) in ShedReason::ALL.into_iter().zip(&mut self.0) {
            if each == reason {
                *sum = sum.plus(tally);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_told_by_reason_and_in_all() {
        let tally = |documents, bytes| Tally { documents, bytes };
        let mut shed = Shed::default();
        assert!(shed.is_empty() && shed.iter().next().is_none());
        shed.add(ShedReason::Expired, tally(2, 20));
        shed.add(ShedReason::TooLarge, tally(1, 5));
        shed.add(ShedReason::Expired, tally(1, 10));
        let told: Vec<_> = shed.iter().collect();
        assert_eq!(
            told,
            [
                (ShedReason::Expired, tally(3, 30)),
                (ShedReason::TooLarge, tally(1, 5))
            ]
        );
        assert_eq!((shed.documents(), shed.bytes()), (4, 35));
    }
}
