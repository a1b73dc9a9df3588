//! The task that keeps rules and quotas fresh, and reports what was counted.
//!
//! Calls are made one after another; a failed report is repeated with the next one, where the SDKs
//! lose it. In mode off nothing is called. The task ends as soon as the daemon begins to stop.

use std::sync::Arc;

use radiograph_protocol::api::sampling::{GetSamplingTargetsRequest, StatisticsDocument};
use radiograph_protocol::limits::STATISTICS_PER_CALL_MAX;
use radiograph_protocol::sampling::load::{self, LoadedRules};
use radiograph_protocol::sampling::targets::{self, Targets};
use radiograph_protocol::timestamp::Timestamp;

use super::Sampler;
use super::exchange::{self, ExchangeError};
use super::schedule::Schedule;
use crate::call::failure::with_causes;
use crate::clock;
use crate::config::SamplingMode;
use crate::shutdown::{Phase, Watch};

impl Sampler {
    /// Polls until the daemon stops.
    pub(crate) async fn run(self: Arc<Self>, watch: Watch) {
        tokio::select! {
            () = self.poll() => {}
            () = watch.reached(Phase::Stopping) => {}
        }
    }

    async fn poll(&self) {
        let mut schedule = Schedule::new(self.pace, clock::now());
        loop {
            if self.decider().mode == SamplingMode::Off {
                self.mode_changed.notified().await;
                schedule = Schedule::new(self.pace, clock::now());
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep_until(schedule.next().into()) => {}
                () = self.mode_changed.notified() => continue,
            }
            if schedule.wants_rules(clock::now()) {
                self.refresh_rules(&mut schedule).await;
            }
            if schedule.begin_report(clock::now(), fastrand::f64()) {
                self.begin_cycle(&schedule);
                self.report(&mut schedule).await;
            }
        }
    }

    async fn refresh_rules(&self, schedule: &mut Schedule) {
        let began_seconds = wall_clock().seconds_floor();
        match self.fetch_rules().await {
            Ok(LoadedRules { records, discarded }) => {
                for (rule, reason) in discarded {
                    tracing::debug!(rule, %reason, "Sampling rule left out");
                }
                self.change(|decider| decider.table.reload(records, self.server));
                schedule.fetched(clock::now(), began_seconds, fastrand::f64());
                let count = self.decider().table.len();
                tracing::debug!(count, "Sampling rules fetched");
            }
            Err(error) => {
                schedule.failed(clock::now(), fastrand::f64());
                self.note_failure(&error, "Sampling rules cannot be fetched");
            }
        }
    }

    async fn fetch_rules(&self) -> Result<LoadedRules, ExchangeError> {
        let answer = exchange::post(&self.caller, "/GetSamplingRules", "{}").await?;
        Ok(load::load(&answer)?)
    }

    /// What is due every ten seconds whether or not there is something to report.
    fn begin_cycle(&self, schedule: &Schedule) {
        self.change(|decider| {
            decider.memory.forget_older(wall_clock().seconds_floor());
            if schedule.is_outdated(clock::now()) {
                decider.table.abandon();
            }
        });
    }

    async fn report(&self, schedule: &mut Schedule) {
        let now = wall_clock();
        let reports = self.decider().table.reports(&self.client_id, now);
        for reports in reports.chunks(STATISTICS_PER_CALL_MAX) {
            match self.call_targets(reports).await {
                Ok(Targets {
                    targets,
                    last_rule_modification,
                }) => {
                    self.change(|decider| {
                        decider.table.acknowledge(reports);
                        decider.table.apply(&targets);
                    });
                    if let Some(modified_seconds) = last_rule_modification {
                        schedule.note_modification(clock::now(), modified_seconds);
                    }
                }
                Err(error) => {
                    self.note_failure(&error, "Sampling statistics cannot be reported");
                    return;
                }
            }
        }
    }

    async fn call_targets(&self, reports: &[StatisticsDocument]) -> Result<Targets, ExchangeError> {
        let request = GetSamplingTargetsRequest {
            statistics: reports.to_vec(),
            boosts: Vec::new(),
        };
        let body = serde_json::to_vec(&request)?;
        let answer = exchange::post(&self.caller, "/SamplingTargets", body).await?;
        Ok(targets::read(&answer)?)
    }

    fn note_failure(&self, error: &ExchangeError, what: &'static str) {
        if let Some(suppressed) = self.failures.admit(clock::now(), 1) {
            let error = with_causes(error);
            tracing::warn!(error, suppressed, "{what}");
        }
    }
}

fn wall_clock() -> Timestamp {
    let micros = i64::try_from(clock::since_epoch().as_micros());
    Timestamp::from_micros(micros.unwrap_or(i64::MAX))
}
