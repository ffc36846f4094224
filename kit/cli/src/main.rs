//! `kit`: what `just` calls.
fn main() {}
