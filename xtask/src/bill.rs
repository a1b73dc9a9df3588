//! Bills of materials: CycloneDX 1.5, one for each program and system, of what is linked into it.
//!
//! That is the normal dependencies that Cargo's own resolver turns on for this program on this system, and
//! the two parts that no manifest names: Rust's standard library and musl. What only builds it (build
//! scripts, macros) is not in it and not listed.

mod parts;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

pub(crate) use parts::{Part, Parts};

use crate::target::Target;
use crate::workspace::{Workspace, said_by};
use crate::{binaries, files, licences};

/// Writes the bill of each program and the licence texts of all; returns their folder.
///
/// # Errors
/// Cargo cannot resolve the dependencies, or a file cannot be written.
pub(crate) fn write_all(workspace: &Workspace, target: Target) -> anyhow::Result<PathBuf> {
    let directory = workspace.packages_for(target).join("sbom");
    let known = workspace.dependencies(target)?;
    let mut all = Vec::new();
    for program in binaries::NAMES {
        let parts = Parts::of(workspace, target, program, &known)?;
        let bill = bill(workspace, program, &parts)?;
        let text = serde_json::to_string_pretty(&bill).context("bill of materials")? + "\n";
        files::write(&directory.join(format!("{program}.cdx.json")), text)?;
        all.extend(parts.all);
    }
    all.sort();
    all.dedup();
    let texts = licences::text(&all)?;
    files::write(&directory.join(licences::FILE), texts)?;
    Ok(directory)
}

fn bill(workspace: &Workspace, program: &str, parts: &Parts) -> anyhow::Result<Value> {
    let made = i64::try_from(workspace.epoch).context("time of the last commit")?;
    let made = jiff::Timestamp::from_second(made).context("time of the last commit")?;
    let root = parts.root(program)?;
    let others = parts.all.iter().filter(|part| *part != root);
    let dependencies = parts.all.iter().map(|part| {
        let direct: Vec<&str> = parts.direct(part).map(Part::reference).collect();
        json!({ "ref": part.reference(), "dependsOn": direct })
    });
    let compiler = said_by(Command::new("rustc").arg("--version"))?;
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": made.to_string(),
            "tools": { "components": [
                { "type": "application", "name": "rustc", "version": compiler },
            ] },
            "component": component(root, "application"),
        },
        "components": others.map(|part| component(part, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

fn component(part: &Part, kind: &str) -> Value {
    let mut component = Map::new();
    let mut say = |name: &str, value: Value| component.insert(name.to_owned(), value);
    say("type", json!(kind));
    say("bom-ref", json!(part.reference()));
    say("name", json!(part.name));
    if !part.version.is_empty() {
        say("version", json!(part.version));
    }
    say("licenses", json!([{ "expression": part.licence }]));
    if let Some(url) = &part.package_url {
        say("purl", json!(url));
    }
    if let Some(sum) = &part.sha256 {
        say("hashes", json!([{ "alg": "SHA-256", "content": sum }]));
    }
    Value::Object(component)
}
