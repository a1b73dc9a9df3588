//! Reading back, oldest first, and forgetting what is delivered.
//!
//! Several records may be out at once and come back in any order; the position on disk moves past
//! the longest run of delivered ones. Memory: one record, and a note per record that is out.

use std::mem;

use crate::clock;
use crate::documents::Documents;
use crate::spool::format::RecordHeader;
use crate::spool::index::tally_of;
use crate::spool::position::Position;
use crate::spool::scan::Item;
use crate::spool::shed::{Shed, ShedReason, Tally};
use crate::spool::{Spool, SpoolError};

/// Records that may be ahead of the oldest one that is not delivered.
const OUT_MAX: usize = 1024;

/// Stands for a record that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(Position);

/// A record that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// For [`Spool::done`] or [`Spool::give_back`].
    pub(crate) token: Token,
    /// What was appended, byte for byte.
    pub(crate) documents: Documents,
    /// How long ago that was, in milliseconds.
    pub(crate) age_ms: u64,
}

/// The note of a record that was taken.
#[derive(Debug)]
pub(super) struct Out {
    tally: Tally,
    time_ms: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Taken,
    GivenBack,
    /// Delivered, but one before it is not.
    Done,
    /// Taken, and its file was given up meanwhile: it can still be delivered, not be given back.
    Orphan(ShedReason),
}

impl Spool {
    /// The next record in order that is neither taken nor done; `None` when there is none, or when
    /// 1,024 records are ahead of one that is still out.
    ///
    /// # Errors
    /// When the disk cannot be read. After five such errors in a row the file's rest is given up.
    pub(crate) fn take(&mut self, now_ms: u64) -> Result<Option<Taken>, SpoolError> {
        if let Some(taken) = self.retake(now_ms)? {
            return Ok(Some(taken));
        }
        while self.out.len() < OUT_MAX {
            let Some((position, header)) = self.next_record()? else {
                break;
            };
            if self.is_expired(header.time_ms, now_ms) {
                self.pass(position, &header, Err(ShedReason::Expired));
                continue;
            }
            let Some(documents) = self.documents_at(position, &header)? else {
                self.pass(position, &header, Err(ShedReason::Damaged));
                continue;
            };
            self.pass(position, &header, Ok(()));
            return Ok(Some(Taken {
                token: Token(position),
                documents,
                age_ms: now_ms.saturating_sub(header.time_ms),
            }));
        }
        Ok(None)
    }

    /// The first record that was given back.
    fn retake(&mut self, now_ms: u64) -> Result<Option<Taken>, SpoolError> {
        let is_back = |out: &Out| out.state == State::GivenBack;
        while let Some((position, time_ms)) = self
            .out
            .iter()
            .find(|(_, out)| is_back(out))
            .map(|(position, out)| (*position, out.time_ms))
        {
            if self.is_expired(time_ms, now_ms) {
                self.lose(position, ShedReason::Expired);
                continue;
            }
            let end = self
                .index
                .file_from(position.file)
                .map_or(0, |file| file.bytes);
            let documents = match self.item_at(position, end)? {
                Item::Record(header) => self.documents_at(position, &header)?,
                Item::Damaged { .. } | Item::Torn { .. } | Item::End => None,
            };
            let Some(documents) = documents else {
                self.lose(position, ShedReason::Damaged);
                continue;
            };
            if let Some(out) = self.out.get_mut(&position) {
                out.state = State::Taken;
            }
            return Ok(Some(Taken {
                token: Token(position),
                documents,
                age_ms: now_ms.saturating_sub(time_ms),
            }));
        }
        Ok(None)
    }

    /// Forgets a record: it was delivered, or refused for good.
    pub(crate) fn done(&mut self, token: Token) {
        let Some(out) = self.out.get_mut(&token.0) else {
            return;
        };
        match mem::replace(&mut out.state, State::Done) {
            State::Taken | State::GivenBack => {
                let tally = out.tally;
                self.subtract(token.0.file, tally);
            }
            State::Orphan(_) => drop(self.out.remove(&token.0)),
            State::Done => {}
        }
        self.settle();
    }

    /// Lets a record be taken again, before all later ones.
    pub(crate) fn give_back(&mut self, token: Token) {
        let Some(out) = self.out.get_mut(&token.0) else {
            return;
        };
        match out.state {
            State::Taken => out.state = State::GivenBack,
            State::Orphan(reason) => {
                let tally = out.tally;
                self.out.remove(&token.0);
                self.give_up(reason, tally);
            }
            State::GivenBack | State::Done => {}
        }
    }

    /// Gives up what is older than the bound and not taken; tells that and whatever else was given up
    /// since it was last told.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Shed {
        let too_old: Vec<Position> = self
            .out
            .iter()
            .filter(|(_, out)| out.state == State::GivenBack)
            .filter(|(_, out)| self.is_expired(out.time_ms, now_ms))
            .map(|(position, _)| *position)
            .collect();
        for position in too_old {
            self.lose(position, ShedReason::Expired);
        }
        while let Some(front) = self.index.0.front() {
            if !self.is_expired(front.newest_ms, now_ms) {
                break;
            }
            // A file that cannot be removed now is tried again with the next call.
            if self.shed_oldest(ShedReason::Expired).is_err() {
                break;
            }
        }
        while let Ok(Some((position, header))) = self.next_record() {
            if !self.is_expired(header.time_ms, now_ms) {
                break;
            }
            self.pass(position, &header, Err(ShedReason::Expired));
        }
        self.remove_finished();
        mem::take(&mut self.shed)
    }

    /// When the oldest document that is not done was appended, in milliseconds since the epoch; of a
    /// file that is partly read it may be the record before.
    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        let is_out = |out: &&Out| out.state != State::Done;
        let out = self.out.values().filter(is_out).map(|out| out.time_ms);
        let unread = self.index.0.iter().filter(|file| file.unread.documents > 0);
        out.chain(unread.map(|file| file.oldest_ms)).min()
    }

    /// Documents that are not done although their file is gone.
    pub(super) fn orphans(&self) -> Tally {
        let is_orphan = |out: &&Out| matches!(out.state, State::Orphan(_));
        self.out
            .values()
            .filter(is_orphan)
            .map(|out| out.tally)
            .sum()
    }

    /// Moves behind a record, which is taken or given up.
    fn pass(&mut self, position: Position, header: &RecordHeader, fate: Result<(), ShedReason>) {
        let tally = tally_of(header);
        self.cursor.offset = position.offset.saturating_add(header.record_bytes());
        if let Some(file) = self.index.file_mut(position.file) {
            file.unread = file.unread.minus(tally);
            file.oldest_ms = file.oldest_ms.max(header.time_ms);
        }
        let out = Out {
            tally,
            time_ms: header.time_ms,
            state: State::Taken,
        };
        self.out.insert(position, out);
        if let Err(reason) = fate {
            self.lose(position, reason);
        }
    }

    /// Gives up a record that is noted as out.
    fn lose(&mut self, position: Position, reason: ShedReason) {
        let Some(out) = self.out.get_mut(&position) else {
            return;
        };
        out.state = State::Done;
        let tally = out.tally;
        self.subtract(position.file, tally);
        self.give_up(reason, tally);
        self.settle();
    }

    fn subtract(&mut self, number: u64, tally: Tally) {
        if let Some(file) = self.index.file_mut(number) {
            file.left = file.left.minus(tally);
        }
    }

    /// Removes files that are done, forgets notes that are not needed, and notes the position.
    pub(super) fn settle(&mut self) {
        self.remove_finished();
        let is_out = |out: &Out| matches!(out.state, State::Taken | State::GivenBack);
        let first = self.out.iter().find(|(_, out)| is_out(out));
        let position = first.map_or(self.cursor, |(position, _)| *position);
        while let Some(passed) = self
            .out
            .range(..position)
            .find(|(_, out)| out.state == State::Done)
            .map(|(position, _)| *position)
        {
            self.out.remove(&passed);
        }
        let noted = self.position.write(self.files.as_ref(), position);
        if let Err(error) = noted
            && let Some(suppressed) = self.troubles.admit(clock::now(), 1)
        {
            tracing::warn!(%error, suppressed, "Position of the spool cannot be noted");
        }
    }

    /// Notes that a file is gone: what is out of it can only be delivered. Their sum.
    pub(super) fn orphan(&mut self, number: u64, reason: ShedReason) -> Tally {
        let mut held = Tally::default();
        self.out.retain(|position, out| {
            if position.file != number {
                return true;
            }
            if out.state == State::Taken {
                out.state = State::Orphan(reason);
                held = held.plus(out.tally);
            }
            matches!(out.state, State::Orphan(_))
        });
        held
    }

    /// Lets go of a file that is gone.
    pub(super) fn forget(&mut self, number: u64) {
        self.reader.take_if(|(open, _)| *open == number);
        self.writer.take_if(|writer| writer.number == number);
        self.unsynced.retain(|(open, _)| *open != number);
        if self.cursor.file == number {
            self.cursor = Position {
                file: number.saturating_add(1),
                offset: 0,
            };
        }
    }

    fn is_expired(&self, time_ms: u64, now_ms: u64) -> bool {
        u128::from(now_ms.saturating_sub(time_ms)) > self.limits.age_max.as_millis()
    }
}
