//! What each package holds: its files with their places, and the scripts around installation.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;

use super::Packages;
use crate::licences;

/// One package, whatever its format.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// Packages that go well with it.
    pub(super) suggests: &'static [&'static str],
    /// In the order of their paths.
    pub(super) files: Vec<File>,
    /// `postinst` and the like, by name.
    pub(super) deb_scripts: Vec<(&'static str, String)>,
    /// `pre`, `post`, `preun`, `postun`.
    pub(super) rpm_scripts: Vec<(&'static str, String)>,
}

/// A file to install.
#[derive(Debug)]
pub(super) struct File {
    /// From `/` on.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
    pub(super) mode: u16,
    /// Whether it is the administrator's to change.
    pub(super) is_configuration: bool,
}

/// A server's package beside what its name says.
struct Server {
    /// Its folder in `deploy/packages`.
    folder: &'static str,
    examples: &'static [&'static str],
}

/// The three packages.
///
/// # Errors
/// A file cannot be read.
pub(super) fn all(request: &Packages) -> anyhow::Result<Vec<Package>> {
    let daemon = Server {
        folder: "daemon",
        examples: &[
            "10-all-interfaces.conf",
            "20-aws-log-file.conf",
            "30-aws-profile.conf",
            "50-backoff.conf",
        ],
    };
    let collector = Server {
        folder: "collector",
        examples: &["40-data-elsewhere.conf", "50-backoff.conf"],
    };
    let mut packages = vec![
        Package {
            name: "radiograph-daemon",
            summary: "daemon for X-Ray segments, in place of the AWS X-Ray daemon",
            description: "Takes segments of X-Ray SDKs by UDP and delivers them to Radiograph collectors \
                          and to AWS X-Ray. What cannot be delivered waits on disk.",
            suggests: &["radiograph-collector", "radiograph"],
            files: server(&daemon)?,
            deb_scripts: scripts(&daemon, "deb", &["postinst", "prerm", "postrm"])?,
            rpm_scripts: scripts(&daemon, "rpm", &["pre", "post", "preun", "postun"])?,
        },
        Package {
            name: "radiograph-collector",
            summary: "distributed tracing with the API of AWS X-Ray",
            description: "Stores segments, stitches them into traces and answers the X-Ray API, on one's \
                          own machine.",
            suggests: &["radiograph-daemon", "radiograph"],
            files: server(&collector)?,
            deb_scripts: scripts(&collector, "deb", &["postinst", "prerm", "postrm"])?,
            rpm_scripts: scripts(&collector, "rpm", &["pre", "post", "preun", "postun"])?,
        },
        Package {
            name: "radiograph",
            summary: "command line of Radiograph: searches, copies and checks traces",
            description: "Searches traces, copies and checks what a collector stores, and runs daemon and \
                          collector in one process for development.",
            suggests: &["radiograph-daemon", "radiograph-collector"],
            files: Vec::new(),
            deb_scripts: Vec::new(),
            rpm_scripts: Vec::new(),
        },
    ];
    for package in &mut packages {
        package.files.extend(common(package.name, request)?);
        package.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    Ok(packages)
}

/// Unit files, settings and documentation of a server.
fn server(server: &Server) -> anyhow::Result<Vec<File>> {
    let folder = server.folder;
    let name = format!("radiograph-{folder}");
    let ours = deploy().join("packages").join(folder);
    let units = deploy().join("systemd");
    let documentation = format!("/usr/share/doc/{name}");
    let mut files = Vec::new();
    for kind in ["service", "socket"] {
        let unit = format!("{name}.{kind}");
        let path = format!("/usr/lib/systemd/system/{unit}");
        files.push(File::plain(path, read(&units.join(unit))?));
    }
    let places = [
        ("sysusers.conf", format!("/usr/lib/sysusers.d/{name}.conf")),
        ("tmpfiles.conf", format!("/usr/lib/tmpfiles.d/{name}.conf")),
        ("README.md", format!("{documentation}/README.md")),
    ];
    for (file, path) in places {
        files.push(File::plain(path, read(&ours.join(file))?));
    }
    if folder == "daemon" {
        // named for the value, so that one of the administrator's may be called anything
        let path = format!("/usr/lib/sysctl.d/50-{name}.conf");
        files.push(File::plain(path, read(&ours.join("sysctl.conf"))?));
        let path = format!("{documentation}/examples/cfg.yaml");
        files.push(File::plain(path, read(&ours.join("cfg.yaml"))?));
    }
    for example in server.examples {
        let path = format!("{documentation}/examples/{example}");
        files.push(File::plain(
            path,
            read(&units.join("examples").join(example))?,
        ));
    }
    let settings = format!("{folder}.env");
    files.push(File {
        path: format!("/etc/radiograph/{settings}"),
        content: read(&ours.join(settings))?,
        // keys may stand there; systemd reads it as root
        mode: 0o600,
        is_configuration: true,
    });
    Ok(files)
}

/// What every package has: its binary, manual pages, completions, licences.
fn common(name: &str, request: &Packages) -> anyhow::Result<Vec<File>> {
    let mut files = vec![File {
        path: format!("/usr/bin/{name}"),
        content: read(&request.binaries.join(name))?,
        mode: 0o755,
        is_configuration: false,
    }];
    let man = request.manual.join("man");
    for file in names(&man)? {
        if owner(&file) == name {
            let page = gzip(&read(&man.join(&file))?)?;
            files.push(File::plain(format!("/usr/share/man/man1/{file}.gz"), page));
        }
    }
    let completions = request.manual.join("completions");
    let shells = [
        (
            format!("bash/{name}"),
            format!("bash-completion/completions/{name}"),
        ),
        (
            format!("zsh/_{name}"),
            format!("zsh/vendor-completions/_{name}"),
        ),
        (
            format!("zsh/_{name}"),
            format!("zsh/site-functions/_{name}"),
        ),
        (
            format!("fish/{name}.fish"),
            format!("fish/vendor_completions.d/{name}.fish"),
        ),
    ];
    for (from, to) in shells {
        files.push(File::plain(
            format!("/usr/share/{to}"),
            read(&completions.join(from))?,
        ));
    }
    let documentation = format!("/usr/share/doc/{name}");
    let copyright = read(&deploy().join("packages/copyright"))?;
    files.push(File::plain(format!("{documentation}/copyright"), copyright));
    let apache = gzip(&read(&root().join("LICENSE-APACHE"))?)?;
    files.push(File::plain(
        format!("{documentation}/LICENSE-APACHE.gz"),
        apache,
    ));
    let mit = read(&root().join("LICENSE-MIT"))?;
    files.push(File::plain(format!("{documentation}/LICENSE-MIT"), mit));
    let others = gzip(&read(&request.licences)?)?;
    files.push(File::plain(
        format!("{documentation}/{}.gz", licences::FILE),
        others,
    ));
    let changes = gzip(changelog(name, request)?.as_bytes())?;
    files.push(File::plain(
        format!("{documentation}/changelog.gz"),
        changes,
    ));
    Ok(files)
}

/// Which package a manual page belongs to: `radiograph-daemon.1`, `radiograph-daemon-spool.1`.
fn owner(page: &str) -> &'static str {
    let servers = ["radiograph-daemon", "radiograph-collector"];
    let stem = page.trim_end_matches(".1");
    let is_of = |server: &str| {
        let rest = stem.strip_prefix(server);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    servers
        .into_iter()
        .find(|server| is_of(server))
        .unwrap_or("radiograph")
}

/// As Debian wants it; what changed stands in the project's own.
fn changelog(name: &str, request: &Packages) -> anyhow::Result<String> {
    let (version, seconds) = (request.version(), i64::try_from(request.epoch)?);
    let date = Timestamp::from_second(seconds)?.strftime("%a, %d %b %Y %H:%M:%S +0000");
    Ok(format!(
        "{name} ({version}) stable; urgency=medium\n\n  * Release {version}; CHANGELOG.md of the project says what \
         is new.\n\n -- {MAINTAINER}  {date}\n"
    ))
}

/// Who packages it.
pub(super) const MAINTAINER: &str = "The Radiograph authors <radiograph@localhost>";

fn scripts(
    server: &Server,
    format: &str,
    names: &[&'static str],
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let folder = deploy().join("packages").join(server.folder).join(format);
    names
        .iter()
        .map(|name| {
            let path = folder.join(name);
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            Ok((*name, text))
        })
        .collect()
}

impl File {
    const fn plain(path: String, content: Vec<u8>) -> Self {
        Self {
            path,
            content,
            mode: 0o644,
            is_configuration: false,
        }
    }
}

/// Sorted, so that the order is not the file system's.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// Without name and time.
pub(super) fn gzip(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

fn deploy() -> PathBuf {
    root().join("deploy")
}
