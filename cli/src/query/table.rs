//! Summaries as a table: as wide as the terminal, or whole where nobody looks on.
//!
//! On a terminal the columns that matter least give way first, and the trace id is a link to the
//! console. Through a pipe nothing is cut and the link is a column. What traces say of themselves is
//! never obeyed by the terminal. Widths are counted in characters.

use std::io::{IsTerminal, stdout};

use radiograph_protocol::timestamp::Timestamp;
use serde_json::Value;

use super::{console, id_of, shown};

/// What stands between two columns.
const GAP: &str = "  ";

/// A column: its title, how soon it gives way (0 never), and the fewest characters it may be cut to.
struct Column {
    title: &'static str,
    gives_way: u8,
    cut_to: Option<usize>,
}

const fn column(title: &'static str, gives_way: u8, cut_to: Option<usize>) -> Column {
    Column {
        title,
        gives_way,
        cut_to,
    }
}

const COLUMNS: [Column; 8] = [
    column("START", 2, None),
    column("DURATION", 4, None),
    column("RESPONSE", 3, None),
    column("STATUS", 1, None),
    column("HTTP", 5, None),
    column("ENTRY", 6, Some(16)),
    column("ABOUT", 7, Some(12)),
    column("TRACE ID", 0, None),
];

/// Columns of the terminal that standard output is; `None` when it is none.
pub(super) fn terminal_width() -> Option<usize> {
    let stdout = stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// The table, without a line feed at its end.
pub(super) fn table(summaries: &[Value], endpoint: &str, width: Option<usize>) -> String {
    let rows: Vec<[String; 8]> = summaries.iter().map(cells).collect();
    let natural = COLUMNS.iter().enumerate().map(|(at, column)| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let widest = cells.map(|cell| cell.chars().count()).max();
        widest.unwrap_or(0).max(column.title.len())
    });
    let natural: Vec<usize> = natural.collect();
    let widths = width.map_or_else(
        || natural.iter().copied().map(Some).collect(),
        |width| fitted(&natural, width),
    );
    let is_terminal = width.is_some();
    let mut lines = vec![line(COLUMNS.iter().map(|column| column.title), &widths)];
    if !is_terminal {
        append(&mut lines, "LINK");
    }
    for (row, summary) in rows.iter().zip(summaries) {
        let link = console::link(endpoint, id_of(summary));
        let mut text = line(row.iter().map(String::as_str), &widths);
        if is_terminal {
            // the id is the last column, and nothing is cut behind it
            let id = row.last().map_or("", String::as_str);
            if let Some(before) = text.strip_suffix(id) {
                text = format!(
                    "{before}\u{1b}]8;;{}\u{1b}\\{id}\u{1b}]8;;\u{1b}\\",
                    plain(&link)
                );
            }
            lines.push(text);
        } else {
            lines.push(text);
            append(&mut lines, &plain(&link));
        }
    }
    lines.join("\n")
}

fn append(lines: &mut [String], cell: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(GAP);
        last.push_str(cell);
    }
}

/// Widths that fit; `None` for a column that is left out.
fn fitted(natural: &[usize], width: usize) -> Vec<Option<usize>> {
    let least = |at: usize, natural: usize| {
        let cut_to = COLUMNS.get(at).and_then(|column| column.cut_to);
        cut_to.map_or(natural, |cut_to| cut_to.min(natural))
    };
    let leasts = natural.iter().enumerate();
    let mut widths: Vec<Option<usize>> = leasts
        .map(|(at, natural)| Some(least(at, *natural)))
        .collect();
    let taken = |widths: &[Option<usize>]| {
        let shown = widths.iter().flatten();
        let gaps = widths.iter().flatten().count().saturating_sub(1) * GAP.len();
        shown.sum::<usize>() + gaps
    };
    while taken(&widths) > width {
        let shown = COLUMNS
            .iter()
            .zip(&mut widths)
            .filter(|(_, width)| width.is_some());
        match shown.max_by_key(|(column, _)| column.gives_way) {
            Some((column, width)) if column.gives_way > 0 => *width = None,
            _ => return widths,
        }
    }
    let mut left = width - taken(&widths);
    for (natural, width) in natural.iter().zip(widths.iter_mut()) {
        if let Some(width) = width {
            let more = left.min(natural.saturating_sub(*width));
            *width += more;
            left -= more;
        }
    }
    widths
}

fn line<'c>(cells: impl Iterator<Item = &'c str>, widths: &[Option<usize>]) -> String {
    let shown = cells.zip(widths);
    let shown = shown.filter_map(|(cell, width)| Some((cell, (*width)?)));
    let cells: Vec<String> = shown.map(|(cell, width)| fit(cell, width)).collect();
    cells.join(GAP)
}

/// The cell, cut or filled up to a width.
fn fit(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return format!("{cell:width$}");
    }
    let kept = cell.chars().take(width.saturating_sub(1));
    kept.chain(['\u{2026}']).collect()
}

/// The cells of a trace, in the order of [`COLUMNS`].
fn cells(summary: &Value) -> [String; 8] {
    let seconds = |name: &str| {
        let seconds = summary.get(name).and_then(Value::as_f64);
        seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.3} s"))
    };
    let start = summary.get("StartTime").and_then(Value::as_f64);
    let start = start.and_then(Timestamp::from_seconds_f64);
    [
        start.map_or_else(|| "-".to_owned(), shown),
        seconds("Duration"),
        seconds("ResponseTime"),
        status(summary),
        http(summary),
        entry(summary),
        about(summary),
        plain(id_of(summary)),
    ]
}

fn status(summary: &Value) -> String {
    let flags = [
        ("HasFault", "fault"),
        ("HasError", "error"),
        ("HasThrottle", "throttle"),
        ("IsPartial", "partial"),
    ];
    let is = |member: &str| summary.get(member).and_then(Value::as_bool) == Some(true);
    let flags: Vec<&str> = flags
        .into_iter()
        .filter_map(|(member, word)| is(member).then_some(word))
        .collect();
    if flags.is_empty() {
        return "ok".to_owned();
    }
    flags.join(",")
}

fn http(summary: &Value) -> String {
    let http = summary.get("Http");
    let member = |name| http.and_then(|http| http.get(name));
    let method = member("HttpMethod").and_then(Value::as_str);
    let status = member("HttpStatus").and_then(Value::as_i64);
    let parts = [method.map(plain), status.map(|status| status.to_string())];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}

fn entry(summary: &Value) -> String {
    let text = |pointer| summary.pointer(pointer).and_then(Value::as_str);
    let parts = [text("/EntryPoint/Name"), text("/Http/HttpURL")];
    let parts: Vec<String> = parts.into_iter().flatten().map(plain).collect();
    parts.join(" ")
}

/// Users, then annotations.
fn about(summary: &Value) -> String {
    let users = summary.get("Users").and_then(Value::as_array);
    let users = users.into_iter().flatten().filter_map(|user| {
        let name = user.get("UserName")?.as_str()?;
        Some(format!("user={}", plain(name)))
    });
    let annotations = summary.get("Annotations").and_then(Value::as_object);
    let annotations = annotations.into_iter().flatten().flat_map(|(key, values)| {
        let values = values.as_array().into_iter().flatten();
        values.filter_map(move |value| {
            let value = value.get("AnnotationValue")?.as_object()?.values().next()?;
            let value = value.as_str().map_or_else(|| value.to_string(), plain);
            Some(format!("{}={value}", plain(key)))
        })
    });
    users.chain(annotations).collect::<Vec<_>>().join(" ")
}

/// A text without what a terminal would obey.
fn plain(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests;
