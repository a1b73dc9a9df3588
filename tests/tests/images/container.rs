//! Containers from the images, run by `crun` as an engine runs them with `--read-only`, without any
//! capability: the image's user, environment, entry point and volumes, namespaces of their own, the
//! program as process 1.
//!
//! A network is shared as within a pod: the first container brings it, the test's thread joins it, and
//! what this thread starts from then on is in it. So the ports are those that users know.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use radiograph_tests::eventually;
use radiograph_tests::servers::Server;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::packed::{Images, Root, printed, runs, skipped};

/// How long ECS waits after SIGTERM unless told otherwise; Docker's 10 s would make a test that fails on a
/// busy machine.
const STOP_MAX: Duration = Duration::from_secs(30);

/// Names of the services, as an engine's resolver would tell them.
const HOSTS: &str = "127.0.0.1 localhost collector daemon\n::1 localhost\n";

/// How a container is to be run: what the image says, and what is put on top.
pub(crate) struct Run<'a> {
    program: &'static str,
    config: Value,
    images: &'a Images,
    entry_point: Vec<String>,
    arguments: Vec<String>,
    environment: Vec<String>,
    /// Directory or file, and where it is seen.
    mounts: Vec<(PathBuf, String)>,
    has_own_network: bool,
}

/// A running container; dropping it kills it.
pub(crate) struct Container<'a> {
    handle: Handle<'a>,
    pub(crate) server: Server,
}

/// What the runtime knows it by.
struct Handle<'a> {
    id: String,
    state: PathBuf,
    _dir: TempDir,
    _root: Root<'a>,
}

/// Whether containers can be run here; a line tells why not.
pub(crate) fn can_run() -> bool {
    if !runs("crun") {
        skipped("crun is not installed");
        return false;
    }
    let mut namespaces = Command::new("unshare");
    namespaces.args(["--mount", "--net", "--pid", "--fork", "true"]);
    let allowed = namespaces
        .output()
        .is_ok_and(|output| output.status.success());
    if !allowed {
        skipped("namespaces are not allowed here");
    }
    allowed
}

/// Directory that has the owner of the image's volume, as an engine makes it.
pub(crate) fn volume(images: &Images, program: &str) -> TempDir {
    let root = images.root(program);
    let of_image = fs::metadata(root.path.join("var/lib/radiograph")).unwrap();
    let made = tempfile::tempdir().unwrap();
    chown(made.path(), Some(of_image.uid()), Some(of_image.gid())).unwrap();
    made
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

impl<'a> Run<'a> {
    /// As `docker run --read-only IMAGE` does.
    pub(crate) fn of(images: &'a Images, program: &'static str) -> Self {
        let config = images.config(program);
        Self {
            program,
            images,
            entry_point: texts(&config["Entrypoint"]),
            arguments: texts(&config["Cmd"]),
            environment: texts(&config["Env"]),
            config,
            mounts: Vec::new(),
            has_own_network: false,
        }
    }

    /// With a network of its own, that others join.
    pub(crate) fn with_own_network(mut self) -> Self {
        self.has_own_network = true;
        self
    }

    /// What stands behind the image's name.
    pub(crate) fn arguments(mut self, words: &str) -> Self {
        self.arguments = words.split(' ').map(str::to_owned).collect();
        self
    }

    /// In place of the image's entry point.
    pub(crate) fn entry_point(mut self, words: &[&str]) -> Self {
        self.entry_point = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    pub(crate) fn mount(mut self, source: &Path, place: &str) -> Self {
        self.mounts.push((source.to_owned(), place.to_owned()));
        self
    }

    /// With a directory in the place of the image's only volume.
    pub(crate) fn volume(self, source: &Path) -> Self {
        let volumes = self.config["Volumes"].as_object().unwrap();
        let place = volumes.keys().next().unwrap().clone();
        self.mount(source, &place)
    }

    pub(crate) fn start(self) -> Container<'a> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let id = format!("radiograph-{}-{number}", std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let root = self.images.root(self.program);
        fs::write(dir.path().join("hosts"), HOSTS).unwrap();
        let bundle = self.bundle(&root.path, &dir.path().join("hosts"));
        fs::write(dir.path().join("config.json"), bundle.to_string()).unwrap();
        let state = dir.path().join("state");
        let mut command = crun(&state);
        command.arg("run").arg("--bundle").arg(dir.path()).arg(&id);
        Container {
            server: Server::spawn(self.program, command),
            handle: Handle {
                id,
                state,
                _dir: dir,
                _root: root,
            },
        }
    }

    /// The container as the runtime specification of OCI has it.
    fn bundle(&self, root: &Path, hosts: &Path) -> Value {
        let (uid, gid) = self.config["User"]
            .as_str()
            .unwrap()
            .split_once(':')
            .unwrap();
        let user = |id: &str| id.parse::<u32>().unwrap();
        let bind = |source: &Path, place: &str, options: &[&str]| json!({"source": source, "destination": place, "type": "bind", "options": options});
        let mut mounts = vec![
            json!({"source": "proc", "destination": "/proc", "type": "proc"}),
            json!({"source": "tmpfs", "destination": "/dev", "type": "tmpfs",
                "options": ["nosuid", "mode=755", "size=64k"]}),
            bind(hosts, "/etc/hosts", &["bind", "ro"]),
        ];
        let given = self.mounts.iter();
        mounts.extend(given.map(|(source, place)| bind(source, place, &["bind", "rw"])));
        let words = [&self.entry_point[..], &self.arguments].concat();
        let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
        namespaces.extend(self.has_own_network.then_some("network"));
        let namespaces: Vec<Value> = namespaces
            .iter()
            .map(|kind| json!({"type": kind}))
            .collect();
        json!({
            "ociVersion": "1.0.0",
            "root": {"path": root, "readonly": true},
            "process": {
                "args": words,
                "env": self.environment,
                "cwd": "/",
                "user": {"uid": user(uid), "gid": user(gid)},
                "noNewPrivileges": true,
            },
            "hostname": self.program,
            "mounts": mounts,
            "linux": {"namespaces": namespaces},
        })
    }
}

impl Container<'_> {
    /// Takes this thread, and all that it starts from now on, into the container's network.
    pub(crate) fn join_network(&mut self) {
        let id = eventually("the container's first process", || {
            let printed = self.server.printed();
            assert!(self.server.is_running(), "it has ended: {printed}");
            let told = self.handle.command("state").output().unwrap();
            let told: Value = serde_json::from_slice(&told.stdout).ok()?;
            (told["status"] == "running").then(|| told["pid"].as_u64())?
        });
        let network = fs::File::open(format!("/proc/{id}/ns/net")).unwrap();
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// Runs the image's health check as the engine does, and tells how it ended.
    pub(crate) fn health(&self, images: &Images, program: &str) -> Option<i32> {
        let test = texts(&images.config(program)["Healthcheck"]["Test"]);
        let (kind, words) = test.split_first().unwrap();
        assert_eq!(kind, "CMD", "a shell is not there");
        let mut command = self.handle.command("exec");
        command.args(words).output().unwrap().status.code()
    }

    /// Stops it as an engine does: SIGTERM, and SIGKILL to what has not ended when its time is over. Returns
    /// how it ended and what it printed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine's own limit is what is tested"
    )]
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let mut terminate = self.handle.command("kill");
        terminate.arg("TERM");
        printed(terminate);
        let asked = Instant::now();
        while self.server.is_running() && asked.elapsed() < STOP_MAX {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.handle.kill();
        self.ended()
    }

    /// How it ended by itself, and what it printed.
    pub(crate) fn ended(self) -> (ExitStatus, String) {
        self.server.end()
    }

    /// Stops it, which has to go well.
    #[track_caller]
    pub(crate) fn stop_well(self) -> String {
        let (status, printed) = self.stop();
        assert_eq!(status.code(), Some(0), "{status}:\n{printed}");
        printed
    }
}

impl Handle<'_> {
    fn command(&self, what: &str) -> Command {
        let mut command = crun(&self.state);
        command.arg(what).arg(&self.id);
        command
    }

    fn kill(&self) {
        let mut delete = crun(&self.state);
        delete.args(["delete", "--force", &self.id]);
        // gone already when it went well
        let _gone = delete.output();
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Version 1 of crun refuses hosts that have both versions of cgroups. No limit is set here, so that it need
/// not see them.
const WITHOUT_CGROUPS: &str =
    "[ ! -d /sys/fs/cgroup/unified ] || mount -t tmpfs none /sys/fs/cgroup
exec crun --cgroup-manager=disabled \"$@\"";

fn crun(state: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", WITHOUT_CGROUPS, "crun", "--root"]);
    command.arg(state);
    command
}
