//! Renders the book as a website, with mdBook.

use std::path::{Path, PathBuf};

use anyhow::Result;
use mdbook_driver::MDBook;
use stage::Course;

use crate::pages::Pages;

/// Renders the book into a folder, by default the one that `book.toml` names, and returns that folder.
///
/// # Errors
/// A directive cannot be replaced, or mdBook fails.
pub fn render(course: &Course, folder: Option<&Path>) -> Result<PathBuf> {
    let pages = Pages { course: course.clone() };
    let mut book = MDBook::load(pages.folder())?;
    if let Some(folder) = folder {
        folder.clone_into(&mut book.config.build.build_dir);
    }
    book.with_preprocessor(pages);
    book.build()?;
    Ok(book.build_dir_for("html"))
}
