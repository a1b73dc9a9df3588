//! The books: which documents were sent how, which were acknowledged, and what a daemon that died
//! may have taken with it. Pure.
//!
//! What a collector acknowledged must be there. A datagram is never acknowledged, so the daemon's
//! counters speak for it: one that the daemon had delivered or written to its spool must be there. Of
//! the others at most as many may be missing as it held in memory when it was killed, or as the kernel
//! dropped. Memory: 8 bytes a datagram and some 20 a document, for the whole run.

use std::collections::{HashMap, HashSet};

use super::counts::Counts;

/// Everything sent so far.
#[derive(Debug, Default)]
pub(super) struct Books {
    acknowledged: HashSet<u64>,
    /// Sent to the collector, acknowledged or not.
    posted: HashSet<u64>,
    lives: Vec<Life>,
    /// Documents that the collector was asked to take once more, calls made again left out.
    posted_again: usize,
}

/// One daemon process, from its start to its end.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The number in each datagram sent to it, in order.
    sent: Vec<u64>,
    /// So many of the first ones were delivered or on disk when last everything was.
    safe: usize,
    /// What an earlier poll of its counters said, and how many had been sent before.
    earlier: Option<(usize, Counts)>,
    /// Received by the earlier of the last two polls, and not out of memory by the later.
    in_hand: Option<InHand>,
    /// As last heard.
    received: u64,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy)]
struct InHand {
    received: u64,
    documents: u64,
}

/// How a daemon's life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By kill -9, or by itself.
    Killed,
    /// By SIGTERM, or it still runs at the end: what was sent before it was `asked` must be there,
    /// but for so many that it or the kernel counted as lost.
    Stopped { asked: usize, lost: u64 },
}

/// Why a document may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It was in the memory of a daemon that was killed, or in the kernel's queue for it.
    Killed,
    /// The kernel dropped it, or the daemon did and counted it.
    Counted,
    /// It was sent after the daemon was asked to stop.
    Stopping,
    /// The collector was asked to take it and never said that it did.
    Unacknowledged,
}

impl Reason {
    /// For the table.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Killed => "in the memory of a killed daemon",
            Self::Counted => "dropped by kernel or daemon, and counted",
            Self::Stopping => "sent while the daemon stopped",
            Self::Unacknowledged => "never acknowledged",
        }
    }
}

/// What is known about a document's whereabouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It must be there.
    Secure,
    /// It may be missing, with no more than its life's bound in all.
    Bounded { life: usize, reason: Reason },
    /// It may be missing.
    Possible(Reason),
    /// It was never sent.
    Unsent,
}

/// The books, closed: what must be there and what may be.
#[derive(Debug, Default)]
pub(super) struct Closed {
    fates: HashMap<u64, Fate>,
    /// How many documents each daemon may have lost.
    pub(super) bounds: Vec<u64>,
}

impl Books {
    /// The collector is asked to take these.
    pub(super) fn posted(&mut self, numbers: impl Iterator<Item = u64>) {
        for number in numbers {
            self.posted_again += usize::from(!self.posted.insert(number));
        }
    }

    /// The collector says that it has taken these.
    pub(super) fn acknowledged(&mut self, numbers: impl Iterator<Item = u64>) {
        self.acknowledged.extend(numbers);
    }

    /// A new daemon; returns the life's number.
    pub(super) fn born(&mut self) -> usize {
        self.lives.push(Life::default());
        self.lives.len() - 1
    }

    /// A datagram goes to this daemon.
    pub(super) fn sent(&mut self, life: usize, number: u64) {
        if let Some(life) = self.lives.get_mut(life) {
            life.sent.push(number);
        }
    }

    /// Datagrams sent to this daemon so far.
    pub(super) fn sent_to(&self, life: usize) -> usize {
        self.lives.get(life).map_or(0, |life| life.sent.len())
    }

    /// This daemon says that it has received so many.
    pub(super) fn received(&mut self, life: usize, received: u64) {
        if let Some(life) = self.lives.get_mut(life) {
            life.received = life.received.max(received);
        }
    }

    /// What this daemon's counters say; `sent` datagrams had been sent to it before it was asked, and
    /// the kernel had dropped so many when it had answered.
    pub(super) fn polled(&mut self, life: usize, sent: usize, counts: Counts, drops: u64) {
        self.received(life, counts.received);
        let Some(life) = self.lives.get_mut(life) else {
            return;
        };
        // of two polls, since a document that is received now may show as waiting a moment later
        if let Some((sent_before, before)) = life.earlier.replace((sent, counts)) {
            let documents = counts.waiting + counts.held + counts.lost;
            life.in_hand = Some(InHand {
                received: before.received,
                documents,
            });
            let has_all = before.received >= u64::try_from(sent_before).unwrap_or(u64::MAX);
            if has_all && documents == 0 && drops == 0 {
                life.safe = life.safe.max(sent_before);
            }
        }
    }

    /// This daemon was killed, or ended by itself.
    pub(super) fn killed(&mut self, life: usize) {
        self.end(life, End::Killed);
    }

    /// This daemon has stopped as it should, or is at rest at the end of the run: what was sent before
    /// it was asked to is there but for so many.
    pub(super) fn stopped(&mut self, life: usize, asked: usize, lost: u64) {
        self.end(life, End::Stopped { asked, lost });
    }

    fn end(&mut self, life: usize, end: End) {
        if let Some(life) = self.lives.get_mut(life) {
            life.end = Some(end);
        }
    }

    /// Documents acknowledged so far.
    pub(super) fn acknowledged_documents(&self) -> usize {
        self.acknowledged.len()
    }

    /// Documents that the collector was asked to take so far.
    pub(super) fn posted_documents(&self) -> usize {
        self.posted.len()
    }

    /// Documents that were sent once more: by HTTP, and by UDP.
    pub(super) fn repeats(&self) -> (usize, usize) {
        let sent = self.lives.iter().flat_map(|life| &life.sent);
        let different: HashSet<&u64> = sent.collect();
        (self.posted_again, self.datagrams() - different.len())
    }

    /// Datagrams sent so far.
    pub(super) fn datagrams(&self) -> usize {
        self.lives.iter().map(|life| life.sent.len()).sum()
    }

    /// Datagrams that daemons said they received, as last heard of each.
    pub(super) fn received_datagrams(&self) -> u64 {
        self.lives.iter().map(|life| life.received).sum()
    }

    /// What follows from all of it.
    pub(super) fn close(&self) -> Closed {
        let mut closed = Closed::default();
        for number in &self.posted {
            closed.note(*number, Fate::Possible(Reason::Unacknowledged));
        }
        for (index, life) in self.lives.iter().enumerate() {
            closed.bounds.push(life.bound());
            for (place, number) in life.sent.iter().enumerate() {
                closed.note(*number, life.fate(index, place));
            }
        }
        for number in &self.acknowledged {
            closed.note(*number, Fate::Secure);
        }
        closed
    }
}

impl Life {
    /// How many of its datagrams may be missing.
    fn bound(&self) -> u64 {
        let sent = u64::try_from(self.sent.len()).unwrap_or(u64::MAX);
        match (self.end, self.in_hand) {
            (Some(End::Stopped { lost, .. }), _) => lost,
            (Some(End::Killed) | None, Some(in_hand)) => {
                sent.saturating_sub(in_hand.received) + in_hand.documents
            }
            (Some(End::Killed) | None, None) => sent,
        }
    }

    /// What is known about the datagram sent to it as the `place`th.
    fn fate(&self, life: usize, place: usize) -> Fate {
        if place < self.safe {
            return Fate::Secure;
        }
        match self.end {
            Some(End::Stopped { asked, .. }) if place >= asked => Fate::Possible(Reason::Stopping),
            Some(End::Stopped { lost: 0, .. }) => Fate::Secure,
            Some(End::Stopped { .. }) => Fate::Bounded {
                life,
                reason: Reason::Counted,
            },
            Some(End::Killed) | None => Fate::Bounded {
                life,
                reason: Reason::Killed,
            },
        }
    }
}

impl Closed {
    /// What is known about this document.
    pub(super) fn fate(&self, number: u64) -> Fate {
        self.fates.get(&number).copied().unwrap_or(Fate::Unsent)
    }

    /// Numbers of all documents that were sent, in no order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.fates.keys().copied()
    }

    /// Of several copies the one that says most counts: one that must be there, then one whose loss
    /// is bounded.
    fn note(&mut self, number: u64, fate: Fate) {
        let strength = |fate: Fate| match fate {
            Fate::Unsent => 0,
            Fate::Possible(_) => 1,
            Fate::Bounded { .. } => 2,
            Fate::Secure => 3,
        };
        let known = self.fates.entry(number).or_insert(Fate::Unsent);
        if strength(fate) >= strength(*known) {
            *known = fate;
        }
    }
}

#[cfg(test)]
mod tests;
