//! Random appends, takes, answers, restarts and ages against a list.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Take,
    Done(usize),
    GiveBack(usize),
    Expire,
    Wait(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..4).prop_map(Step::Append),
        5 => Just(Step::Take),
        3 => (0_usize..8).prop_map(Step::Done),
        2 => (0_usize..8).prop_map(Step::GiveBack),
        1 => Just(Step::Expire),
        1 => (0_u64..30).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Out,
    Back,
    Done,
}

#[derive(Debug, Clone)]
struct Record {
    number: u64,
    documents: usize,
    time: u64,
    state: State,
}

struct Model {
    directory: tempfile::TempDir,
    spool: Spool,
    now: u64,
    records: Vec<Record>,
    out: Vec<(u64, Token)>,
    appended: u64,
    done: u64,
    shed: u64,
}

const LIMITS: Limits = Limits {
    bytes_max: 1 << 30,
    age_max: Duration::from_millis(60),
    free_min: 0,
};

impl Model {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(directory.path(), LIMITS, NOW).unwrap();
        Self {
            directory,
            spool,
            now: NOW,
            records: Vec::new(),
            out: Vec::new(),
            appended: 0,
            done: 0,
            shed: 0,
        }
    }

    fn append(&mut self, documents: usize) {
        let number = self.records.last().map_or(0, |record| record.number + 1);
        let text = number.to_string();
        let shed = self
            .spool
            .append(&texts(&vec![text.as_str(); documents]), self.now)
            .unwrap();
        self.shed += shed.documents();
        self.appended += documents as u64;
        self.records.push(Record {
            number,
            documents,
            time: self.now,
            state: State::Waiting,
        });
    }

    /// What is first given back, else first waiting; what is too old before it is gone.
    fn take(&mut self) {
        let taken = self.spool.take(self.now).unwrap();
        let mut expected = None;
        for state in [State::Back, State::Waiting] {
            let now = self.now;
            let mut candidates = self
                .records
                .iter_mut()
                .filter(|record| record.state == state);
            expected = candidates.find_map(|record| {
                let is_fresh = now - record.time <= 60;
                record.state = if is_fresh { State::Out } else { State::Done };
                is_fresh.then_some((record.number, record.documents, now - record.time))
            });
            if expected.is_some() {
                break;
            }
        }
        let found = taken.as_ref().map(|taken| {
            let text = strings(&taken.documents)[0].parse().unwrap();
            (text, taken.documents.len(), taken.age_ms)
        });
        assert_eq!(found, expected);
        self.out
            .extend(taken.map(|taken| (found.unwrap().0, taken.token)));
        self.expire();
    }

    fn expire(&mut self) {
        self.shed += self.spool.expire(self.now).documents();
        for record in &mut self.records {
            if matches!(record.state, State::Waiting | State::Back) && self.now - record.time > 60 {
                record.state = State::Done;
            }
        }
    }

    fn answer(&mut self, place: usize, is_done: bool) {
        if self.out.is_empty() {
            return;
        }
        let (number, token) = self.out.remove(place % self.out.len());
        let record = self
            .records
            .iter_mut()
            .find(|record| record.number == number)
            .unwrap();
        if is_done {
            record.state = State::Done;
            self.done += record.documents as u64;
            self.spool.done(token);
        } else {
            record.state = State::Back;
            self.spool.give_back(token);
            // Too old already, it may go at once or with the next look; look now.
            self.expire();
        }
    }

    /// After a restart all that is not done is there, in order; beside it at most what was delivered
    /// behind something that was not.
    fn reopen(&mut self) {
        self.expire();
        let limits = Limits {
            age_max: HOUR,
            ..LIMITS
        };
        let path = self.directory.path().to_owned();
        drop(std::mem::replace(&mut self.spool, other_spool().1));
        let (mut spool, opened) = Spool::open(&path, limits, self.now).unwrap();
        assert_eq!((opened.damaged_records, opened.cut_bytes), (0, 0));
        let mut numbers = Vec::new();
        let mut tokens = Vec::new();
        while let Some(taken) = spool.take(self.now).unwrap() {
            numbers.push(strings(&taken.documents)[0].parse::<u64>().unwrap());
            tokens.push(taken.token);
        }
        tokens.into_iter().for_each(|token| spool.give_back(token));
        drop(spool);
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let pending = |record: &&Record| record.state != State::Done;
        let first = self
            .records
            .iter()
            .find(pending)
            .map(|record| record.number);
        for record in &mut self.records {
            let is_there = numbers.contains(&record.number);
            // What is out of a file that was too old as a whole is gone with the process.
            let may_be_gone = record.state == State::Out && self.now - record.time > 60;
            if record.state == State::Done && is_there {
                assert!(
                    first.is_some_and(|first| record.number > first),
                    "{record:?}"
                );
                self.appended += record.documents as u64;
            } else if record.state != State::Done && !is_there {
                assert!(may_be_gone, "{record:?} is lost");
                self.appended -= record.documents as u64;
            }
            record.state = if is_there {
                State::Waiting
            } else {
                State::Done
            };
        }
        self.out.clear();
        self.spool = Spool::open(&path, LIMITS, self.now).unwrap().0;
        self.expire();
    }

    fn check(&self) {
        let pending = self
            .records
            .iter()
            .filter(|record| record.state != State::Done);
        let documents: usize = pending.map(|record| record.documents).sum();
        assert_eq!(self.spool.documents(), documents as u64);
        assert_eq!(
            self.appended,
            self.done + self.shed + self.spool.documents()
        );
        assert_eq!(self.spool.bytes(), bytes_on_disk(self.directory.path()));
        assert_eq!(self.spool.oldest_ms().is_some(), documents > 0);
    }
}

/// Stands in while the real one is closed and opened.
fn other_spool() -> (tempfile::TempDir, Spool) {
    let directory = tempfile::tempdir().unwrap();
    let (spool, _) = open(directory.path());
    (directory, spool)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn property_the_spool_is_a_list_that_survives(steps in proptest::collection::vec(step(), 1..120)) {
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Append(documents) => model.append(documents),
                Step::Take => model.take(),
                Step::Done(place) => model.answer(place, true),
                Step::GiveBack(place) => model.answer(place, false),
                Step::Expire => model.expire(),
                Step::Wait(millis) => {
                    model.now += millis;
                    model.expire();
                }
                Step::Reopen => model.reopen(),
            }
            model.check();
        }
    }
}
