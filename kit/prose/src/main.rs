//! `prose`: the step of `just test` that reads everything a person reads.

use std::process::ExitCode;

use anyhow::Result;

fn main() -> Result<ExitCode> {
    let root = std::env::current_dir()?;
    let words = prose::violations(&root)?;
    let links = prose::dead_links(&root)?;
    for violation in &words {
        println!("{violation}");
    }
    for link in &links {
        println!("{link} leads nowhere");
    }
    if words.is_empty() && links.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "error: {} places to reword (kit/prose/words.toml lists the words), {} dead links",
        words.len(),
        links.len()
    );
    Ok(ExitCode::FAILURE)
}
