//! What is measured, a module each.

mod burst;
mod cpu;
mod latency;
mod memory;
mod noloss;
mod outage;
mod profile;
mod sigterm;
mod size;
mod start;

use std::time::Duration;

use clap::ValueEnum;

use super::cli::Settings;
use super::table::Table;

/// How long nothing may arrive before what is missing counts as lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// One group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// CPU seconds per million segments, by rate
    Cpu,
    /// Rates at which nothing may be lost, and the highest without loss
    Noloss,
    /// The largest burst without loss
    Burst,
    /// Idle and peak memory
    Memory,
    /// From datagram to delivery, when idle
    Latency,
    /// From start to bound socket
    Start,
    /// A destination that is away and comes back
    Outage,
    /// A stop under load with a slow destination
    Sigterm,
    /// Bytes of the binary
    Size,
    /// Where the CPU goes, by thread and by function
    Profile,
}

impl Scenario {
    /// What runs when none is named.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|scenario| *scenario != Self::Profile).collect()
    }

    /// Measures.
    ///
    /// # Errors
    /// When something could not be measured; a missed bar is none.
    pub fn run(self, settings: &Settings) -> anyhow::Result<Table> {
        match self {
            Self::Cpu => cpu::run(settings),
            Self::Noloss => noloss::run(settings),
            Self::Burst => burst::run(settings),
            Self::Memory => memory::run(settings),
            Self::Latency => latency::run(settings),
            Self::Start => start::run(settings),
            Self::Outage => outage::run(settings),
            Self::Sigterm => sigterm::run(settings),
            Self::Size => size::run(settings),
            Self::Profile => profile::run(settings),
        }
    }
}

/// A size of documents as tables name it.
pub(crate) fn size_name(bytes: usize) -> String {
    format!("{} KB", bytes / 1_000)
}
