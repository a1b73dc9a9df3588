//! Bytes of the binary.

use std::fs;
use std::path::Path;

use super::super::cli::Settings;
use super::super::table::{Bar, Row, Table};
use crate::as_f64;

pub(super) fn run(settings: &Settings) -> anyhow::Result<Table> {
    let mut table = Table::new("size: MB of the binary");
    table.push(row("as measured", &settings.binaries.daemon)?);
    if let Some(path) = &settings.dist {
        // The bar is the static build's.
        let row = row("stripped and static", path)?;
        table.push(row.bar(Some(Bar::Below(8.0))));
    }
    if let Some(path) = &settings.binaries.peer {
        table.push(row("AWS daemon", path)?);
    }
    Ok(table)
}

fn row(name: &str, path: &Path) -> anyhow::Result<Row> {
    Ok(Row::new(name, as_f64(fs::metadata(path)?.len()) / 1e6))
}
