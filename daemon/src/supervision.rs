//! What a running daemon tells systemd until something ends it: that it lives, and how it does.
//!
//! The loop runs on the thread that routes and uploads, so a stuck one gives no sign of life; whether
//! segments are still received is what `/livez` asks too (`spec/daemon.md` section 13).

use radiograph_admin::systemd::Notify;

use crate::clock;
use crate::lambda::End;
use crate::metrics::{self, Counters};
use crate::pipeline::Daemon;
use crate::shutdown::{Signal, Signals};

/// Waits for what ends the daemon, a signal or the end of its `life` as an extension, and says what;
/// `reload` does what SIGHUP asks for.
pub async fn until_ended(
    daemon: &mut Daemon,
    life: impl Future<Output = End>,
    signals: &mut Signals,
    notify: &Notify,
    mut reload: impl FnMut(&mut Daemon),
) -> End {
    notify.ready(&status(&daemon.counters()));
    let mut pulse = notify.pulse();
    let mut life = std::pin::pin!(life);
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            end = &mut life => return end,
            () = pulse.next() => {
                notify.beat(daemon.is_receiving(), &status(&daemon.counters()));
                continue;
            }
        };
        match signal {
            Signal::Stop(signal) => return End::Signal(signal),
            Signal::Reload => {
                notify.reloading(clock::since_boot());
                reload(daemon);
                notify.ready(&status(&daemon.counters()));
            }
        }
    }
}

/// A line for `systemctl status`.
#[must_use]
pub fn status(counters: &Counters) -> String {
    let received = counters.received;
    let sampled_out = counters.sampled_out;
    let dropped = metrics::sum(&counters.rejected) + metrics::sum(&counters.spilled);
    let mut text = format!("{received} documents received");
    if sampled_out > 0 {
        text.push_str(&format!(", {sampled_out} sampled out"));
    }
    if dropped > 0 {
        text.push_str(&format!(", {dropped} rejected or spilled"));
    }
    for each in &counters.destinations {
        let (name, sent) = (&each.name, each.sent);
        let waiting = each.held + each.spooled;
        let state = if each.is_up { "" } else { " (down)" };
        text.push_str(&format!(
            "; {name}{state}: {sent} delivered, {waiting} waiting"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::DestinationCounters;

    #[test]
    fn the_status_says_what_came_and_what_became_of_it() {
        let mut counters = Counters {
            received: 10,
            destinations: vec![DestinationCounters {
                name: "default".to_owned(),
                sent: 7,
                held: 1,
                spooled: 2,
                is_up: true,
                ..DestinationCounters::default()
            }],
            ..Counters::default()
        };
        let quiet = "10 documents received; default: 7 delivered, 3 waiting";
        assert_eq!(status(&counters), quiet);
        counters.sampled_out = 3;
        counters.rejected = vec![("a", 1), ("b", 1)];
        counters.spilled = vec![("c", 4)];
        counters.destinations[0].is_up = false;
        let troubled = "10 documents received, 3 sampled out, 6 rejected or spilled; \
                        default (down): 7 delivered, 3 waiting";
        assert_eq!(status(&counters), troubled);
    }
}
