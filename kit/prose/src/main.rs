//! `prose`: the step of `just test` that reads everything a person reads.

use std::process::ExitCode;

use anyhow::Result;

fn main() -> Result<ExitCode> {
    let found = prose::violations(&std::env::current_dir()?)?;
    for violation in &found {
        println!("{violation}");
    }
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("error: {} places to reword; the words are listed in kit/prose/words.toml", found.len());
    Ok(ExitCode::FAILURE)
}
