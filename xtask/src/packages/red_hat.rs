//! The format of Red Hat, version 4 with gzip, which the rpm of Amazon Linux 2 reads too.

use std::path::PathBuf;

use anyhow::Context as _;
use rpm::{BuildConfig, CompressionType, Dependency, FileOptions, PackageBuilder};

use super::Packages;
use super::contents::Package;

/// Writes the package, and says where.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(package: &Package, request: &Packages) -> anyhow::Result<PathBuf> {
    let epoch = u32::try_from(request.epoch).context("epoch")?;
    let (name, version) = (package.name, request.version());
    let architecture = request.target.architecture();
    let licence = "Apache-2.0 OR MIT";
    let mut builder = PackageBuilder::new(name, &version, licence, architecture, package.summary);
    builder
        .using_config(
            BuildConfig::v4()
                .source_date(epoch)
                .compression(CompressionType::Gzip),
        )
        .release("1")
        .build_host("localhost")
        .description(package.description)
        .vendor("The Radiograph authors");
    for suggested in package.suggests {
        builder.suggests(Dependency::any(*suggested));
    }
    if !package.rpm_scripts.is_empty() {
        // by path: the package is called differently on SUSE
        builder.requires(Dependency::script_pre("/usr/sbin/useradd"));
    }
    for file in &package.files {
        let mut options = FileOptions::new(&file.path).permissions(file.mode);
        if file.is_configuration {
            options = options.config().noreplace();
        } else if file.path.starts_with("/usr/share/doc/")
            || file.path.starts_with("/usr/share/man/")
        {
            options = options.doc();
        }
        builder.with_file_contents(file.content.clone(), options)?;
    }
    for (kind, script) in &package.rpm_scripts {
        match *kind {
            "pre" => builder.pre_install_script(script.as_str()),
            "post" => builder.post_install_script(script.as_str()),
            "preun" => builder.pre_uninstall_script(script.as_str()),
            "postun" => builder.post_uninstall_script(script.as_str()),
            other => anyhow::bail!("{other}: no script of the format"),
        };
    }
    let path = request
        .out
        .join(format!("{name}-{version}-1.{architecture}.rpm"));
    let built = builder.build().with_context(|| name.to_owned())?;
    built
        .write_file(&path)
        .with_context(|| path.display().to_string())?;
    Ok(path)
}
