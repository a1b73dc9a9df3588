//! What deploy/kubernetes holds renders, is what Kubernetes' API takes (by its schema, strictly), keeps to
//! the restricted profile of its Pod Security Standards, and sets what the servers know; and a collector and
//! a daemon work with the files of the Secrets, mounted as Kubernetes mounts them.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io::Write as _;
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use radiograph_tests::manifests::{
    assert_complains, assert_right, assert_settings_are_known, deploy,
};
use radiograph_tests::servers::Server;
use radiograph_tests::{eventually, kustomize, packaged};

/// Directories that are applied; the others are parts of these.
const APPLIED: [&str; 4] = [
    "all",
    "daemonset-on-host",
    "daemonset-with-aws",
    "sidecar-example",
];

/// The user of the images.
const USER: u32 = 10_001;

fn skipped(why: &str) {
    writeln!(std::io::stderr().lock(), "skipped: {why}").unwrap();
}

/// Renders what is applied into a folder; `false` where nothing can render it.
fn render(folder: &Path) -> bool {
    APPLIED.iter().all(|name| {
        let Some(text) = kustomize::render(&deploy("kubernetes").join(name)) else {
            skipped("manifests: there is neither kubectl nor kustomize nor go");
            return false;
        };
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
        true
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    APPLIED
        .map(|name| folder.join(format!("{name}.yaml")))
        .into()
}

#[test]
fn the_manifests_are_what_kubernetes_takes() {
    let folder = tempfile::tempdir().unwrap();
    if render(folder.path()) {
        assert_right("kubernetes", &files(folder.path()));
    }
}

#[test]
#[rustfmt::skip]
fn a_broken_manifest_is_told() {
    let folder = tempfile::tempdir().unwrap();
    if !render(folder.path()) {
        return;
    }
    let changes = [
        ["all.yaml", "terminationGracePeriodSeconds", "terminationGracePeriod", "terminationGracePeriod"],
        ["all.yaml", "replicas: 1", "replicas: one", "replicas"],
        ["all.yaml", "apiVersion: apps/v1", "apiVersion: apps/v1beta1", "knows no apps/v1beta1"],
        ["all.yaml", "accessModes:", "accessMode:", "accessMode"],
        ["all.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRootFilesystem is not"],
        ["all.yaml", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation is not"],
        ["all.yaml", "runAsUser: 10001", "runAsUser: 0", "runAsUser is not"],
        ["all.yaml", "type: RuntimeDefault", "type: Unconfined", "seccompProfile is not"],
        ["all.yaml", "targetPort: xray", "targetPort: x-ray", "no container has a port x-ray"],
        ["daemonset-with-aws.yaml", "- containerPort: 2000", "- containerPort: 2000\n          hostPort: 2000", "hostPort"],
        ["sidecar-example.yaml", "automountServiceAccountToken: false\n      containers", "containers", "a token that it does not need"],
    ];
    assert_complains("kubernetes", folder.path(), false, &changes);
}

#[test]
fn the_servers_know_what_the_manifests_set() {
    let folder = tempfile::tempdir().unwrap();
    if render(folder.path()) {
        assert_eq!(assert_settings_are_known(&files(folder.path())), (4, 1));
    }
}

/// Makes keys and certificate as the README says, twice.
fn make_secrets(folder: &Path) {
    for part in ["collector", "daemon"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    fs::copy(deploy("kubernetes/secrets/make"), folder.join("make")).unwrap();
    let make = || {
        let mut command = Command::new(folder.join("make"));
        let radiograph = packaged::binary("radiograph");
        let output = command.env("RADIOGRAPH", radiograph).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = make();
    assert!(first.contains("AWS_SECRET_ACCESS_KEY="), "{first}");
    // nothing is made anew
    assert_eq!(make(), "");
}

/// A directory like that of a Secret in a pod with an fsGroup: files of root and that group, behind two
/// symbolic links, so that all of them change at once.
fn mount(files: &Path, names: &[&str], into: &Path) {
    let version = into.join("..2026_11_21");
    fs::create_dir_all(&version).unwrap();
    for name in names {
        let file = version.join(name);
        fs::copy(files.join(name), &file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        chown(&file, Some(0), Some(USER)).unwrap();
        symlink(Path::new("..data").join(name), into.join(name)).unwrap();
    }
    symlink("..2026_11_21", into.join("..data")).unwrap();
}

/// A server as the images' user, with nothing of this machine's environment.
fn as_user(name: &'static str, variables: &[(&str, String)]) -> Command {
    let mut command = Command::new("setpriv");
    let user = USER.to_string();
    command
        .args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"])
        .arg(packaged::binary(name))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(variables.iter().map(|(name, value)| (*name, value)));
    command
}

#[test]
fn collector_and_daemon_work_with_the_secrets_as_they_are_mounted() {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let is_root = fs::metadata("/proc/self").is_ok_and(|found| {
        use std::os::unix::fs::MetadataExt as _;
        found.uid() == 0
    });
    if !is_root || !has("setpriv") || Command::new("openssl").arg("version").output().is_err() {
        return skipped("mounted secrets: they need root, setpriv and openssl");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secrets = folder.path().join("secrets");
    make_secrets(&secrets);
    let (keys, data) = (folder.path().join("keys"), folder.path().join("data"));
    let (trust, spool) = (folder.path().join("trust"), folder.path().join("spool"));
    mount(
        &secrets.join("collector"),
        &["keys.yaml", "tls.crt", "tls.key"],
        &keys,
    );
    mount(&secrets.join("daemon"), &["credentials", "ca.crt"], &trust);
    for volume in [&data, &spool] {
        fs::create_dir(volume).unwrap();
        chown(volume, Some(0), Some(USER)).unwrap();
        fs::set_permissions(volume, fs::Permissions::from_mode(0o2775)).unwrap();
    }
    let path = |folder: &Path, name: &str| folder.join(name).to_str().unwrap().to_owned();
    // beyond loopback, so that keys and TLS are wanted
    let collector = as_user(
        "radiograph-collector",
        &[
            ("RADIOGRAPH_LISTEN", "0.0.0.0:0".to_owned()),
            ("RADIOGRAPH_ADMIN", "0.0.0.0:0".to_owned()),
            ("RADIOGRAPH_DATA_DIR", path(&data, "")),
            ("RADIOGRAPH_KEYS", path(&keys, "keys.yaml")),
            ("RADIOGRAPH_TLS_CERT", path(&keys, "tls.crt")),
            ("RADIOGRAPH_TLS_KEY", path(&keys, "tls.key")),
        ],
    );
    let mut collector = Server::spawn("radiograph-collector", collector);
    let address = collector.value_behind("address=");
    let port = address.rsplit(':').next().unwrap().to_owned();
    let mut daemon = as_user(
        "radiograph-daemon",
        &[
            ("RADIOGRAPH_ENDPOINT", format!("https://localhost:{port}")),
            ("RADIOGRAPH_PROFILE", "collector".to_owned()),
            ("RADIOGRAPH_CA_FILE", path(&trust, "ca.crt")),
            ("RADIOGRAPH_DATA_DIR", path(&spool, "")),
            ("RADIOGRAPH_ADMIN", "off".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", path(&trust, "credentials")),
        ],
    );
    daemon.args(["--bind", "127.0.0.1:0", "--bind-tcp", "127.0.0.1:0"]);
    let mut daemon = Server::spawn("radiograph-daemon", daemon);
    let udp = daemon.value_behind("Listening for segments on udp ");
    let segment = "{\"format\":\"json\",\"version\":1}\n{\"name\":\"shop\",\"id\":\"53995c3f42cd8ad8\",\
        \"trace_id\":\"1-6592008a-4675666db48b4be8b2c2f5d4\",\"start_time\":1704067210.1,\
        \"end_time\":1704067210.4}";
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(segment.as_bytes(), udp.as_str()).unwrap();
    eventually("the segment to be delivered", || {
        let printed = daemon.printed();
        printed
            .contains("Successfully sent batch of 1 segments")
            .then_some(())
    });
    for server in [daemon, collector] {
        server.signal("-TERM");
        let (status, printed) = server.end();
        assert!(status.success(), "{status}:\n{printed}");
    }
}
