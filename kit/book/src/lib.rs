//! The book: its pages are Markdown, and what they show of the course is taken from the course when it is built.
//!
//! In reading order: [`directive`] finds `{{#…}}` in a page, and [`pages`] replaces each by what it stands for: a
//! [`listing`] is an item of a stage's file, found by [`source`]; [`step`] is what a chapter changed; [`transcript`] is what
//! commands printed; [`topology`] draws the processes of a stage; [`exercise`] is a box of an exercise, [`agenda`] a workshop's timetable,
//! [`commands`] the cheat sheet, [`counted`] what is counted. [`picture`] is a transcript for the repository's front
//! page, [`capture`] records transcripts, each in a [`sitting`] of its own.
//!
//! [`render`] runs mdBook over the pages, [`serve`] shows them in a browser, and [`check`] says what in them is not true.

pub mod directive;
pub mod source;
pub mod listing;
pub mod step;
pub mod transcript;
pub mod topology;
pub mod exercise;
pub mod agenda;
pub mod commands;
pub mod counted;
pub mod picture;
pub mod pages;
pub mod render;
pub mod serve;
pub mod sitting;
pub mod capture;
pub mod check;
