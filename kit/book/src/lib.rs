//! The book: its pages are Markdown, and what they show of the course is read from the course when the book is built.
//!
//! In reading order: [`directive`] finds each `{{#…}}` in a page, and [`pages`] replaces it. [`source`] finds the items that a
//! [`listing`] shows; [`step`] shows what a chapter changed; [`transcript`] shows the recorded output of commands; [`topology`] draws the
//! processes of a stage; [`exercise`] makes the box of an exercise, [`agenda`] the timetable of a workshop, and [`commands`] the list of all
//! commands; [`counted`] counts lines, tests and minutes.
//!
//! [`notice`] tells readers of a code host where to read. [`session`] runs a reader's commands, [`capture`] records them, and [`picture`] turns a recording into an image for the README.
//! [`render`] runs mdBook over the pages, [`serve`] serves the book, and [`check`] reports what is wrong in it.

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
pub mod notice;
pub mod pages;
pub mod render;
pub mod serve;
pub mod session;
pub mod capture;
pub mod check;
