//! `THIRD-PARTY-LICENSES.txt`: what is linked into the programs, under which licences, and every licence
//! text that comes with the sources, those of C code within crates too. Equal texts stand there once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::bill::Part;
use crate::files;

/// The name of the file.
pub(crate) const FILE: &str = "THIRD-PARTY-LICENSES.txt";

/// How names of files with such texts begin.
const BEGINNINGS: [&str; 6] = [
    "licen",
    "copying",
    "copyright",
    "notice",
    "unlicense",
    "patents",
];

/// The texts of what is no crate, from its project.
const BESIDE_CRATES: [(&str, &str); 2] = [
    ("musl", include_str!("../licences/musl.txt")),
    ("rust-std", include_str!("../licences/rust-std.txt")),
];

const RULE: &str =
    "--------------------------------------------------------------------------------";

/// The whole file for these parts; ours are left out.
///
/// # Errors
/// Sources cannot be read.
pub(crate) fn text(parts: &[Part]) -> anyhow::Result<String> {
    let others: Vec<&Part> = parts
        .iter()
        .filter(|part| part.package_url.is_none() || part.sha256.is_some())
        .collect();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut listed = String::new();
    for part in &others {
        let title = title(part);
        let found = texts_of(part)?;
        let remark = if found.is_empty() {
            without_text(part)
        } else {
            String::new()
        };
        listed += &format!("{title}: {}{remark}\n", part.licence);
        for each in found {
            texts.entry(each).or_default().insert(title.clone());
        }
    }
    let mut whole =
        String::from("What is linked into the programs of Radiograph, and its licences.\n\n");
    whole.push_str(&listed);
    for (text, titles) in texts {
        let titles = titles.into_iter().collect::<Vec<_>>().join(", ");
        whole += &format!("\n{RULE}\n{titles}\n{RULE}\n\n{text}\n");
    }
    Ok(whole)
}

fn title(part: &Part) -> String {
    format!("{} {}", part.name, part.version).trim().to_owned()
}

/// What stands for a text where the sources come without: who made it and where it is kept.
fn without_text(part: &Part) -> String {
    let authors = match part.authors.as_slice() {
        [] => String::new(),
        authors => format!(" by {}", authors.join(", ")),
    };
    format!(
        " (its sources come without a text;{authors} {})",
        part.repository
    )
}

fn texts_of(part: &Part) -> anyhow::Result<BTreeSet<String>> {
    let Some(sources) = &part.sources else {
        let own = BESIDE_CRATES.iter().filter(|(name, _)| *name == part.name);
        return Ok(own.map(|(_, text)| tidied(text)).collect());
    };
    let mut found = BTreeSet::new();
    for path in files::below(sources)? {
        if is_licence(&path) {
            found.insert(tidied(&String::from_utf8_lossy(&files::read(&path)?)));
        }
    }
    Ok(found)
}

/// Whether a file's name is one of those that licences have; sources that deal with licences are none.
fn is_licence(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let is_text = path.extension().is_none_or(|extension| {
        let extension = extension.to_string_lossy().to_lowercase();
        !["rs", "c", "h", "py", "json", "toml", "html", "js"].contains(&extension.as_str())
    });
    is_text
        && BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
}

/// Without blanks at line ends, so that texts that look alike are one.
fn tidied(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_licences_are_told_from_sources() {
        let rows = [
            ("LICENSE", true),
            ("LICENSE-MIT", true),
            ("license.md", true),
            ("LICENCE.txt", true),
            ("COPYING", true),
            ("NOTICE", true),
            ("license.rs", false),
            ("README.md", false),
        ];
        for (name, expected) in rows {
            assert_eq!(is_licence(Path::new(name)), expected, "{name}");
        }
    }

    fn crate_at(name: &str, sources: &Path) -> Part {
        Part {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: "MIT".to_owned(),
            package_url: Some(format!("pkg:cargo/{name}@1.0.0")),
            sha256: Some(String::new()),
            sources: Some(sources.to_owned()),
            authors: vec!["Somebody".to_owned()],
            repository: "https://example.com".to_owned(),
        }
    }

    #[test]
    fn equal_texts_stand_once_with_all_their_crates() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a", "Same text.  \n\n"), ("b/c", "Same text.\n")] {
            files::write(&folder.path().join(name).join("LICENSE"), text).unwrap();
        }
        let parts = [
            crate_at("a", &folder.path().join("a")),
            crate_at("b", &folder.path().join("b")),
        ];
        let text = text(&parts).unwrap();
        assert_eq!(text.matches("Same text.").count(), 1, "{text}");
        assert!(text.contains("\na 1.0.0, b 1.0.0\n"), "{text}");
    }

    #[test]
    fn a_crate_without_a_text_is_named_with_its_makers() {
        let folder = tempfile::tempdir().unwrap();
        let text = text(&[crate_at("a", folder.path())]).unwrap();
        let expected =
            "a 1.0.0: MIT (its sources come without a text; by Somebody https://example.com)";
        assert!(text.contains(expected), "{text}");
    }
}
