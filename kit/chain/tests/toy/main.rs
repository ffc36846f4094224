//! Tests of `chain` on a small course, end to end.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod course;
mod differences;
mod gaps;
mod agreement;
mod imports;
mod diffs;
mod carrying;
mod updating;
