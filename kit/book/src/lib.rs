//! The book: its pages are Markdown, and what they show of the course is taken from the course when it is built.
//!
//! In reading order: [`directive`] finds `{{#…}}` in a page, and [`pages`] replaces each by what it stands for:
//! [`listing`] (an item of a stage's file, found by [`source`]), [`step`] (what a chapter changed),
//! [`transcript`] (what commands printed, as [`capture`] has recorded it) [`topology`] (a stage's processes, drawn).
//! [`picture`] is a transcript for the repository's front page.
//! [`render`] runs mdBook over it, [`serve`] shows it in a browser, and [`check`] says what is not true.

pub mod directive;
pub mod source;
pub mod listing;
pub mod step;
pub mod transcript;
pub mod topology;
pub mod picture;
pub mod pages;
pub mod render;
pub mod serve;
pub mod capture;
pub mod check;
