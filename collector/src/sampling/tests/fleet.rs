//! Simulated SDKs: the client side of the protocol crate, which the daemon runs on, with clocks, traffic
//! and habits of their own, against the real service, a second at a time.

use radiograph_protocol::sampling::{Decision, Lease, Reservoir};

use super::*;

/// Seconds between two reports of a client.
const INTERVAL: i64 = 10;

/// Seconds without a report after which the service gives a client's share to others.
const ACTIVE: i64 = 30;

/// How a client takes a quota of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// As it is meant.
    Obeys,
    /// As the Node SDK: the quota stays as it was, and lives on.
    IgnoresZero,
}

/// A client to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) requests_per_second: u64,
    /// How far its clock is ahead, in seconds.
    pub(super) skew: i64,
    pub(super) habit: Habit,
}

pub(super) struct Client {
    id: String,
    plan: Plan,
    reservoir: Reservoir,
    /// What it goes by, as in its reservoir.
    pub(super) lease: Option<Lease>,
    counts: Counts,
    phase: i64,
    last_report: Option<i64>,
    /// Since when it has had requests without a pause of [`ACTIVE`].
    awake_since: i64,
    last_request: Option<i64>,
    /// Whether it had more than one when it woke up or the service started anew.
    woke_up_rich: bool,
    idle_until: i64,
    burst_until: i64,
    /// When it held quota last, at first when it came.
    pub(super) held: i64,
    pub(super) came: i64,
}

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    /// Recorded by quota, borrowing or rate.
    pub(super) recorded: u64,
    pub(super) borrowed: u64,
    /// Live quotas of clients that the service knows to be active.
    pub(super) quota_active: u64,
    /// Live quotas that others used: overshoot (a) of the allocation.
    pub(super) quota_silent: u64,
    /// Clients that hold the last one of more on the way to nothing.
    pub(super) stepping: u64,
    /// The longest that a borrower has been awake, in seconds.
    pub(super) borrower_awake: i64,
    /// The longest that somebody used a lease without having reported since it woke up.
    pub(super) silent_awake: i64,
}

/// Clients of one rule, and the service they report to.
pub(super) struct Fleet {
    pub(super) sampling: Sampling,
    rule: SamplingRule,
    pub(super) clients: Vec<Client>,
    pub(super) random: fastrand::Rng,
    pub(super) second: i64,
    made: u64,
}

impl Fleet {
    pub(super) fn new(reservoir_size: u32, fixed_rate: f64, seed: u64) -> Self {
        let mut record = record("checkout", 100, reservoir_size);
        record.sampling_rule.fixed_rate = fixed_rate;
        Self {
            sampling: service(std::slice::from_ref(&record)),
            rule: record.sampling_rule,
            clients: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            second: 0,
            made: 0,
        }
    }

    /// Another service with the same rules, which knows nobody.
    pub(super) fn restart(&mut self) {
        let record = SamplingRuleRecord {
            sampling_rule: self.rule.clone(),
            ..record("checkout", 100, 0)
        };
        self.sampling = service(&[record]);
    }

    pub(super) fn resize(&mut self, reservoir_size: u32) {
        self.rule.reservoir_size = reservoir_size;
        let record = SamplingRuleRecord {
            sampling_rule: self.rule.clone(),
            ..record("checkout", 100, 0)
        };
        let now = at(self.second);
        let rules = RuleSet {
            last_modification: now,
            ..rule_set(&[record])
        };
        self.sampling.replace_rules(rules, now);
    }

    /// One look of adaptive sampling, which finds a cause or none; whether the rule is raised then.
    pub(super) fn adapt(&self, settings: AdaptiveSettings, has_cause: bool) -> bool {
        let cause = Cause {
            service_name: "shop".to_owned(),
            signal: Signal::Errors,
            value: 0.5,
            baseline: 0.0,
        };
        let causes = has_cause.then(|| ("checkout".to_owned(), cause));
        let settings = BTreeMap::from([("checkout".to_owned(), settings)]);
        let now = at(self.second);
        self.sampling
            .adapt(Some(&settings), &causes.into_iter().collect(), now);
        self.sampling.rules_usage(now).rules[0].is_raised
    }

    pub(super) fn join(&mut self, plan: Plan) {
        self.made += 1;
        self.clients.push(Client {
            // ids in no order, as they are random
            id: format!("{:024x}", self.random.u128(..1 << 96)),
            plan,
            reservoir: Reservoir::new(&self.rule),
            lease: None,
            counts: Counts::default(),
            phase: self.random.i64(0..INTERVAL),
            last_report: None,
            awake_since: self.second,
            last_request: None,
            woke_up_rich: false,
            idle_until: 0,
            burst_until: 0,
            held: self.second,
            came: self.second,
        });
    }

    pub(super) fn leave(&mut self, count: usize) {
        for _ in 0..count.min(self.clients.len()) {
            let index = self.random.usize(..self.clients.len());
            self.clients.swap_remove(index);
        }
    }

    /// Has some of them fall silent for up to `longest`, and some have ten times the requests.
    pub(super) fn stir(&mut self, longest: i64) {
        for client in &mut self.clients {
            match self.random.u32(..600) {
                0 => client.idle_until = self.second + self.random.i64(ACTIVE..longest),
                1 => client.burst_until = self.second + self.random.i64(5..30),
                _ => {}
            }
        }
    }

    /// One second of traffic, then the reports that are due.
    pub(super) fn step(&mut self) -> Tally {
        let mut tally = Tally::default();
        let now = self.second;
        for client in &mut self.clients {
            client.decide(now, &mut self.random, &mut tally);
        }
        for client in &mut self.clients {
            if now.rem_euclid(INTERVAL) == client.phase {
                client.report(now, &self.sampling);
            }
        }
        self.second += 1;
        tally
    }
}

impl Client {
    fn clock(&self, now: i64) -> i64 {
        START + now + self.plan.skew
    }

    fn live_quota(&self, now: i64) -> u32 {
        let live = self
            .lease
            .filter(|lease| lease.ttl_seconds >= self.clock(now));
        live.map_or(0, |lease| lease.quota)
    }

    fn is_known(&self, now: i64) -> bool {
        self.last_report.is_some_and(|report| now - report < ACTIVE)
    }

    fn decide(&mut self, now: i64, random: &mut fastrand::Rng, tally: &mut Tally) {
        if self.live_quota(now) > 0 {
            self.held = now;
        }
        let requests = if now < self.idle_until {
            0
        } else if now < self.burst_until {
            self.plan.requests_per_second * 10
        } else {
            random.u64(0..=self.plan.requests_per_second * 2)
        };
        if requests > 0 {
            self.note_request(now);
        }
        let clock = self.clock(now);
        for _ in 0..requests {
            let decision = self.reservoir.decide(clock, random.f64());
            tally.recorded += u64::from(decision == Decision::Record);
        }
        let counts = self.reservoir.take_counts();
        self.counts += counts;
        tally.requests += requests;
        tally.borrowed += counts.borrows;
        if counts.borrows > 0 {
            tally.borrower_awake = tally.borrower_awake.max(now - self.awake_since);
        }
        let quota = u64::from(self.live_quota(now));
        if self.is_known(now) {
            tally.quota_active += quota;
            tally.stepping += u64::from(self.woke_up_rich && quota == 1);
        } else if requests > 0 {
            tally.quota_silent += quota;
            if quota > 0 {
                tally.silent_awake = tally.silent_awake.max(now - self.awake_since);
            }
        }
    }

    fn note_request(&mut self, now: i64) {
        if self.last_request.is_none_or(|last| now - last >= ACTIVE) {
            self.awake_since = now;
        }
        self.last_request = Some(now);
        if !self.is_known(now) {
            self.woke_up_rich = self.live_quota(now) > 1;
        }
    }

    /// Reports what it counted, if anything, and obeys.
    fn report(&mut self, now: i64, sampling: &Sampling) {
        let client_time = Timestamp::from_seconds(self.clock(now));
        let counts = std::mem::take(&mut self.counts);
        let Some(document) = counts.report("checkout", &self.id, client_time) else {
            return;
        };
        let request = GetSamplingTargetsRequest {
            statistics: vec![document],
            boosts: Vec::new(),
        };
        let answer = sampling.targets(&request, at(now));
        let target = &answer.sampling_target_documents[0];
        assert_eq!(target.interval, 10);
        if self.is_known(now) {
            self.woke_up_rich = false;
        }
        self.last_report = Some(now);
        let granted = target.reservoir.map(|reservoir| Lease {
            quota: reservoir.quota,
            ttl_seconds: reservoir.ttl.0,
        });
        let granted = match (self.plan.habit, granted) {
            (
                Habit::IgnoresZero,
                Some(Lease {
                    quota: 0,
                    ttl_seconds,
                }),
            ) => self.lease.map(|lease| Lease {
                ttl_seconds,
                ..lease
            }),
            (_, granted) => granted,
        };
        self.lease = granted.or(self.lease);
        self.reservoir.apply_target(target.fixed_rate, granted);
    }
}
