//! What one source says; whatever it does not mention is left to the next one.

use crate::config::LogLevel;

/// The settings of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Layer {
    pub(crate) bind: Option<String>,
    pub(crate) bind_tcp: Option<String>,
    pub(crate) endpoint: Option<String>,
    /// 0 and negative ask for the default, as with AWS.
    pub(crate) buffer_mb: Option<i64>,
    pub(crate) concurrency: Option<i64>,
    pub(crate) region: Option<String>,
    pub(crate) log_level: Option<LogLevel>,
    /// For the log, once there is one.
    pub(crate) warnings: Vec<String>,
}

impl Layer {
    /// This layer's settings, completed by those of the one below it.
    pub(crate) fn over(mut self, below: Self) -> Self {
        self.warnings.extend(below.warnings);
        Self {
            bind: self.bind.or(below.bind),
            bind_tcp: self.bind_tcp.or(below.bind_tcp),
            endpoint: self.endpoint.or(below.endpoint),
            buffer_mb: self.buffer_mb.or(below.buffer_mb),
            concurrency: self.concurrency.or(below.concurrency),
            region: self.region.or(below.region),
            log_level: self.log_level.or(below.log_level),
            warnings: self.warnings,
        }
    }

    /// Warns of a setting that is understood but not acted upon in this version.
    pub(crate) fn warn_without_effect(&mut self, setting: &str) {
        self.warnings
            .push(format!("{setting} has no effect yet in this version"));
    }
}
