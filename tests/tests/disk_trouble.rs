//! A disk that takes no more, and then does again: the collector refuses documents in a way that clients
//! retry, goes on reading, says so, and recovers by itself; the daemon's spool bridges the time.
//!
//! The disk is a limit on the size of the collector's files (Linux): each write behind it fails.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;

use radiograph_tests::servers::Server;
use radiograph_tests::{Api, binaries, eventually};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

/// How a line begins that says why nothing is written, and one that says that it is over.
const BEGINS: &str = "the store cannot write";
const ENDS: &str = "the store writes again";

struct Collector {
    server: Server,
    api: Api,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Collector {
    /// A collector to which a file that may not grow is an error of the write, not the end.
    fn start(dir: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
        command.arg(binaries::path("radiograph-collector"));
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--data-dir", dir.to_str().unwrap()]);
        let mut server = Server::spawn("radiograph-collector", command);
        let admin = server.value_behind("admin=").parse().unwrap();
        let address = server.value_behind("address=").parse().unwrap();
        Self {
            server,
            api: Api::new(address),
            address,
            admin,
        }
    }

    /// From now on no file of it can be longer; as long as it may be with `None`.
    fn limit_files(&self, bytes: Option<u64>) {
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit {
            current: bytes.or(maximum),
            maximum,
        };
        let pid = i32::try_from(self.server.id()).unwrap();
        prlimit(Pid::from_raw(pid), Resource::Fsize, limit).unwrap();
    }

    /// Status and body of an admin address.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// A sample of `/metrics`; 0 when it is not there.
    fn metric(&self, sample: &str) -> u64 {
        let (_, text) = self.get("/metrics");
        let value = text.lines().find_map(|line| {
            let line = line.strip_prefix("radiograph_collector_")?;
            line.strip_prefix(sample)?.strip_prefix(' ')
        });
        value.map_or(0, |value| value.parse().unwrap())
    }

    fn lines(&self, what: &str) -> usize {
        let printed = self.server.printed();
        printed.lines().filter(|line| line.contains(what)).count()
    }

    /// Sends a document until it is refused as it is when the disk is full.
    fn is_refused(&self, number: u64) {
        let body = json!({"TraceSegmentDocuments": [segment(number)]});
        let refused = self.api.post("/TraceSegments", &body);
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.error.as_deref(), Some("ServiceUnavailable"));
    }

    fn is_ready_again(&self) {
        eventually("the collector to be ready again", || {
            (self.get("/readyz") == (200, "ok\n".to_owned())).then_some(())
        });
    }

    fn stop(self) -> String {
        self.server.signal("-TERM");
        let (status, printed) = self.server.end();
        assert!(status.success(), "{status}:\n{printed}");
        printed
    }
}

fn trace(number: u64) -> String {
    format!("1-6592008a-{number:024x}")
}

fn segment(number: u64) -> String {
    let trace = trace(number);
    format!(
        r#"{{"name":"shop","id":"{number:016x}","trace_id":"{trace}","start_time":1704067210.1,"end_time":1704067210.4}}"#
    )
}

#[test]
fn a_collector_whose_disk_is_full_refuses_says_so_and_recovers_by_itself() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(data.path());
    assert_eq!(collector.api.put(&[segment(1)]), json!([]));
    collector.limit_files(Some(0));
    for number in 2..10 {
        collector.is_refused(number);
    }
    let (status, why) = collector.get("/readyz");
    assert_eq!(status, 503, "{why}");
    let is_told = why.starts_with("store: writing ") && why.lines().count() == 1;
    assert!(is_told, "{why}");
    assert_eq!(collector.get("/livez"), (200, "ok\n".to_owned()));
    assert_eq!(collector.metric("ready"), 0);
    assert_eq!(collector.metric("documents_accepted_total"), 1);
    assert_eq!(collector.metric("documents_unstored_total"), 8);
    let refused = r#"store_errors_total{reason="unwritable"}"#;
    assert_eq!(collector.metric(refused), 8);
    assert_eq!(collector.api.traces(&[trace(1)]).len(), 1, "reads go on");
    assert_eq!(collector.lines(ENDS), 0);

    collector.limit_files(None);
    collector.is_ready_again();
    assert_eq!(collector.api.put(&[segment(2), segment(1)]), json!([]));
    assert_eq!(collector.api.traces(&[trace(1), trace(2)]).len(), 2);
    assert_eq!(collector.metric("ready"), 1);
    eventually("both traces to be settled", || {
        let summaries = collector.api.summaries(1_704_067_200.0, 1_704_067_260.0);
        (summaries.len() == 2).then_some(())
    });
    let printed = collector.stop();
    let of = |what: &str| printed.lines().filter(|line| line.contains(what)).count();
    assert_eq!((of(BEGINS), of(ENDS)), (1, 1), "{printed}");
    let errors = printed.lines().filter(|line| line.contains("ERROR"));
    assert_eq!(errors.count(), 1, "{printed}");

    let collector = Collector::start(data.path());
    assert_eq!(collector.api.traces(&[trace(1), trace(2)]).len(), 2);
    assert_eq!(collector.api.traces(&[trace(3)]).len(), 0);
    collector.stop();
}

#[test]
fn the_daemons_spool_bridges_a_full_disk_and_nothing_is_lost() {
    const BEFORE: u64 = 20;
    const ALL: u64 = 200;
    let (data, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let collector = Collector::start(data.path());
    let endpoint = format!("http://{}", collector.address);
    let any = "127.0.0.1:0";
    let mut args = vec!["--bind", any, "--bind-tcp", any, "--admin", "off"];
    args.extend(["--endpoint", &endpoint]);
    args.extend(["--data-dir", spool.path().to_str().unwrap()]);
    let mut daemon = Server::start("radiograph-daemon", &args);
    let udp = daemon.value_behind("Listening for segments on udp ");
    let sender = UdpSocket::bind(any).unwrap();
    let send = |number: u64| {
        let datagram = format!(
            "{{\"format\": \"json\", \"version\": 1}}\n{}",
            segment(number)
        );
        sender.send_to(datagram.as_bytes(), udp.as_str()).unwrap();
    };
    let stored = |numbers: std::ops::RangeInclusive<u64>| {
        let ids: Vec<String> = numbers.map(trace).collect();
        eventually("what was sent to be stored", || {
            (collector.api.traces(&ids).len() == ids.len()).then_some(())
        });
    };
    (1..=BEFORE).for_each(send);
    stored(1..=BEFORE);

    collector.limit_files(Some(0));
    (BEFORE + 1..=ALL).for_each(send);
    eventually("the daemon to be refused", || {
        (collector.metric("documents_unstored_total") > 0).then_some(())
    });
    assert_eq!(collector.metric("documents_accepted_total"), BEFORE);
    stored(1..=BEFORE);
    collector.limit_files(None);
    stored(1..=ALL);
    daemon.signal("-TERM");
    let (status, printed) = daemon.end();
    assert!(status.success(), "{status}:\n{printed}");
    assert_eq!((collector.lines(BEGINS), collector.lines(ENDS)), (1, 1));
    collector.stop();
}
