//! Output to the terminal. It may be closed at any time, and `println!` would panic then.

use std::io::{self, Write};

/// Prints a line on standard error: progress and errors.
pub(crate) fn log(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

/// Prints text on standard output: results.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
