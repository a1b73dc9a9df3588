//! The lines a person or a script reads: results on standard output, remarks on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line of results and flushes it: who reads it through a pipe waits for it.
///
/// # Errors
/// Standard output is closed or full.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes a remark. Nobody can be told when that is not possible, so it is not tried again.
pub(crate) fn remark(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "radiograph: {text}"));
}
