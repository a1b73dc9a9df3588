//! The daemon's counters, read from `/metrics` while it runs and from its last log line when it has
//! stopped. Pure.

use std::collections::BTreeMap;

/// What a daemon of one destination says about its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Taken in since it started.
    pub(super) received: u64,
    /// Found in its spool when it started.
    pub(super) inherited: u64,
    /// Taken in, and not handed on yet.
    pub(super) waiting: u64,
    /// In memory, waiting for an upload or in one.
    pub(super) held: u64,
    /// On disk.
    pub(super) spooled: u64,
    /// Accepted by the collector.
    pub(super) sent: u64,
    /// Rejected, spilled or sampled out, wherever.
    pub(super) lost: u64,
    /// Dropped by the kernel before the daemon saw them, as far as it has noticed.
    pub(super) kernel_dropped: u64,
}

impl Counts {
    /// Reads the Prometheus text of the daemon's admin address; `None` when what is needed is missing.
    pub(super) fn from_metrics(text: &str) -> Option<Self> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let name = series.split('{').next().unwrap_or(series);
            if let Ok(value) = value.parse::<u64>() {
                *sums.entry(name).or_default() += value;
            }
        }
        let of = |name: &str| {
            let name = format!("radiograph_daemon_{name}");
            sums.get(name.as_str()).copied()
        };
        // those by reason have no line before the first
        let lost = [
            "segments_rejected_total",
            "segments_spilled_total",
            "segments_sampled_out_total",
            "destination_segments_rejected_total",
            "destination_segments_spilled_total",
        ];
        Some(Self {
            received: of("segments_received_total")?,
            inherited: of("destination_segments_inherited_total")?,
            waiting: of("segments_waiting")?,
            held: of("destination_segments_held")?,
            spooled: of("destination_segments_spooled")?,
            sent: of("destination_segments_sent_total")?,
            lost: lost.iter().filter_map(|name| of(name)).sum(),
            kernel_dropped: of("kernel_dropped_datagrams_total").unwrap_or(0),
        })
    }

    /// Reads what stands behind `Counters: ` in the daemon's last line; `None` when it is cut short.
    pub(super) fn from_last_line(text: &str) -> Option<Self> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (key, value) in text
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
        {
            *sums.entry(key).or_default() += value.parse::<u64>().ok()?;
        }
        let of = |key: &str| sums.get(key).copied();
        Some(Self {
            received: of("received")?,
            inherited: of("inherited")?,
            waiting: of("waiting")?,
            held: of("held")?,
            spooled: of("spooled")?,
            sent: of("sent")?,
            lost: of("rejected")? + of("spilled")? + of("sampled_out")?,
            kernel_dropped: 0,
        })
    }

    /// What came in and is in no other counter: 0 whenever nothing moves.
    pub(super) fn unaccounted(&self) -> i128 {
        let came = i128::from(self.received) + i128::from(self.inherited);
        let ends = [self.waiting, self.held, self.spooled, self.sent, self.lost];
        came - ends.into_iter().map(i128::from).sum::<i128>()
    }

    /// Whether nothing waits, in memory or on disk.
    pub(super) const fn is_empty(&self) -> bool {
        self.waiting == 0 && self.held == 0 && self.spooled == 0
    }
}

/// Datagrams that Linux dropped at the sockets bound to this port, by its table of UDP sockets
/// (`/proc/net/udp`: the second column is the local address, the thirteenth the drops).
pub(super) fn kernel_drops(table: &str, port: u16) -> u64 {
    let suffix = format!(":{port:04X}");
    let drops = table.lines().filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let is_ours = columns.nth(1)?.ends_with(&suffix);
        let drops: u64 = columns.nth(10)?.parse().ok()?;
        is_ours.then_some(drops)
    });
    drops.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "\
# HELP radiograph_daemon_segments_received_total Datagrams.
# TYPE radiograph_daemon_segments_received_total counter
radiograph_daemon_segments_received_total{transport=\"udp\"} 40
radiograph_daemon_segments_received_total{transport=\"tcp\"} 2
radiograph_daemon_segments_rejected_total{reason=\"header_version\"} 1
radiograph_daemon_segments_spilled_total{reason=\"buffer_full\"} 2
radiograph_daemon_segments_sampled_out_total 0
radiograph_daemon_segments_waiting 3
radiograph_daemon_kernel_dropped_datagrams_total 9
radiograph_daemon_destination_segments_inherited_total{destination=\"default\"} 5
radiograph_daemon_destination_segments_sent_total{destination=\"default\"} 30
radiograph_daemon_destination_segments_rejected_total{destination=\"default\",reason=\"a\"} 1
radiograph_daemon_destination_segments_rejected_total{destination=\"default\",reason=\"b\"} 1
radiograph_daemon_destination_segments_held{destination=\"default\"} 4
radiograph_daemon_destination_segments_spooled{destination=\"default\"} 5
process_start_time_seconds 1700000000.123
";

    #[test]
    fn metrics_are_read_and_reasons_summed() {
        let counts = Counts::from_metrics(METRICS).unwrap();
        let expected = Counts {
            received: 42,
            inherited: 5,
            waiting: 3,
            held: 4,
            spooled: 5,
            sent: 30,
            lost: 5,
            kernel_dropped: 9,
        };
        assert_eq!(counts, expected);
        assert_eq!(counts.unaccounted(), 0);
        assert!(!counts.is_empty());
    }

    #[test]
    fn an_answer_without_a_counter_that_is_needed_is_none() {
        for name in ["received_total", "held", "spooled", "waiting", "sent_total"] {
            let without: String = METRICS
                .lines()
                .filter(|line| !line.contains(name))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(Counts::from_metrics(&without), None, "{name}");
        }
    }

    #[test]
    fn the_last_line_is_read_and_what_is_missing_shows() {
        let line = "received=40 rejected=1 sampled_out=0 spilled=2 waiting=0 ignored=0 \
                    rejected.header_version=1 proxy_forwarded=0 | default: inherited=5 sent=30 \
                    spooled=9 held=0 rejected=1 spilled=1 spilled.expired=1";
        let counts = Counts::from_last_line(line).unwrap();
        assert_eq!((counts.received, counts.lost, counts.spooled), (40, 5, 9));
        assert_eq!(counts.unaccounted(), 1);
        assert_eq!(Counts::from_last_line("received=40 rejected=1"), None);
        assert_eq!(Counts::from_last_line("received=x"), None);
    }

    #[test]
    fn drops_of_all_sockets_of_a_port_are_summed() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                     uid  timeout inode ref pointer drops\n \
                     1: 0100007F:07D0 00000000:0000 07 0:0 00:0 0 1000 0 3213213 2 0 18\n \
                     2: 0100007F:07D0 00000000:0000 07 0:0 00:0 0 1000 0 3213214 2 0 2\n \
                     3: 0100007F:07D1 00000000:0000 07 0:0 00:0 0 1000 0 3213215 2 0 7\n";
        assert_eq!(kernel_drops(table, 2000), 20);
        assert_eq!(kernel_drops(table, 2001), 7);
        assert_eq!(kernel_drops(table, 2002), 0);
        assert_eq!(kernel_drops("", 2000), 0);
    }
}
