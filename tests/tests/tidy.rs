//! House rules that no compiler knows: who may import whom, file sizes, reasons for dependencies,
//! licences, tests that cannot fail.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use radiograph_tests::binaries::workspace;

/// Lines of a source file without its head comment saying why it is longer; tests not counted.
const FILE_LINES_MAX: usize = 500;

/// The folders of the workspace's packages.
const PACKAGES: [&str; 11] = [
    "protocol",
    "admin",
    "daemon",
    "collector",
    "cli",
    "proto-fixtures",
    "tests",
    "bench",
    "fuzz",
    "xtask",
    "xtask/manual",
];

struct Source {
    /// Relative to the workspace, with `/`.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in PACKAGES {
        collect(&workspace().join(folder), &mut found);
    }
    assert!(found.len() > 50, "only {} sources found", found.len());
    found
}

/// All sources but this file, which names what it looks for.
fn sources_but_this() -> Vec<Source> {
    let mut found = sources();
    found.retain(|source| source.path != "tests/tests/tidy.rs");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path
                .strip_prefix(workspace())
                .unwrap()
                .to_string_lossy()
                .into_owned();
            found.push(Source { path, text });
        }
    }
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The text before the tests.
    fn production(&self) -> &str {
        if self.is_test() {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap()
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|s| !s.text.starts_with("//! "))
        .map(|s| s.path)
        .collect();
    assert_eq!(silent, Vec::<String>::new(), "files without a head comment");
}

#[test]
fn no_file_has_grown_too_long() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.production().lines().count() > FILE_LINES_MAX)
        .map(|source| source.path)
        .collect();
    assert_eq!(
        long,
        Vec::<String>::new(),
        "longer than {FILE_LINES_MAX} lines"
    );
}

#[test]
fn pure_modules_import_nothing_impure_and_nobody_above_them() {
    // where, and what must not be imported there
    let impure = [
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "std::env",
        "std::thread",
        "tokio",
        "tracing",
        "fastrand",
    ];
    let clocks = ["SystemTime", "crate::clock"];
    let rules: [(&str, Vec<&str>); 10] = [
        ("protocol/src/", [&impure[..], &clocks].concat()),
        (
            "collector/src/trace",
            [&impure[..], &clocks, &["crate::store", "crate::query"]].concat(),
        ),
        (
            "collector/src/otlp",
            [&impure[..], &clocks, &["crate::store", "crate::query"]].concat(),
        ),
        (
            "collector/src/store",
            vec![
                "crate::query",
                "crate::ingest",
                "crate::settle",
                "crate::http",
            ],
        ),
        (
            "collector/src/filter",
            [&impure[..], &clocks, &["crate::store", "crate::query"]].concat(),
        ),
        (
            "collector/src/search",
            [&impure[..], &clocks, &["crate::store", "crate::query"]].concat(),
        ),
        ("collector/src/groups", vec!["crate::http", "axum"]),
        ("collector/src/query", vec!["crate::http", "axum"]),
        ("collector/src/ingest", vec!["crate::http", "axum"]),
        ("collector/src/settle", vec!["crate::http", "axum"]),
    ];
    let mut broken = Vec::new();
    for source in sources() {
        for (place, banned) in rules
            .iter()
            .filter(|(place, _)| source.path.starts_with(place))
        {
            let code = source.production();
            let lines = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            for line in lines {
                let imports = line.trim_start().starts_with("use ") || line.contains("::");
                let of = |name: &&&str| imports && line.contains(**name);
                broken.extend(
                    banned
                        .iter()
                        .filter(of)
                        .map(|b| format!("{place}: {}: {b}", source.path)),
                );
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn there_is_no_unsafe_code_and_there_are_no_notes_to_self() {
    let mut found = Vec::new();
    for source in sources_but_this() {
        for word in ["TODO", "FIXME", "XXX", "unsafe {", "unsafe fn", "#[allow("] {
            if source.text.contains(word) {
                found.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn no_assertion_is_empty() {
    let mut found = Vec::new();
    for source in sources_but_this() {
        let bare = |line: &&str| line.trim_start().starts_with("matches!(") && line.ends_with(");");
        found.extend(
            source
                .text
                .lines()
                .filter(bare)
                .map(|line| format!("{}: {line}", source.path)),
        );
        let ignored = source.text.matches("#[ignore").count();
        found.extend((0..ignored).map(|_| format!("{}: #[ignore]", source.path)));
    }
    assert_eq!(
        found,
        Vec::<String>::new(),
        "a test that cannot fail is a defect"
    );
}

#[test]
fn every_dependency_says_why_it_stands_here() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let parsed: toml::Table = manifest.parse().unwrap();
    let dependencies = parsed["workspace"]["dependencies"].as_table().unwrap();
    let lines: Vec<&str> = manifest.lines().collect();
    for name in dependencies
        .keys()
        .filter(|name| !name.starts_with("radiograph-"))
    {
        let at = lines
            .iter()
            .position(|line| line.starts_with(&format!("{name} = ")))
            .unwrap();
        assert!(lines[at - 1].starts_with("# "), "{name} has no reason");
    }
    for folder in PACKAGES {
        let manifest = fs::read_to_string(workspace().join(folder).join("Cargo.toml")).unwrap();
        let parsed: toml::Table = manifest.parse().unwrap();
        for section in ["dependencies", "dev-dependencies"] {
            let Some(section) = parsed.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, dependency) in section {
                let of_workspace = dependency.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(
                    of_workspace,
                    Some(true),
                    "{folder}: {name} is not the workspace's"
                );
            }
        }
    }
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for package in PACKAGES {
        let manifest = fs::read_to_string(workspace().join(package).join("Cargo.toml")).unwrap();
        let parsed: toml::Table = manifest.parse().unwrap();
        let place = format!("{package}/");
        let texts: Vec<String> = sources()
            .into_iter()
            .filter(|source| source.path.starts_with(&place))
            .map(|source| source.text)
            .collect();
        let sections = ["dependencies", "dev-dependencies"];
        let sections = sections
            .iter()
            .filter_map(|section| parsed.get(*section)?.as_table());
        for name in sections.flat_map(toml::Table::keys) {
            let name = name.replace('-', "_");
            let paths = [
                format!("{name}::"),
                format!("use {name} "),
                format!("{name}!"),
            ];
            if !texts
                .iter()
                .any(|text| paths.iter().any(|path| text.contains(path)))
            {
                unused.push(format!("{package}: {name}"));
            }
        }
    }
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn every_licence_is_one_of_those_allowed() {
    let deny = fs::read_to_string(workspace().join("deny.toml")).unwrap();
    let deny: toml::Table = deny.parse().unwrap();
    let allowed: BTreeSet<&str> = deny["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|licence| licence.as_str().unwrap())
        .collect();
    let metadata = MetadataCommand::new()
        .manifest_path(workspace().join("Cargo.toml"))
        .exec()
        .unwrap();
    let mut refused = Vec::new();
    for package in &metadata.packages {
        let expression = package
            .license
            .clone()
            .unwrap_or_default()
            .replace('/', " OR ");
        // each side of every AND needs one allowed alternative
        let satisfied = expression.split(" AND ").all(|side| {
            let side = side.trim_matches(['(', ')']);
            side.split(" OR ")
                .any(|licence| allowed.contains(licence.trim_matches(['(', ')', ' '])))
        });
        if !satisfied {
            refused.push(format!(
                "{} {}: {expression}",
                package.name, package.version
            ));
        }
    }
    assert_eq!(refused, Vec::<String>::new());
}

#[test]
fn every_recording_says_where_it_comes_from() {
    let readme = fs::read_to_string(workspace().join("proto-fixtures/README.md")).unwrap();
    let recordings = radiograph_proto_fixtures::recordings();
    let mut unknown = Vec::new();
    for recording in &recordings {
        let (client, scenario) = recording.name.split_once('/').unwrap();
        let stem = scenario.split('_').next().unwrap();
        if !readme.contains(client) && !readme.contains(stem) {
            unknown.push(&recording.name);
        }
    }
    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn the_architecture_fits_on_a_few_screens_and_names_every_module() {
    let page = fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    assert!(
        page.lines().count() <= 200,
        "{} lines",
        page.lines().count()
    );
    let mut missing = Vec::new();
    for krate in ["protocol", "admin", "daemon", "collector", "cli"] {
        for entry in fs::read_dir(workspace().join(krate).join("src")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let is_module = path.extension().is_some_and(|extension| extension == "rs");
            if is_module && name != "lib" && !page.contains(&format!("`{name}`")) {
                missing.push(format!("{krate}: {name}"));
            }
        }
    }
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "modules that ARCHITECTURE.md does not name"
    );
}
