//! What is linked into a program, and what depends on what, as `cargo tree` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::Metadata;

use crate::binaries;
use crate::files;
use crate::target::Target;
use crate::workspace::{Workspace, said_by};

/// Something that is linked into a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Empty where it is not known.
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) licence: String,
    /// None for what is no crate.
    pub(crate) package_url: Option<String>,
    /// Of the file that the registry serves; none for our own and for what is no crate.
    pub(crate) sha256: Option<String>,
    /// The folder of its sources; none for what is no crate.
    pub(crate) sources: Option<PathBuf>,
    pub(crate) authors: Vec<String>,
    pub(crate) repository: String,
}

/// Everything that is linked into a program.
#[derive(Debug)]
pub(crate) struct Parts {
    /// In the order of their names.
    pub(crate) all: Vec<Part>,
    /// Places in `all`: who uses whom.
    uses: BTreeSet<(usize, usize)>,
}

impl Part {
    /// Its name within a bill.
    pub(crate) fn reference(&self) -> &str {
        self.package_url.as_deref().unwrap_or(&self.name)
    }
}

impl Parts {
    /// Those of a program on a system; `known` is what Cargo knows of packages.
    ///
    /// # Errors
    /// Cargo cannot resolve the dependencies.
    pub(crate) fn of(
        workspace: &Workspace,
        target: Target,
        program: &str,
        known: &Metadata,
    ) -> anyhow::Result<Self> {
        let mut tree = Command::new("cargo");
        tree.args(["tree", "--locked", "--prefix=depth", "--format= {p}"])
            .arg("--edges=normal,no-proc-macro")
            .arg(format!("--target={target}"))
            .current_dir(&workspace.root);
        // all of them, as they are built together: that decides which features are on
        for name in binaries::NAMES {
            tree.args(["--package", name]);
        }
        let tree = read_tree(&said_by(&mut tree)?)?.below(program);
        let lock = files::read(&workspace.root.join("Cargo.lock"))?;
        let sums = checksums(&String::from_utf8_lossy(&lock))?;
        let mut all = beside_crates()?;
        for name_and_version in &tree.packages {
            all.push(part(name_and_version, known, &sums)?);
        }
        all.sort();
        let place = |wanted: &Named| {
            let at = all.iter().position(|part| {
                part.name == wanted.0 && part.version == wanted.1 && part.package_url.is_some()
            });
            at.with_context(|| format!("{} {} is not listed", wanted.0, wanted.1))
        };
        let mut uses = BTreeSet::new();
        for (user, used) in &tree.edges {
            uses.insert((place(user)?, place(used)?));
        }
        let root = all
            .iter()
            .position(|part| part.name == program)
            .context("no root")?;
        let beside = all
            .iter()
            .enumerate()
            .filter(|(_, part)| part.package_url.is_none());
        uses.extend(beside.map(|(at, _)| (root, at)));
        Ok(Self { all, uses })
    }

    /// The program itself.
    ///
    /// # Errors
    /// It is not among its parts.
    pub(crate) fn root(&self, program: &str) -> anyhow::Result<&Part> {
        let root = self.all.iter().find(|part| part.name == program);
        root.with_context(|| format!("{program} is not among its parts"))
    }

    /// What a part uses itself.
    pub(crate) fn direct(&self, of: &Part) -> impl Iterator<Item = &Part> {
        let at = self.all.iter().position(|part| part == of);
        let used = self.uses.iter().filter(move |(user, _)| Some(*user) == at);
        used.filter_map(|(_, used)| self.all.get(*used))
    }
}

/// A package's name and version.
type Named = (String, String);

#[derive(Debug, Default, PartialEq, Eq)]
struct Tree {
    packages: BTreeSet<Named>,
    edges: BTreeSet<(Named, Named)>,
}

impl Tree {
    /// What is linked into one program.
    fn below(mut self, program: &str) -> Self {
        let mut reached: BTreeSet<Named> = BTreeSet::new();
        let roots = self.packages.iter().filter(|(name, _)| name == program);
        let mut waiting: Vec<Named> = roots.cloned().collect();
        while let Some(package) = waiting.pop() {
            let used = self.edges.iter().filter(|(user, _)| *user == package);
            waiting.extend(
                used.map(|(_, used)| used.clone())
                    .filter(|used| !reached.contains(used)),
            );
            reached.insert(package);
        }
        self.edges.retain(|(user, _)| reached.contains(user));
        Self {
            packages: reached,
            edges: self.edges,
        }
    }
}

/// Reads lines such as `2 bytes v1.12.1 (*)`. What a package uses stands below it where it is named first.
fn read_tree(text: &str) -> anyhow::Result<Tree> {
    let mut tree = Tree::default();
    let mut above: Vec<Named> = Vec::new();
    // an empty line stands between two programs
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let mut next = || words.next().with_context(|| format!("cargo tree: {line}"));
        let depth: usize = next()?
            .parse()
            .with_context(|| format!("cargo tree: {line}"))?;
        let name = next()?.to_owned();
        let version = next()?.trim_start_matches('v').to_owned();
        let package = (name, version);
        above.truncate(depth);
        if let Some(user) = above.last() {
            tree.edges.insert((user.clone(), package.clone()));
        }
        tree.packages.insert(package.clone());
        above.push(package);
    }
    Ok(tree)
}

fn part(named: &Named, known: &Metadata, sums: &BTreeMap<Named, String>) -> anyhow::Result<Part> {
    let (name, version) = named;
    let package = known
        .packages
        .iter()
        .find(|each| each.name == name && each.version.to_string() == *version)
        .with_context(|| format!("cargo metadata does not know {name} {version}"))?;
    let licence = package.license.as_deref();
    let licence = licence.with_context(|| format!("{name} {version} names no licence"))?;
    Ok(Part {
        name: name.clone(),
        version: version.clone(),
        // older manifests write a slash
        licence: licence.replace(" / ", "/").replace('/', " OR "),
        package_url: Some(format!("pkg:cargo/{name}@{version}")),
        sha256: sums.get(named).cloned(),
        sources: package.manifest_path.parent().map(Into::into),
        authors: package.authors.clone(),
        repository: package.repository.clone().unwrap_or_default(),
    })
}

/// What is linked into every static binary and stands in no manifest.
fn beside_crates() -> anyhow::Result<Vec<Part>> {
    let version = said_by(Command::new("rustc").arg("--version"))?;
    let version = version.split_whitespace().nth(1).unwrap_or_default();
    let part = |name: &str, version: &str, licence: &str, repository: &str| Part {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.to_owned(),
        package_url: None,
        sha256: None,
        sources: None,
        authors: Vec::new(),
        repository: repository.to_owned(),
    };
    let rust = "https://github.com/rust-lang/rust";
    Ok(vec![
        part("musl", "", "MIT", "https://musl.libc.org"),
        part("rust-std", version, "MIT OR Apache-2.0", rust),
    ])
}

/// The checksums of a `Cargo.lock`.
fn checksums(lock: &str) -> anyhow::Result<BTreeMap<Named, String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let packages = packages.context("Cargo.lock lists no package")?;
    let text = |package: &toml::Value, key| Some(package.get(key)?.as_str()?.to_owned());
    Ok(packages
        .iter()
        .filter_map(|package| {
            let named = (text(package, "name")?, text(package, "version")?);
            Some((named, text(package, "checksum")?))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, version: &str) -> Named {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn a_tree_gives_each_package_once_and_every_edge() {
        let text = "0 top v0.1.0 (/here/top)\n1 a v1.0.0\n2 c v3.0.0\n1 b v2.0.0\n2 c v3.0.0 (*)\n";
        let tree = read_tree(text).unwrap();
        assert_eq!(tree.packages.len(), 4);
        let c = named("c", "3.0.0");
        let expected = [
            (named("a", "1.0.0"), c.clone()),
            (named("b", "2.0.0"), c),
            (named("top", "0.1.0"), named("a", "1.0.0")),
            (named("top", "0.1.0"), named("b", "2.0.0")),
        ];
        assert_eq!(tree.edges, expected.into_iter().collect());
    }

    #[test]
    fn what_only_another_program_uses_is_left_out() {
        let text = "0 one v1\n1 both v2\n2 deep v3\n\n0 other v1\n1 both v2 (*)\n1 alone v4\n";
        let tree = read_tree(text).unwrap().below("one");
        let names: Vec<_> = tree
            .packages
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["both", "deep", "one"]);
        assert_eq!(tree.edges.len(), 2);
    }

    #[test]
    fn a_line_without_a_depth_is_named() {
        let error = read_tree("0 top v1\nwarning: odd v2").unwrap_err();
        assert!(error.to_string().contains("warning: odd v2"), "{error}");
    }

    #[test]
    fn a_lock_gives_the_sums_of_what_comes_from_a_registry() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"abc\"\n\
                    [[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        let sums = checksums(lock).unwrap();
        assert_eq!(
            sums.into_iter().collect::<Vec<_>>(),
            [(named("a", "1.0.0"), "abc".to_owned())]
        );
    }
}
