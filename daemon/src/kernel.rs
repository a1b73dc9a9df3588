//! Datagrams that the kernel dropped because its queue for our socket was full: the loss that no
//! counter of the daemon itself can see.
//!
//! Source: `spec/daemon.md` section 2.2. Linux tells the number in `/proc/net/udp` and `udp6`, found
//! there by the socket's inode; elsewhere, and where `/proc` is not to be had, it is unknown.

mod table;

use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::log_limit::LogLimit;
use crate::shutdown::{Phase, Watch};

/// Between two looks; also the most that the log is late.
const INTERVAL: Duration = Duration::from_secs(10);

/// A burst that a host's services can make together: segments of 1 KB, back to back.
const BURST_SEGMENTS: usize = 10_000;

/// What the kernel accounts for a datagram of 1 KB (`spec/floors.md` section 1: the default buffer of
/// 212,992 bytes holds 92, twice 4 MiB hold 3,640).
const SEGMENT_KERNEL_BYTES: usize = 2304;

/// `net.core.rmem_max` at which such a burst fits: the kernel grants twice as much as is asked for.
const RMEM_MAX_WANTED: u64 = 12 << 20;

/// Counts the drops of our sockets.
#[derive(Debug)]
pub(crate) struct KernelDrops {
    sockets: Mutex<Vec<Tracked>>,
    interval: Duration,
    lines: LogLimit,
}

#[derive(Debug)]
struct Tracked {
    inode: u64,
    /// The counter, which wraps, as last seen; the kernel forgets it with the socket.
    seen: Option<u32>,
    total: u64,
}

impl KernelDrops {
    /// For these sockets, which may be given away afterwards.
    pub(crate) fn of<'a>(sockets: impl IntoIterator<Item = &'a UdpSocket>) -> Self {
        let tracked = sockets.into_iter().filter_map(inode).map(|inode| Tracked {
            inode,
            seen: None,
            total: 0,
        });
        Self {
            sockets: Mutex::new(tracked.collect()),
            interval: INTERVAL,
            lines: LogLimit::one_in_ten_seconds(),
        }
    }

    /// How many were dropped up to now; `None` where the system does not tell. Reads two small files.
    pub(crate) fn total(&self) -> Option<u64> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        for name in ["/proc/net/udp", "/proc/net/udp6"] {
            // A host without IPv6 has the first alone.
            let Ok(lines) = table::read(name) else {
                continue;
            };
            for (inode, drops) in lines {
                for socket in sockets.iter_mut().filter(|socket| socket.inode == inode) {
                    socket.note(drops);
                }
            }
        }
        let is_known = sockets.iter().any(|socket| socket.seen.is_some());
        is_known.then(|| sockets.iter().map(|socket| socket.total).sum())
    }

    /// Looks every ten seconds and warns of what was dropped since, until the daemon stops.
    pub(crate) async fn watch(self: Arc<Self>, watch: Watch) {
        let mut told = 0;
        loop {
            let is_last = tokio::select! {
                () = watch.reached(Phase::Stopping) => true,
                () = tokio::time::sleep(self.interval) => false,
            };
            let total = self.total().unwrap_or(told);
            let count = total.saturating_sub(told);
            if count > 0 && self.lines.admit(clock::now(), count).is_some() {
                tracing::warn!("{}", warning(count, rmem_max()));
                told = total;
            }
            if is_last {
                return;
            }
        }
    }
}

impl Tracked {
    fn note(&mut self, drops: u32) {
        let seen = self.seen.unwrap_or_default();
        self.total = self
            .total
            .saturating_add(u64::from(drops.wrapping_sub(seen)));
        self.seen = Some(drops);
    }
}

fn warning(count: u64, rmem_max: Option<u64>) -> String {
    let now = match rmem_max {
        Some(bytes) => format!(" (now {bytes})"),
        None => String::new(),
    };
    format!(
        "Kernel dropped {count} datagrams: raise net.core.rmem_max{now} on this host, or give the \
         daemon CAP_NET_ADMIN"
    )
}

/// What to tell at the start about a receive buffer that a burst of 10,000 segments of 1 KB would
/// overflow; `None` when it is large enough, or when the setting is not what keeps it small.
/// `granted_bytes` is what the socket says of itself, on Linux twice what was asked for.
pub(crate) fn advice(granted_bytes: usize, rmem_max: Option<u64>) -> Option<String> {
    let segments = granted_bytes / SEGMENT_KERNEL_BYTES;
    let is_capped = rmem_max.is_none_or(|bytes| bytes < RMEM_MAX_WANTED);
    if !cfg!(target_os = "linux") || segments >= BURST_SEGMENTS || !is_capped {
        return None;
    }
    Some(format!(
        "Receive buffer of {granted_bytes} bytes holds a burst of {segments} segments of 1 KB; for \
         {BURST_SEGMENTS} run: sysctl -w net.core.rmem_max={RMEM_MAX_WANTED}, or give the daemon \
         CAP_NET_ADMIN"
    ))
}

/// `net.core.rmem_max`; unknown elsewhere than on Linux, and in some containers.
pub(crate) fn rmem_max() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/net/core/rmem_max").ok()?;
    text.trim().parse().ok()
}

/// The number under which the kernel lists the socket.
#[cfg(target_os = "linux")]
fn inode(socket: &UdpSocket) -> Option<u64> {
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;
    let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
    Some(std::fs::metadata(path).ok()?.st_ino())
}

#[cfg(not(target_os = "linux"))]
const fn inode(_: &UdpSocket) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown;

    #[test]
    fn a_small_receive_buffer_is_told_with_the_way_out() {
        let expected = "Receive buffer of 8388608 bytes holds a burst of 3640 segments of 1 KB; for \
                        10000 run: sysctl -w net.core.rmem_max=12582912, or give the daemon \
                        CAP_NET_ADMIN";
        for rmem_max in [Some(4_194_304), Some(RMEM_MAX_WANTED - 1), None] {
            assert_eq!(advice(8 << 20, rmem_max).as_deref(), Some(expected));
        }
        assert_eq!(
            advice(8 << 20, Some(RMEM_MAX_WANTED)),
            None,
            "not the cause"
        );
        assert_eq!(
            advice(24 << 20, Some(212_992)),
            None,
            "granted by privilege"
        );
        assert_eq!(advice(23_040_000, None), None, "just enough");
        assert!(advice(23_040_000 - 1, None).is_some(), "just too small");
    }

    #[test]
    fn a_counter_of_the_kernel_may_wrap() {
        let mut socket = Tracked {
            inode: 1,
            seen: None,
            total: 0,
        };
        for drops in [0, 5, 5, u32::MAX, 2] {
            socket.note(drops);
        }
        assert_eq!(socket.total, u64::from(u32::MAX) + 3);
    }

    #[test]
    fn the_warning_names_the_setting_with_its_value_where_it_is_known() {
        assert_eq!(
            warning(7, Some(212_992)),
            "Kernel dropped 7 datagrams: raise net.core.rmem_max (now 212992) on this host, or give \
             the daemon CAP_NET_ADMIN"
        );
        assert!(warning(7, None).contains("raise net.core.rmem_max on this host"));
    }

    /// Overflows the receive buffer of a socket that nobody reads; how many were dropped.
    #[cfg(target_os = "linux")]
    fn overflow(receiver: &UdpSocket, sender: &UdpSocket) -> u64 {
        const SENT: u64 = 500;
        let small = socket2::SockRef::from(receiver);
        small.set_recv_buffer_size(4096).unwrap();
        let target = receiver.local_addr().unwrap();
        for _ in 0..SENT {
            sender.send_to(&[b'x'; 1000], target).unwrap();
        }
        receiver.set_nonblocking(true).unwrap();
        let queued = std::iter::from_fn(|| receiver.recv(&mut [0; 2000]).ok()).count();
        SENT - u64::try_from(queued).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_kernel_drops_is_counted_for_our_sockets_alone() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let bind = || UdpSocket::bind(address);
            let (Ok(first), Ok(second), Ok(other)) = (bind(), bind(), bind()) else {
                println!("skipped: this host has no {address}");
                continue;
            };
            let drops = KernelDrops::of([&first, &second]);
            if drops.total().is_none() {
                println!("skipped: this host does not show the kernel's table for {address}");
                continue;
            }
            let sender = bind().unwrap();
            assert!(overflow(&other, &sender) > 0);
            assert_eq!(drops.total(), Some(0), "{address}");
            let by_first = overflow(&first, &sender);
            assert!(by_first > 0);
            assert_eq!(drops.total(), Some(by_first), "{address}");
            let both = by_first + overflow(&second, &sender);
            assert_eq!(drops.total(), Some(both), "{address}");
            drop((first, second));
            assert_eq!(
                drops.total(),
                Some(both),
                "{address}: still known once closed"
            );
        }
    }

    #[tokio::test]
    async fn the_watch_ends_when_the_daemon_does() {
        let (phases, watch) = shutdown::phases();
        let mut drops = KernelDrops::of([]);
        drops.interval = Duration::from_millis(1);
        assert_eq!(drops.total(), None, "no socket, no number");
        let watching = tokio::spawn(Arc::new(drops).watch(watch));
        phases.enter(Phase::Stopping);
        let ended = tokio::time::timeout(Duration::from_secs(60), watching).await;
        ended.unwrap().unwrap();
    }
}
