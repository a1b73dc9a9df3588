//! `radiograph lambda` with real functions: AWS's runtime interface clients, the X-Ray SDKs in Lambda mode,
//! boto3 as caller, and an extension. Traces are read back from a real collector.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use radiograph_tests::servers::Server;
use radiograph_tests::{Api, Collector, Daemon, binaries, eventually, now, python};
use serde_json::{Value, json};

/// A collector, a daemon, and a server that functions call.
struct Backend {
    collector: Collector,
    daemon: Daemon,
    url: String,
    start: f64,
    _data: tempfile::TempDir,
}

impl Backend {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let collector = Collector::start(data.path());
        let daemon = Daemon::start_on_one_port(collector.address);
        Self {
            daemon,
            collector,
            url: format!("http://{}/stock", stock()),
            start: now() - 60.0,
            _data: data,
        }
    }

    fn api(&self) -> Api {
        self.collector.api()
    }

    /// `radiograph lambda` for the code in a folder, with these flags.
    fn command(&self, code: &Path, flags: &[&str]) -> Command {
        Self::command_with(&self.daemon.udp.to_string(), code, flags)
    }

    /// The same, with another daemon.
    fn command_with(daemon: &str, code: &Path, flags: &[&str]) -> Command {
        let mut command = binaries::binary("radiograph");
        let mut path = python::bin().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        command
            .args(["lambda", "--function-name", "shop", "--dummy-credentials"])
            .args(["--daemon-address", daemon, "--code"])
            .arg(code)
            .args(flags)
            .env("PATH", path);
        command
    }

    fn function(&self, code: &Path, flags: &[&str]) -> Function {
        let flags = [&["--listen", "127.0.0.1:0"], flags].concat();
        let mut server = Server::spawn("lambda", self.command(code, &flags));
        let url = server.value_of("invoke");
        let (endpoint, _) = url.split_once("/2015-03-31").unwrap();
        Function {
            endpoint: endpoint.to_owned(),
            server,
        }
    }

    /// The documents of a trace: the service's, the function's; once the function's subsegments are below it.
    fn trace(&self, id: &str, subsegment: Option<&str>) -> [Value; 2] {
        eventually(&format!("trace {id}"), || {
            let traces = self.api().traces(&[id.to_owned()]);
            let documents: Vec<&Value> = traces.first()?["Segments"]
                .as_array()?
                .iter()
                .map(|segment| &segment["Document"])
                // what the function called stands beside them, as a node that was inferred
                .filter(|document| document["inferred"] != true)
                .collect();
            let of = |origin: &str| {
                documents
                    .iter()
                    .find(|document| document["origin"] == origin)
            };
            let found = [
                (*of("AWS::Lambda")?).clone(),
                (*of("AWS::Lambda::Function")?).clone(),
            ];
            let whole = subsegment.is_none_or(|name| find(&found[1], name).is_some());
            (whole && documents.len() == 2).then_some(found)
        })
    }

    fn summary(&self, id: &str) -> Value {
        eventually(&format!("summary of {id}"), || {
            let summaries = self.api().summaries(self.start, now() + 60.0);
            summaries
                .into_iter()
                .find(|summary| summary["Id"] == id && summary["IsPartial"] == false)
        })
    }
}

/// A running `radiograph lambda`.
struct Function {
    server: Server,
    endpoint: String,
}

impl Function {
    /// Invokes with boto3; `more` are further arguments of `invoke`.
    fn invoke(&self, event: &Value, header: &str, more: &Value) -> Value {
        let output = self
            .caller("shop", &event.to_string(), header, more)
            .output()
            .unwrap();
        said(&output)
    }

    fn caller(&self, name: &str, event: &str, header: &str, more: &Value) -> Command {
        let mut command = python::client("lambda/invoke.py", "127.0.0.1:1");
        command
            .args([&self.endpoint, name, event, header])
            .arg(more.to_string());
        command
    }
}

fn said(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A server that answers everything with 200.
fn stock() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            if stream.read(&mut head).is_ok_and(|count| count > 0) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                drop(stream.write_all(answer));
            }
        }
    });
    address
}

/// The first entity of this name at or below another.
fn find<'a>(entity: &'a Value, name: &str) -> Option<&'a Value> {
    let below = entity["subsegments"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    below.iter().find_map(|child| {
        if child["name"] == name {
            Some(child)
        } else {
            find(child, name)
        }
    })
}

/// A trace id; each test has a collector of its own.
fn root(number: u8) -> String {
    format!("1-6b019552-0000000000000000000000{number:02x}")
}

fn python_code() -> PathBuf {
    python::script("lambda")
}

/// What a trace must be whose function did its work: one request through both nodes, nothing missing.
fn assert_complete(backend: &Backend, id: &str, first: bool) -> [Value; 2] {
    let [service, function] = backend.trace(id, Some("127.0.0.1"));
    assert_eq!(function["parent_id"], service["id"]);
    assert_eq!(service["http"]["response"]["status"], 200);
    let arn = "arn:aws:lambda:us-east-1:012345678912:function:shop";
    assert_eq!(service["resource_arn"], arn);
    assert_eq!(function["aws"]["function_arn"], arn);
    assert_eq!(
        find(&function, "Initialization").is_some(),
        first,
        "{function}"
    );
    for name in ["Invocation", "Overhead"] {
        assert!(find(&function, name).is_some(), "{name}: {function}");
    }
    let work = find(&function, "## work").unwrap();
    assert_eq!(work["annotations"]["kind"], "work");
    assert_eq!(find(work, "127.0.0.1").unwrap()["namespace"], "remote");
    let graph = backend.api().ok("/TraceGraph", &json!({"TraceIds": [id]}));
    let nodes: Vec<(&Value, &Value)> = graph["Services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| (&service["Name"], &service["Type"]))
        .collect();
    for kind in ["AWS::Lambda", "AWS::Lambda::Function"] {
        assert!(nodes.contains(&(&json!("shop"), &json!(kind))), "{nodes:?}");
    }
    assert_eq!(backend.summary(id)["HasFault"], false);
    [service, function]
}

/// What a trace must be whose function failed: a fault at the function, with its cause.
fn assert_failed(backend: &Backend, id: &str, kind: &str, message: &str) {
    let [_, function] = backend.trace(id, None);
    assert_eq!(function["fault"], true);
    let exception = &function["cause"]["exceptions"][0];
    assert_eq!(exception["type"], kind, "{function}");
    assert!(
        exception["message"].as_str().unwrap().contains(message),
        "{exception}"
    );
    assert_eq!(backend.summary(id)["HasFault"], true);
}

/// An unsampled call leaves nothing; an asynchronous one after it does.
fn assert_unsampled_and_asynchronous(backend: &Backend, function: &Function, event: &Value) {
    let unsampled = root(4);
    let answer = function.invoke(event, &format!("Root={unsampled};Sampled=0"), &json!({}));
    assert!(
        answer["payload"]["header"]
            .as_str()
            .unwrap()
            .ends_with(";Sampled=0")
    );
    let last = root(5);
    let asynchronous = json!({"InvocationType": "Event"});
    let answer = function.invoke(event, &format!("Root={last}"), &asynchronous);
    assert_eq!(answer["status"], 202);
    let [service, own] = backend.trace(&last, Some("127.0.0.1"));
    assert_eq!(
        own["parent_id"],
        find(&service, "Attempt #1").unwrap()["id"]
    );
    // the last one was sent after it
    assert_eq!(backend.api().traces(&[unsampled]), Vec::<Value>::new());
}

#[test]
fn a_python_function_gives_complete_traces() {
    let backend = Backend::start();
    let function = backend.function(&python_code(), &["--handler", "app.handler"]);
    let event = json!({"url": backend.url, "name": "Änne"});
    let plain = json!({});
    // the first begins a trace, a later one joins its caller's
    let answer = function.invoke(
        &event,
        &format!("Root={}", root(1)),
        &json!({"LogType": "Tail"}),
    );
    assert_eq!(
        (&answer["status"], &answer["error"], &answer["version"]),
        (&json!(200), &Value::Null, &json!("$LATEST"))
    );
    assert_eq!(answer["payload"]["given"], event);
    assert!(answer["payload"]["remaining"].as_u64().unwrap() <= 3000);
    assert!(answer["log"].is_string(), "{answer}");
    let header = answer["payload"]["header"].as_str().unwrap();
    let (given, _) = header.split_once(';').unwrap();
    let first = given.strip_prefix("Root=").unwrap().to_owned();
    let [service, own] = assert_complete(&backend, &first, true);
    assert_eq!(service.get("parent_id"), None);
    let begun = find(&own, "Initialization").unwrap();
    assert!(
        begun["end_time"].as_f64() <= own["start_time"].as_f64(),
        "{own}"
    );

    let (second, caller) = (root(2), "53995c3f42cd8ad8");
    let header = format!("Root={second};Parent={caller};Sampled=1");
    let answer = function.invoke(&event, &header, &plain);
    let [service, own] = assert_complete(&backend, &second, false);
    assert_eq!(service["parent_id"], caller);
    let told = format!(
        "Root={second};Parent={};Sampled=1",
        own["id"].as_str().unwrap()
    );
    assert_eq!(answer["payload"]["header"], told);

    let third = root(3);
    let answer = function.invoke(&json!({"do": "raise"}), &format!("Root={third}"), &plain);
    assert_eq!(
        (&answer["status"], &answer["error"]),
        (&json!(200), &json!("Unhandled"))
    );
    assert_eq!(answer["payload"]["errorType"], "ValueError");
    assert_failed(&backend, &third, "ValueError", "out of stock");

    assert_unsampled_and_asynchronous(&backend, &function, &event);
    let printed = function.server.printed();
    for text in [
        "START RequestId: ",
        "END RequestId: ",
        "REPORT RequestId: ",
        "handling ",
        &format!("XRAY TraceId: {second}\t"),
    ] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
    function.server.signal("-TERM");
    let (status, printed) = function.server.end();
    assert!(status.success(), "{status}: {printed}");
}

#[test]
fn a_function_that_hangs_or_dies_fails_and_the_next_invocation_begins_anew() {
    let backend = Backend::start();
    let function = backend.function(&python_code(), &["--handler", "app.handler"]);
    let plain = json!({});
    for (at, doing, kind, message) in [
        (
            1,
            "hang",
            "Sandbox.Timedout",
            "Task timed out after 3.00 seconds",
        ),
        (
            2,
            "exit",
            "Runtime.ExitError",
            "Runtime exited with error: exit status 3",
        ),
    ] {
        let id = root(at);
        let answer = function.invoke(&json!({"do": doing}), &format!("Root={id}"), &plain);
        assert_eq!(answer["error"], "Unhandled", "{answer}");
        assert_eq!(answer["payload"]["errorType"], kind);
        assert_failed(&backend, &id, kind, message);
        let next = root(at + 10);
        function.invoke(
            &json!({"url": backend.url}),
            &format!("Root={next}"),
            &plain,
        );
        assert_complete(&backend, &next, true);
    }
}

#[test]
fn calls_that_lambda_refuses_are_refused() {
    let backend = Backend::start();
    let flags = ["--handler", "app.handler", "--queue", "0"];
    let function = backend.function(&python_code(), &flags);
    let plain = json!({});
    for (name, payload, more, refused) in [
        ("stranger", "{}", &plain, "ResourceNotFoundException"),
        ("shop", "{", &plain, "InvalidRequestContentException"),
        (
            "shop",
            "{}",
            &json!({"LogType": "Some"}),
            "InvalidParameterValueException",
        ),
    ] {
        let answer = said(&function.caller(name, payload, "", more).output().unwrap());
        assert_eq!(answer["refused"], refused, "{answer}");
    }
    let dry = function.invoke(&plain, "", &json!({"InvocationType": "DryRun"}));
    assert_eq!(dry["status"], 204);
    let hanging = function.invoke(
        &json!({"do": "hang"}),
        "",
        &json!({"InvocationType": "Event"}),
    );
    assert_eq!(hanging["status"], 202);
    let id = root(1);
    let answer = function.invoke(&plain, &format!("Root={id}"), &plain);
    assert_eq!(answer["refused"], "TooManyRequestsException", "{answer}");
    assert_eq!(backend.summary(&id)["HasThrottle"], true);
}

#[test]
fn an_extension_is_told_of_everything() {
    let backend = Backend::start();
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("told");
    let extension = python::script("lambda/extension.py");
    let flags = [
        "--handler",
        "app.handler",
        "--extension",
        extension.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ];
    let mut command = backend.command(&python_code(), &flags);
    command.env("EXTENSION_OUTPUT", &written);
    let mut server = Server::spawn("lambda", command);
    let url = server.value_of("invoke");
    let (endpoint, _) = url.split_once("/2015-03-31").unwrap();
    let function = Function {
        endpoint: endpoint.to_owned(),
        server,
    };
    let id = root(1);
    function.invoke(&json!({}), &format!("Root={id}"), &json!({}));
    let told = || fs::read_to_string(&written).unwrap_or_default();
    eventually("platform.report", || {
        told().contains("telemetry platform.report").then_some(())
    });
    function.server.signal("-TERM");
    let (status, printed) = function.server.end();
    assert!(status.success(), "{status}: {printed}");
    let told = told();
    let mut rest = told.as_str();
    for text in [
        "registered shop",
        "telemetry platform.initStart ",
        "telemetry platform.initReport ",
        "telemetry platform.start ",
        "telemetry function \"handling ",
        "telemetry platform.runtimeDone ",
        "telemetry platform.report ",
    ] {
        let found = rest.split_once(text);
        rest = found.unwrap_or_else(|| panic!("{text}: {told}")).1;
    }
    let event = |kind: &str| {
        let mut events = told.lines().filter_map(|line| line.strip_prefix("event "));
        let found = events
            .find(|event| event.contains(kind))
            .unwrap_or_else(|| panic!("{kind}: {told}"));
        serde_json::from_str::<Value>(found).unwrap()
    };
    let invoke = event("INVOKE");
    assert!(
        invoke["tracing"]["value"]
            .as_str()
            .unwrap()
            .starts_with(&format!("Root={id};Parent="))
    );
    assert_eq!(event("SHUTDOWN")["shutdownReason"], "spindown");
}

#[test]
fn one_event_from_the_command_line_prints_the_result_and_tells_by_its_exit_code() {
    let backend = Backend::start();
    for (flags, code, expected) in [
        (
            &["--handler", "app.handler", "--event", "{\"a\":1}"][..],
            0,
            "\"given\": {\"a\": 1}",
        ),
        (
            &["--handler", "app.handler", "--event", "{\"do\":\"raise\"}"],
            1,
            "\"errorType\": \"ValueError\"",
        ),
        (
            &["--handler", "app.missing", "--event", "{}"],
            1,
            "Runtime.HandlerNotFound",
        ),
        (
            &["--event", "{}", "--", "false"],
            1,
            "Runtime exited with error: exit status 1",
        ),
        (
            &["--event", "{}", "--", "/no/such/program"],
            1,
            "Runtime.InvalidEntrypoint",
        ),
    ] {
        let output = backend.command(&python_code(), flags).output().unwrap();
        let result = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{flags:?}: {result} {log}"
        );
        assert!(result.contains(expected), "{flags:?}: {result} {log}");
        assert_eq!(result.lines().count(), 1, "{result}");
        assert!(log.contains("REPORT RequestId: "), "{log}");
    }
}

#[test]
fn our_daemon_as_an_extension_learns_the_end_of_the_invocation_and_delivers_everything() {
    let backend = Backend::start();
    let daemon = binaries::path("radiograph-daemon");
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let event = json!({"do": "work", "url": backend.url}).to_string();
    let flags = ["--handler", "app.handler", "--event", &event, "--extension"];
    let mut command = Backend::command_with(&address, &python_code(), &flags);
    command
        .arg(daemon)
        .env("RADIOGRAPH_LAMBDA_EXTENSION", "1")
        .env("RADIOGRAPH_BIND", &address)
        .env("RADIOGRAPH_BIND_TCP", "127.0.0.1:0")
        .env(
            "RADIOGRAPH_ENDPOINT",
            format!("http://{}", backend.collector.address),
        );
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(
        !log.contains("The end of the invocation was not told"),
        "{log}"
    );
    let id = log.split("XRAY TraceId: ").nth(1).unwrap();
    let id = id.split('\t').next().unwrap();
    assert_complete(&backend, id, true);
}

/// A folder with the Node function and what it needs, made on first use; why there is none.
fn node_code() -> Result<PathBuf, String> {
    let source = binaries::workspace().join("tests/node/lambda");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| binaries::workspace().join("target"), PathBuf::from);
    let folder = target.join("tests-node-lambda");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(source.join("app.js"), folder.join("app.js")).unwrap();
    let wanted = fs::read_to_string(source.join("package.json")).unwrap();
    // written last, so that an installation which was not finished is made again
    let stamp = folder.join("package.installed.json");
    if fs::read_to_string(&stamp).ok().as_ref() == Some(&wanted) {
        return Ok(folder);
    }
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    if let Some(tool) = ["npm", "cmake", "g++", "make"]
        .into_iter()
        .find(|tool| !has(tool))
    {
        return Err(format!(
            "{tool} is not installed, which aws-lambda-ric is compiled with"
        ));
    }
    fs::write(folder.join("package.json"), &wanted).unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund"])
        .current_dir(&folder);
    let output = npm.output().unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        return Err(format!(
            "aws-lambda-ric does not install: {}",
            last.unwrap_or_default()
        ));
    }
    fs::write(&stamp, wanted).unwrap();
    Ok(folder)
}

#[test]
fn a_node_function_gives_complete_traces() {
    let code = match node_code() {
        Ok(code) => code,
        Err(why) => {
            std::io::stderr()
                .write_all(format!("skipped: {why}\n").as_bytes())
                .unwrap();
            return;
        }
    };
    let backend = Backend::start();
    let function = backend.function(&code, &["--handler", "app.handler"]);
    let (event, plain) = (json!({"url": backend.url}), json!({}));
    for at in [1, 2] {
        let id = root(at);
        let answer = function.invoke(&event, &format!("Root={id};Sampled=1"), &plain);
        assert_eq!(answer["payload"]["given"], event, "{answer}");
        assert_complete(&backend, &id, at == 1);
    }
    let id = root(3);
    let answer = function.invoke(&json!({"do": "raise"}), &format!("Root={id}"), &plain);
    assert_eq!(answer["payload"]["errorType"], "TypeError");
    assert_failed(&backend, &id, "TypeError", "out of stock");
}
