//! What is released: static binaries that need nothing of the machine they start on, small enough, and
//! bills of materials that say what is in them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of a test may fail it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};

use cargo_metadata::MetadataCommand;
use radiograph_tests::binaries::workspace;
use radiograph_tests::packaged::{bills, binary};
use radiograph_tests::servers::Server;
use radiograph_tests::{Api, eventually, now, python};
use serde_json::{Value, json};

/// The programs, and the bytes that each may have: images are to stay below 10 and 25 MB.
const PROGRAMS: [(&str, u64); 3] = [
    ("radiograph", 25_000_000),
    ("radiograph-daemon", 10_000_000),
    ("radiograph-collector", 25_000_000),
];

/// Whether this process may change its root; says so where it may not.
fn may_change_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let line = b"skipped: only root may change a process's root directory\n";
        std::io::stderr().write_all(line).unwrap();
    }
    is_root
}

/// A root directory with a program and nothing else in it.
fn empty_root_with(name: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::copy(binary(name), root.path().join(name)).unwrap();
    root
}

/// The program in its root, in an environment without anything.
fn in_root(root: &Path, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).arg(format!("/{name}")).args(args);
    command.env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn each_program_starts_in_an_empty_root() {
    if !may_change_root() {
        return;
    }
    for (name, _) in PROGRAMS {
        let root = empty_root_with(name);
        for flag in ["--version", "--help"] {
            let output = in_root(root.path(), name, &[flag]).output().unwrap();
            assert!(output.status.success(), "{name} {flag}: {}", text(&output));
        }
    }
}

#[test]
fn a_segment_passes_through_both_servers_in_empty_roots() {
    if !may_change_root() {
        return;
    }
    let [home, other_home] = ["radiograph-collector", "radiograph-daemon"].map(empty_root_with);
    let quiet = ["--admin", "off", "--data-dir", "/data"];
    let args = [&quiet[..], &["--listen", "127.0.0.1:0"]].concat();
    let command = in_root(home.path(), "radiograph-collector", &args);
    let mut collector = Server::spawn("radiograph-collector", command);
    let address: SocketAddr = collector.value_behind("address=").parse().unwrap();
    let endpoint = format!("http://{address}");
    let sockets = ["--bind", "127.0.0.1:0", "--bind-tcp", "127.0.0.1:0"];
    let args = [&quiet[..], &sockets, &["--endpoint", &endpoint]].concat();
    let command = in_root(other_home.path(), "radiograph-daemon", &args);
    let mut daemon = Server::spawn("radiograph-daemon", command);
    let udp = daemon.value_behind("Listening for segments on udp ");

    let seconds: u64 = format!("{:.0}", now()).parse().unwrap();
    let id = format!("1-{seconds:08x}-0123456789abcdef01234567");
    let segment = json!({
        "trace_id": id, "id": "0123456789abcdef", "name": "released",
        "start_time": now() - 1.0, "end_time": now(),
    });
    let datagram = format!("{{\"format\":\"json\",\"version\":1}}\n{segment}");
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(datagram.as_bytes(), udp).unwrap();
    let api = Api::new(address);
    let found = eventually("the segment", || {
        let traces = api.traces(std::slice::from_ref(&id));
        (!traces.is_empty()).then_some(traces)
    });
    assert_eq!(found[0]["Segments"][0]["Document"]["name"], "released");
    for server in [daemon, collector] {
        server.signal("-TERM");
        let (status, printed) = server.end();
        assert!(status.success(), "{status}: {printed}");
    }
}

/// Types of program headers, as elf.h numbers them.
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
/// The tag of a needed library in the dynamic section.
const NEEDED: u64 = 1;

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    let field = &bytes[at..at + size];
    field
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn place(bytes: &[u8], at: usize, size: usize) -> usize {
    usize::try_from(number(bytes, at, size)).unwrap()
}

/// What a 64-bit little-endian ELF file wants of the machine: an interpreter, libraries.
fn wants(bytes: &[u8]) -> Vec<String> {
    assert_eq!(&bytes[..6], b"\x7fELF\x02\x01", "no 64-bit ELF file");
    let (headers, size, count) = (
        place(bytes, 32, 8),
        place(bytes, 54, 2),
        place(bytes, 56, 2),
    );
    let mut found = Vec::new();
    for index in 0..count {
        let header = headers + index * size;
        let (offset, length) = (place(bytes, header + 8, 8), place(bytes, header + 32, 8));
        match u32::try_from(number(bytes, header, 4)).unwrap() {
            INTERPRETER => found.push("an interpreter".to_owned()),
            DYNAMIC => {
                let entries = bytes[offset..offset + length].chunks_exact(16);
                let needed = entries.filter(|entry| number(entry, 0, 8) == NEEDED);
                found.extend(needed.map(|_| "a library".to_owned()));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn each_program_is_static_and_small_and_keeps_no_path_of_this_machine() {
    let workspace = workspace().display().to_string();
    let here = [workspace.as_str(), "/registry/src/", "/.rustup/"];
    for (name, bytes_max) in PROGRAMS {
        let bytes = fs::read(binary(name)).unwrap();
        assert_eq!(wants(&bytes), Vec::<String>::new(), "{name}");
        let size = u64::try_from(bytes.len()).unwrap();
        assert!(size < bytes_max, "{name} has {size} bytes");
        let text = String::from_utf8_lossy(&bytes);
        for path in here {
            assert!(!text.contains(path), "{name} names {path}");
        }
    }
}

#[test]
fn a_program_that_needs_libraries_is_noticed() {
    // this test's own, which is linked as the system does it
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    let wanted = wants(&own);
    let is_static = cfg!(target_feature = "crt-static");
    assert_eq!(wanted.is_empty(), is_static, "{wanted:?}");
}

fn bill(name: &str) -> Value {
    let path = bills().join(format!("{name}.cdx.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn bills_of_materials_are_complete() {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    for (name, _) in PROGRAMS {
        let bill = bill(name);
        let components = bill["components"].as_array().unwrap();
        let named: BTreeSet<&str> = components
            .iter()
            .filter_map(|c| c["name"].as_str())
            .collect();
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name == name)
            .unwrap();
        let direct = package.dependencies.iter().filter(|dependency| {
            let is_linked = dependency.kind == cargo_metadata::DependencyKind::Normal;
            // macros are not linked
            is_linked && !["async-trait"].contains(&dependency.name.as_str())
        });
        for dependency in direct {
            let dependency = dependency.name.as_str();
            assert!(
                named.contains(dependency),
                "{name}: {dependency} is not in its bill"
            );
        }
        for beside in ["musl", "rust-std"] {
            assert!(named.contains(beside), "{name}: {beside}");
        }
        for component in components {
            let Some(sum) = component["hashes"][0]["content"].as_str() else {
                continue;
            };
            assert!(lock.contains(sum), "{component} is not as locked");
        }
        let own = components.iter().filter(|c| c["hashes"].is_null()).count();
        assert!(own < 8, "{name}: {own} parts without a checksum");
    }
}

#[test]
fn bills_of_materials_follow_the_published_schema() {
    let mut check = Command::new(python::bin().join("python"));
    check.arg(python::script("cyclonedx_valid.py"));
    for (name, _) in PROGRAMS {
        check.arg(bills().join(format!("{name}.cdx.json")));
    }
    let output = check.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}
