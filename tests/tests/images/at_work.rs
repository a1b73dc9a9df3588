//! Containers from the images at work: what `docker run` and `docker compose up` are to do.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use radiograph_tests::binaries::workspace;
use radiograph_tests::{Api, eventually};
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::container::{Container, Run, can_run, volume};
use crate::packed::{Images, images};
use crate::{BOTH, COLLECTOR, DAEMON};

const UDP: &str = "127.0.0.1:2000";
const API: &str = "127.0.0.1:2080";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The images and leave to run them.
fn runnable() -> Option<&'static Images> {
    images().filter(|_| can_run())
}

fn trace(number: u32) -> String {
    format!("1-6592008a-{number:024x}")
}

fn document(number: u32, filler: usize) -> String {
    json!({"name": "shop", "id": format!("{number:016x}"), "trace_id": trace(number),
        "start_time": 1_704_067_210.1, "end_time": 1_704_067_210.4,
        "metadata": {"filler": "x".repeat(filler)}})
    .to_string()
}

fn send(socket: &UdpSocket, document: &str) {
    let datagram = format!("{{\"format\":\"json\",\"version\":1}}\n{document}");
    socket.send_to(datagram.as_bytes(), UDP).unwrap();
}

/// A sample of the daemon's metrics.
fn daemon_metric(sample: &str) -> u64 {
    let client = radiograph_tests::api::http();
    let text = client.get("http://127.0.0.1:2001/metrics").send().unwrap();
    let text = text.text().unwrap();
    let value = text.lines().find_map(|line| {
        let line = line.strip_prefix("radiograph_daemon_")?;
        line.strip_prefix(sample)?.strip_prefix(' ')
    });
    value
        .unwrap_or_else(|| panic!("no {sample} in {text}"))
        .parse()
        .unwrap()
}

/// A service of the compose file, run with all that stands there: what is not known fails.
fn service<'a>(images: &'a Images, compose: &Value, name: &str, volume: &Path) -> Run<'a> {
    let service = compose["services"][name].as_object().unwrap();
    let program = [DAEMON, COLLECTOR]
        .into_iter()
        .find(|program| service["image"] == *program)
        .unwrap();
    let mut run = Run::of(images, program);
    for (member, value) in service {
        match member.as_str() {
            "image" | "restart" => {}
            "build" => assert_eq!(value["target"], name),
            "environment" => {
                for (name, value) in value.as_object().unwrap() {
                    run = run.variable(name, value.as_str().unwrap());
                }
            }
            // the container's own are those of the image, which the host's lead to
            "ports" => {
                let exposed = images.config(program)["ExposedPorts"].clone();
                for port in value.as_array().unwrap() {
                    let port = port.as_str().unwrap().strip_prefix("127.0.0.1:").unwrap();
                    let (host, inside) = port.split_once(':').unwrap();
                    let number = inside.split('/').next().unwrap();
                    assert_eq!(host, number, "{name}");
                    let known = exposed.as_object().unwrap().keys();
                    let mut known = known.filter(|known| known.starts_with(inside));
                    assert!(known.next().is_some(), "{name}: {inside}");
                }
            }
            "volumes" => {
                let (source, place) = value[0].as_str().unwrap().split_once(':').unwrap();
                assert!(compose["volumes"].get(source).is_some(), "{source}");
                assert!(
                    images.config(program)["Volumes"].get(place).is_some(),
                    "{place}"
                );
                run = run.mount(volume, place);
            }
            // so is every container here
            "read_only" => assert_eq!(value, true),
            "cap_drop" => assert_eq!(value, &json!(["ALL"])),
            "security_opt" => assert_eq!(value, &json!(["no-new-privileges:true"])),
            _ => panic!("{name}: {member} is not looked at"),
        }
    }
    run
}

fn compose() -> Value {
    let text = fs::read_to_string(workspace().join("deploy/container/compose.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn await_daemon(daemon: &mut Container<'_>) {
    let started = daemon.server.value_behind("Starting proxy http server on ");
    assert_eq!(started, "0.0.0.0:2000");
}

fn await_collector(collector: &mut Container<'_>) -> Api {
    assert_eq!(collector.server.value_behind(" address="), "0.0.0.0:2080");
    Api::new(address(API))
}

#[test]
fn the_compose_file_s_containers_work_and_a_new_one_takes_over_the_data() {
    let Some(images) = runnable() else { return };
    let compose = compose();
    let (traces, spool) = (volume(images, COLLECTOR), volume(images, DAEMON));
    let collector = service(images, &compose, "collector", traces.path());
    let mut collector = collector.with_own_network().start();
    collector.join_network();
    let api = await_collector(&mut collector);
    let mut daemon = service(images, &compose, "daemon", spool.path()).start();
    await_daemon(&mut daemon);
    assert_eq!(collector.health(images, COLLECTOR), Some(0));
    assert_eq!(daemon.health(images, DAEMON), Some(0));

    send(&UdpSocket::bind("127.0.0.1:0").unwrap(), &document(1, 0));
    let stored = eventually("the trace", || api.traces(&[trace(1)]).pop());
    assert_eq!(stored["Segments"][0]["Document"]["name"], "shop");
    let proxy = Api::new(address("127.0.0.1:2000"));
    let rules = proxy.ok("/GetSamplingRules", &json!({}));
    assert_eq!(
        rules["SamplingRuleRecords"][0]["SamplingRule"]["RuleName"],
        "Default"
    );

    daemon.stop_well();
    collector.stop_well();
    let collector = service(images, &compose, "collector", traces.path());
    let mut collector = collector.start();
    let api = await_collector(&mut collector);
    assert_eq!(api.traces(&[trace(1)]), [stored]);
    collector.stop_well();
}

#[test]
fn a_health_check_fails_where_nobody_answers() {
    let Some(images) = runnable() else { return };
    for program in [DAEMON, COLLECTOR, BOTH] {
        let check = format!("/{program}");
        let run = Run::of(images, program).entry_point(&[&check, "--healthcheck"]);
        let (status, printed) = run.with_own_network().start().ended();
        assert_eq!(status.code(), Some(1), "{program}: {printed}");
        assert!(
            printed.starts_with("health check: 127.0.0.1:"),
            "{program}: {printed}"
        );
    }
}

#[test]
fn both_in_one_container_work() {
    let Some(images) = runnable() else { return };
    let data = volume(images, BOTH);
    let run = Run::of(images, BOTH).volume(data.path());
    let run = run.arguments("--without-keys --without-tls");
    let mut both = run.with_own_network().start();
    both.join_network();
    assert_eq!(both.server.value_of("api"), "http://0.0.0.0:2080");
    assert_eq!(both.health(images, BOTH), Some(0));
    send(&UdpSocket::bind("127.0.0.1:0").unwrap(), &document(1, 0));
    let api = Api::new(address(API));
    eventually("the trace", || api.traces(&[trace(1)]).pop());
    both.stop_well();
}

#[test]
fn a_collector_s_container_asks_for_protection_or_a_word_for_each() {
    let Some(images) = runnable() else { return };
    for program in [COLLECTOR, BOTH] {
        let data = volume(images, program);
        let run = Run::of(images, program).volume(data.path());
        let (status, printed) = run.with_own_network().start().ended();
        assert_eq!(status.code(), Some(1), "{program}: {printed}");
        for flag in [
            "--keys",
            "--without-keys",
            "--tls-cert",
            "--tls-key",
            "--without-tls",
        ] {
            assert!(printed.contains(flag), "{program}: {printed}");
        }
    }
}

#[test]
fn a_volume_of_somebody_else_is_named() {
    let Some(images) = runnable() else { return };
    // root's, as a directory of the host that an engine made
    let data = tempfile::tempdir().unwrap();
    let run = Run::of(images, COLLECTOR).volume(data.path());
    let run = run.arguments("--without-keys --without-tls");
    let (status, printed) = run.with_own_network().start().ended();
    assert_eq!(status.code(), Some(1), "{printed}");
    assert!(printed.contains("/var/lib/radiograph"), "{printed}");
    assert!(printed.contains("Permission denied"), "{printed}");
}

#[test]
fn the_daemon_s_image_is_used_as_that_of_aws_is() {
    let Some(images) = runnable() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cfg.yaml");
    let text =
        "Version: 2\nRegion: eu-west-1\nLocalMode: true\nSocket:\n  UDPAddress: 127.0.0.1:2000\n";
    fs::write(&file, text).unwrap();
    let both = "/xray -t 0.0.0.0:2000 -b 0.0.0.0:2000 -o -n us-east-1 --log-level debug";
    let both: Vec<&str> = both.split(' ').collect();
    let run = || Run::of(images, DAEMON).with_own_network();
    let cases = [
        (
            run().arguments("-o -n us-east-1 --log-level debug"),
            "us-east-1",
        ),
        (run().entry_point(&both), "us-east-1"),
        (run().mount(&file, "/etc/amazon/xray/cfg.yaml"), "eu-west-1"),
    ];
    for (run, region) in cases {
        let spool = volume(images, DAEMON);
        let mut daemon = run.volume(spool.path()).start();
        daemon.join_network();
        await_daemon(&mut daemon);
        let endpoint = daemon
            .server
            .value_behind("HTTP Proxy server using X-Ray Endpoint : ");
        assert_eq!(endpoint, format!("https://xray.{region}.amazonaws.com"));
        assert_eq!(daemon.health(images, DAEMON), Some(0));
        for (from, to) in [("127.0.0.1:0", UDP), ("[::1]:0", "[::1]:2000")] {
            let Ok(socket) = UdpSocket::bind(from) else {
                // a host without IPv6
                continue;
            };
            let before = daemon_metric(r#"segments_received_total{transport="udp"}"#);
            let datagram = format!("{{\"format\":\"json\",\"version\":1}}\n{}", document(1, 0));
            socket.send_to(datagram.as_bytes(), to).unwrap();
            eventually("the datagram", || {
                (daemon_metric(r#"segments_received_total{transport="udp"}"#) > before)
                    .then_some(())
            });
        }
        daemon.stop_well();
    }
}

/// A collector with keys and TLS, as its container is meant to be on a network; and the write key's variables.
fn protected<'a>(images: &'a Images, data: &Path, authority: &Authority) -> (Run<'a>, Vec<String>) {
    let keys = Run::of(images, BOTH).volume(data);
    let keys = keys.arguments("keys new --role write --keys /var/lib/radiograph/keys.yaml");
    let (status, printed) = keys.start().ended();
    assert_eq!(status.code(), Some(0), "{printed}");
    let variables = printed.lines().filter(|line| line.starts_with("AWS_"));
    let variables = variables.map(str::to_owned).collect();
    authority.issue("collector", data);
    let at = |file: &str| format!("/var/lib/radiograph/{file}");
    let key = data.join("key.pem");
    // for the group of the image's user alone, as a Secret of Kubernetes with fsGroup
    chown(&key, Some(0), Some(10_001)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    let run = Run::of(images, COLLECTOR)
        .volume(data)
        .variable("RADIOGRAPH_DATA_DIR", &at("data"))
        .variable("RADIOGRAPH_KEYS", &at("keys.yaml"))
        .variable("RADIOGRAPH_TLS_CERT", &at("cert.pem"))
        .variable("RADIOGRAPH_TLS_KEY", &at("key.pem"));
    (run, variables)
}

#[test]
fn the_daemon_s_image_trusts_its_roots_and_nobody_else() {
    let Some(images) = runnable() else { return };
    let stranger = Authority::new();
    for (authority, outcome) in [
        (&images.authority, "Successfully sent batch of 1 segments"),
        (&stranger, "invalid peer certificate"),
    ] {
        let (data, spool) = (volume(images, COLLECTOR), volume(images, DAEMON));
        let (collector, variables) = protected(images, data.path(), authority);
        let mut collector = collector.with_own_network().start();
        collector.join_network();
        await_collector(&mut collector);
        let mut run = Run::of(images, DAEMON).volume(spool.path());
        for variable in &variables {
            let (name, value) = variable.split_once('=').unwrap();
            run = run.variable(name, value);
        }
        let run = run.arguments("-o --log-level debug --endpoint https://collector:2080");
        let mut daemon = run.start();
        await_daemon(&mut daemon);
        send(&UdpSocket::bind("127.0.0.1:0").unwrap(), &document(1, 0));
        eventually(outcome, || {
            daemon.server.printed().contains(outcome).then_some(())
        });
        let printed = daemon.stop_well();
        let sent = printed.contains("Successfully sent batch");
        assert_eq!(sent, outcome.starts_with("Successfully"), "{printed}");
        collector.stop_well();
    }
}

#[test]
fn a_daemon_whose_endpoint_hangs_stops_in_time_and_the_next_one_delivers() {
    const DOCUMENTS: u32 = 3_000;
    let Some(images) = runnable() else { return };
    let (traces, spool) = (volume(images, COLLECTOR), volume(images, DAEMON));
    let daemon = || {
        let run = Run::of(images, DAEMON).volume(spool.path());
        run.arguments("-o --buffer-memory 16 --endpoint http://127.0.0.1:2080")
    };
    let mut first = daemon().with_own_network().start();
    first.join_network();
    // takes connections and never answers
    let hanging = TcpListener::bind(API).unwrap();
    await_daemon(&mut first);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 1..=DOCUMENTS {
        // 24 MB, more than the daemon keeps in memory
        send(&socket, &document(number, 8_000));
        if number % 100 == 0 {
            eventually("the datagrams", || {
                let received = daemon_metric(r#"segments_received_total{transport="udp"}"#);
                (received >= u64::from(number)).then_some(())
            });
        }
    }
    let printed = first.stop_well();
    assert!(printed.contains("Counters: "), "{printed}");
    drop(hanging);

    let run = Run::of(images, COLLECTOR).volume(traces.path());
    let mut collector = run.arguments("--without-keys --without-tls").start();
    let api = await_collector(&mut collector);
    let mut second = daemon().start();
    await_daemon(&mut second);
    let all: Vec<String> = (1..=DOCUMENTS).map(trace).collect();
    eventually("all documents", || {
        let last = api.traces(&all[all.len() - 5..]);
        (last.len() == 5 && api.traces(&all).len() == all.len()).then_some(())
    });
    second.stop_well();
    collector.stop_well();
}
