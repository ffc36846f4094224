//! The files in `book/captures`: recorded again if the output of their commands has changed, or only compared with it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use stage::Course;

use crate::{
    picture,
    session::Session,
    transcript::{Entry, Transcript},
};

/// Records the captures of these names, or all of them, and writes those whose output has changed.
///
/// # Errors
/// A command cannot be run.
pub fn record(course: &Course, names: &[String]) -> Result<()> {
    for (name, file) in files(course)? {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let old = Transcript::read(&file)?;
        let new = replay(course, &old).with_context(|| name.clone())?;
        let is_new = old.entries.iter().all(|entry| entry.output.is_empty());
        if is_new || old.not_compared.is_some() || old.difference(&new).is_some() {
            std::fs::write(&file, new.text())?;
            if let Some(picture) = picture_of(course, &name) {
                std::fs::write(picture, picture::terminal(&new.entries[0]))?;
            }
            println!("{name}: recorded");
        } else {
            println!("{name}: unchanged");
        }
    }
    Ok(())
}

/// Captures that differ from what their commands print now.
///
/// # Errors
/// A command cannot be run.
pub fn outdated(course: &Course) -> Result<Vec<String>> {
    let mut outdated = Vec::new();
    for (name, file) in files(course)? {
        let recorded = Transcript::read(&file)?;
        if recorded.not_compared.is_some() {
            continue;
        }
        let new = replay(course, &recorded).with_context(|| name.clone())?;
        let difference = recorded.difference(&new);
        outdated.extend(difference.map(|difference| {
            format!("book/captures/{name}.txt is out of date (just book --capture {name}):\n{difference}")
        }));
    }
    Ok(outdated)
}

/// Pictures that differ from their captures.
///
/// # Errors
/// A capture cannot be read.
pub fn outdated_pictures(course: &Course) -> Result<Vec<String>> {
    let mut outdated = Vec::new();
    for (name, file) in files(course)? {
        if let Some(picture) = picture_of(course, &name)
            && std::fs::read_to_string(&picture)? != picture::terminal(&Transcript::read(&file)?.entries[0])
        {
            outdated.push(format!(
                "book/src/images/{name}.svg does not show its capture (just book --capture {name})"
            ));
        }
    }
    Ok(outdated)
}

fn picture_of(course: &Course, name: &str) -> Option<PathBuf> {
    let picture = course.root.join(format!("book/src/images/{name}.svg"));
    picture.is_file().then_some(picture)
}

fn files(course: &Course) -> Result<Vec<(String, PathBuf)>> {
    let folder = course.root.join("book/captures");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".txt")) {
            files.push((name.to_owned(), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// Runs the commands of a transcript again.
fn replay(course: &Course, transcript: &Transcript) -> Result<Transcript> {
    let mut session = Session::new(course);
    let mut entries = Vec::new();
    for Entry { command, .. } in &transcript.entries {
        let output = session.run(command).with_context(|| format!("$ {command}"))?;
        entries.push(Entry { command: command.clone(), output });
    }
    Ok(Transcript { not_compared: transcript.not_compared.clone(), entries })
}
