//! What systemd is told, seen from its side of the socket.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::*;

/// systemd's end.
struct Manager {
    socket: UnixDatagram,
    address: String,
    _folder: Option<tempfile::TempDir>,
}

impl Manager {
    fn at_path() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            address: path.to_str().unwrap().to_owned(),
            _folder: Some(folder),
        }
    }

    fn abstract_named(name: &str) -> Self {
        let name = format!("radiograph-test-{}-{name}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self {
            socket: UnixDatagram::bind_addr(&address).unwrap(),
            address: format!("@{name}"),
            _folder: None,
        }
    }

    fn notify(&self, more: &[(&str, &str)]) -> Notify {
        let of = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(self.address.clone()),
            _ => {
                let found = more.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            }
        };
        Notify::of(of, 7)
    }

    fn told(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn was_told_nothing_more(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let told = self.socket.recv(&mut [0; 16]);
        told.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

#[test]
fn every_message_is_one_datagram_at_a_path_and_at_an_abstract_name() {
    for manager in [Manager::at_path(), Manager::abstract_named("messages")] {
        let notify = manager.notify(&[("WATCHDOG_USEC", "30000000")]);
        notify.ready("serves\nREADY=0");
        assert_eq!(manager.told(), "READY=1\nSTATUS=serves READY=0\n");
        notify.reloading(Duration::from_micros(1_234_567));
        assert_eq!(manager.told(), "RELOADING=1\nMONOTONIC_USEC=1234567\n");
        notify.beat(true, "a");
        assert_eq!(manager.told(), "STATUS=a\nWATCHDOG=1\n");
        notify.beat(false, "b");
        assert_eq!(manager.told(), "STATUS=b\n");
        notify.ready(&"é".repeat(10_000));
        let long = format!("READY=1\nSTATUS={}\n", "é".repeat(STATUS_CHARS_MAX));
        assert_eq!(manager.told(), long);
        assert!(manager.was_told_nothing_more());
    }
}

#[test]
fn a_watchdog_is_answered_by_the_process_it_is_meant_for_alone() {
    let manager = Manager::at_path();
    let usec = ("WATCHDOG_USEC", "20000000");
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>);
    let cases: [Case<'_>; 6] = [
        (&[usec], Some(20)),
        (&[usec, ("WATCHDOG_PID", "7")], Some(20)),
        (&[usec, ("WATCHDOG_PID", "8")], None),
        (&[usec, ("WATCHDOG_PID", "x")], None),
        (&[("WATCHDOG_USEC", "0")], None),
        (&[("WATCHDOG_USEC", "soon")], None),
    ];
    for (variables, seconds) in cases {
        let notify = manager.notify(variables);
        assert_eq!(
            notify.watchdog,
            seconds.map(Duration::from_secs),
            "{variables:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_long_asks_for_more_time_and_a_short_one_does_not() {
    let manager = Manager::abstract_named("slow");
    let notify = manager.notify(&[]);
    let short = notify.starting("opening", async { 1 }).await;
    assert_eq!((short, manager.told()), (1, "STATUS=opening\n".to_owned()));
    let long = tokio::time::sleep(EXTEND_EVERY * 2 + Duration::from_secs(1));
    notify.stopping("delivering", long).await;
    assert_eq!(manager.told(), "STOPPING=1\nSTATUS=delivering\n");
    assert_eq!(manager.told(), "EXTEND_TIMEOUT_USEC=60000000\n");
    assert_eq!(manager.told(), "EXTEND_TIMEOUT_USEC=60000000\n");
    assert!(manager.was_told_nothing_more());
}

#[tokio::test(start_paused = true)]
async fn the_pulse_comes_at_half_of_the_watchdogs_time() {
    let manager = Manager::abstract_named("pulse");
    let cases = [(Some("20000000"), 10), (None, 30), (Some("600000000"), 30)];
    for (usec, seconds) in cases {
        let variables = usec.map(|usec| ("WATCHDOG_USEC", usec));
        let notify = manager.notify(variables.as_slice());
        let mut pulse = notify.pulse();
        pulse.next().await;
        let period = Duration::from_secs(seconds);
        let early = tokio::time::timeout(period - Duration::from_millis(1), pulse.next()).await;
        assert!(early.is_err(), "{usec:?}");
        let due = tokio::time::timeout(Duration::from_millis(2), pulse.next()).await;
        assert_eq!(due, Ok(()), "{usec:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_manager_or_with_an_unusable_one_nothing_is_asked_of_the_server() {
    let nobody = Notify::of(|_| None, 7);
    let empty = Notify::of(|name| (name == "NOTIFY_SOCKET").then(String::new), 7);
    let long = format!("/{}", "x".repeat(200));
    let unusable = Notify::of(|name| (name == "NOTIFY_SOCKET").then(|| long.clone()), 7);
    for notify in [nobody, empty, unusable] {
        notify.ready("x");
        notify.beat(true, "x");
        assert_eq!(notify.starting("x", async { 1 }).await, 1);
        let pulse = tokio::time::timeout(STATUS_EVERY * 4, async { notify.pulse().next().await });
        assert!(pulse.await.is_err());
    }
    let gone = Manager::at_path().notify(&[]);
    gone.ready("nobody listens there any more");
}
