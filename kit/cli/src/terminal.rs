//! Writing to the person who called. The terminal may go away at any time, and `println!` would panic then.

use std::io::{self, Write};

/// A line on standard error: progress and complaints.
pub(crate) fn say(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

/// Text on standard output: results.
///
/// # Errors
/// Nobody reads it any more.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
