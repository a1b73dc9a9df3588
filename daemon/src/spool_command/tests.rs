//! The commands on small spools, as a user types them.

use super::*;
use crate::documents::Documents;
use crate::metrics::{Failure, Refused};
use crate::spool::{Limits, Spool};
use crate::upload::answer::Verdict;
use crate::upload::attempt::Attempt;
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const NOW: u64 = 1_795_264_674_000;

fn spool(data_dir: &Path, name: &str) -> Spool {
    let directory = inspect::directory_of(data_dir, name);
    let limits = Limits {
        free_min: 0,
        ..Limits::default()
    };
    Spool::open(&directory, limits, NOW).unwrap().0
}

fn append(spool: &mut Spool, texts: &[&str]) {
    let documents: Documents = texts.iter().map(|text| text.as_bytes()).collect();
    assert!(spool.append(&documents, NOW).unwrap().is_empty());
}

/// A data directory with a delivered record, a waiting one of two documents, and another destination.
fn sample() -> tempfile::TempDir {
    let data_dir = tempfile::tempdir().unwrap();
    let mut first = spool(data_dir.path(), "default");
    append(&mut first, &["{\"id\":\"old\"}"]);
    append(
        &mut first,
        &["{\"trace_id\":\"1-a\\u001b\",\n\"id\":\"a\"}", "T1SAAAA"],
    );
    let old = first.take(NOW).unwrap().unwrap();
    first.done(old.token);
    append(&mut spool(data_dir.path(), "other"), &["{\"id\":\"b\"}"]);
    data_dir
}

fn command(data_dir: &Path, words: &[&str]) -> (u8, String, String) {
    let mut args: Vec<OsString> = vec!["radiograph-daemon".into(), "spool".into()];
    args.extend(words.iter().map(OsString::from));
    args.extend(["--data-dir".into(), data_dir.into()]);
    let (mut out, mut problems) = (Vec::new(), Vec::new());
    let code = execute(args.into_iter(), &mut out, &mut problems);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(problems))
}

/// The only file of a destination's spool.
fn file(data_dir: &Path, name: &str) -> PathBuf {
    inspect::directory_of(data_dir, name).join("0000000000000001.spool")
}

#[test]
fn verify_counts_what_is_there_and_tells_damage() {
    let data_dir = sample();
    let (code, out, _) = command(data_dir.path(), &["verify", "--destination", "default"]);
    let bytes = file(data_dir.path(), "default").metadata().unwrap().len();
    let line = format!("default: 1 files, 2 records, 3 documents, {bytes} bytes, 0 damaged\n");
    assert_eq!((code, out), (0, line));
    let path = file(data_dir.path(), "other");
    let good = std::fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (code, out, _) = command(data_dir.path(), &["verify"]);
        assert_eq!(code, 1, "byte {place}");
        assert!(out.ends_with(" 1 damaged\n"), "byte {place}: {out}");
        assert!(out.contains("default: 1 files"), "byte {place}: {out}");
    }
}

#[test]
fn verify_takes_a_torn_end_for_what_it_is() {
    let data_dir = sample();
    let path = file(data_dir.path(), "other");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    let (code, out, _) = command(data_dir.path(), &["verify", "--destination", "other"]);
    assert_eq!(code, 0);
    assert!(out.contains("not written to its end"), "{out}");
    let line = format!(
        "other: 1 files, 0 records, 0 documents, {} bytes, 0 damaged\n",
        good.len() - 1
    );
    assert!(out.ends_with(&line), "{out}");
}

#[test]
fn list_shows_files_and_documents() {
    let data_dir = sample();
    let size = |name| file(data_dir.path(), name).metadata().unwrap().len();
    let (default, other) = (size("default"), size("other"));
    let time = "2026-11-21T12:37:54.000Z";
    let expected = format!(
        "default\t0000000000000001\t{time}\t{time}\t2\t3\t{default}\tpartly-delivered\n\
         other\t0000000000000001\t{time}\t{time}\t1\t1\t{other}\twaiting\n"
    );
    assert_eq!(
        command(data_dir.path(), &["list"]),
        (0, expected, String::new())
    );
    let (code, out, _) = command(
        data_dir.path(),
        &["list", "--documents", "--destination", "default"],
    );
    let expected = format!("default\t{time}\t1-a\\u{{1b}}\ta\ndefault\t{time}\t-\t-\n");
    assert_eq!((code, out), (0, expected));
}

#[test]
fn export_writes_what_waits_as_json_lines() {
    let data_dir = sample();
    let expected = "{\"trace_id\":\"1-a\\u001b\", \"id\":\"a\"}\n\"T1SAAAA\"\n".to_owned();
    let words = ["export", "--destination", "default"];
    assert_eq!(
        command(data_dir.path(), &words),
        (0, expected.clone(), String::new())
    );
    let output = data_dir.path().join("out.jsonl");
    let words = [
        "export",
        "--destination",
        "default",
        "--output",
        output.to_str().unwrap(),
    ];
    assert_eq!(
        command(data_dir.path(), &words),
        (0, String::new(), String::new())
    );
    assert_eq!(std::fs::read_to_string(&output).unwrap(), expected);
    let words = ["export", "--output", "/proc/no/such/file"];
    let (code, _, problems) = command(data_dir.path(), &words);
    assert_eq!(code, 1);
    assert!(
        problems.starts_with("/proc/no/such/file: cannot be written: "),
        "{problems}"
    );
}

#[test]
fn export_leaves_damage_out_and_says_so() {
    let data_dir = sample();
    let path = file(data_dir.path(), "other");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (code, out, problems) = command(data_dir.path(), &["export", "--destination", "other"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(problems.starts_with("1 damaged places"), "{problems}");
}

#[test]
fn reading_commands_work_while_a_daemon_runs_and_replay_says_that_it_cannot() {
    let data_dir = sample();
    let running = spool(data_dir.path(), "default");
    for words in [["verify"], ["list"], ["export"]] {
        assert_eq!(command(data_dir.path(), &words).0, 0, "{words:?}");
    }
    let target = [target(data_dir.path(), "default")];
    let sent = |_: &Documents| attempt_with(Verdict::Accepted);
    let error = replay_with(&target, false, sent).unwrap_err();
    assert!(matches!(error, CommandError::InUse(_)), "{error}");
    assert_eq!(replay_with(&target, true, sent).unwrap().0, Finding::Good);
    drop(running);
}

#[test]
fn usage_errors_and_help_have_their_exit_codes() {
    let data_dir = tempfile::tempdir().unwrap();
    let (code, _, problems) = command(data_dir.path(), &["verify"]);
    assert_eq!(code, 1);
    assert!(problems.contains("no spool in it"), "{problems}");
    let (code, out, problems) = command(data_dir.path(), &["burn"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        problems.contains("unrecognized subcommand 'burn'"),
        "{problems}"
    );
    let (code, out, _) = command(data_dir.path(), &["export", "--help"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("radiograph-daemon spool export") && out.contains("JSON string"),
        "{out}"
    );
    let words = ["replay", "--endpoint", "collector:2080"];
    let (code, _, problems) = command(sample().path(), &words);
    assert_eq!(code, 1);
    assert!(
        problems.starts_with("endpoint collector:2080: "),
        "{problems}"
    );
}

fn target(data_dir: &Path, name: &str) -> Target {
    Target {
        name: name.to_owned(),
        directory: inspect::directory_of(data_dir, name),
    }
}

fn attempt_with(verdict: Verdict) -> Attempt {
    Attempt {
        verdict,
        retry_after: None,
        text: "503".to_owned(),
        refuses_form: false,
        body: b"{}".to_vec(),
        offer: None,
        is_forbidden: false,
    }
}

fn replay_with(
    targets: &[Target],
    keep: bool,
    send: impl Fn(&Documents) -> Attempt,
) -> Result<(Finding, String), CommandError> {
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let send = async |documents: &Documents| send(documents);
    let pause = async |_: Duration| {};
    let finding = runtime.block_on(replay::replay(targets, keep, send, pause, &mut out))?;
    Ok((finding, String::from_utf8(out).unwrap()))
}

#[test]
fn replay_sends_fifty_at_a_time_in_order_and_forgets_what_was_taken() {
    let data_dir = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..120).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    append(&mut spool(data_dir.path(), "default"), &texts);
    let targets = [target(data_dir.path(), "default")];
    let calls = RefCell::new(Vec::new());
    let failures = RefCell::new(3);
    let send = |documents: &Documents| {
        // The first attempts find nobody.
        if *failures.borrow() > 0 {
            *failures.borrow_mut() -= 1;
            return attempt_with(Verdict::Retry(Failure::ConnectionRefused));
        }
        let text = |document| String::from_utf8_lossy(document).into_owned();
        calls
            .borrow_mut()
            .push(documents.iter().map(text).collect::<Vec<_>>());
        attempt_with(Verdict::Accepted)
    };
    for keep in [true, false] {
        calls.borrow_mut().clear();
        let (finding, out) = replay_with(&targets, keep, send).unwrap();
        let line = "default: 120 documents delivered, 0 refused, 0 damaged places\n";
        assert_eq!((finding, out.as_str()), (Finding::Good, line));
        let sizes: Vec<usize> = calls.borrow().iter().map(Vec::len).collect();
        assert_eq!(sizes, [50, 50, 20]);
        assert_eq!(calls.borrow().concat(), texts);
        let left = spool(data_dir.path(), "default").documents();
        assert_eq!(left, if keep { 120 } else { 0 });
    }
}

#[test]
fn replay_finds_the_document_that_is_refused_and_keeps_what_cannot_be_sent() {
    let data_dir = tempfile::tempdir().unwrap();
    append(
        &mut spool(data_dir.path(), "default"),
        &["a", "bad", "c", "d"],
    );
    append(&mut spool(data_dir.path(), "default"), &["e"]);
    let targets = [target(data_dir.path(), "default")];
    let attempts = RefCell::new(0);
    let send = |documents: &Documents| {
        if documents.iter().any(|document| document == b"bad") {
            return attempt_with(Verdict::Split(Refused::BadRequest));
        }
        if documents.iter().any(|document| document == b"e") {
            *attempts.borrow_mut() += 1;
            return attempt_with(Verdict::Retry(Failure::Http5xx));
        }
        attempt_with(Verdict::Accepted)
    };
    let error = replay_with(&targets, false, send).unwrap_err();
    assert_eq!(error.to_string(), "gave up after 10 attempts: 503");
    assert_eq!(*attempts.borrow(), 10);
    assert_eq!(
        spool(data_dir.path(), "default").documents(),
        1,
        "e is left"
    );
    append(&mut spool(data_dir.path(), "other"), &["bad"]);
    let (finding, out) = replay_with(&[target(data_dir.path(), "other")], false, send).unwrap();
    assert_eq!(
        (finding, out.as_str()),
        (
            Finding::Bad,
            "other: 0 documents delivered, 1 refused, 0 damaged places\n"
        )
    );
}

/// Answers one request with 200, and tells its path and body.
fn answer_one(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    stream.write_all(answer).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    (path, String::from_utf8(body).unwrap())
}

#[test]
fn replay_speaks_put_trace_segments_to_an_endpoint() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let data_dir = sample();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/prefix", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || answer_one(&listener));
    let words = [
        "replay",
        "--destination",
        "default",
        "--endpoint",
        &endpoint,
    ];
    let (code, out, problems) = command(data_dir.path(), &words);
    let line = "default: 2 documents delivered, 0 refused, 0 damaged places\n";
    assert_eq!((code, out.as_str(), problems.as_str()), (0, line, ""));
    let (path, body) = server.join().unwrap();
    assert_eq!(path, "/prefix/tracesegments");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let documents = ["{\"trace_id\":\"1-a\\u001b\",\n\"id\":\"a\"}", "T1SAAAA"];
    assert_eq!(
        body,
        serde_json::json!({ "TraceSegmentDocuments": documents })
    );
    assert_eq!(spool(data_dir.path(), "default").documents(), 0);
}
