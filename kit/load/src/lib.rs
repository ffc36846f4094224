//! An open-loop load on any stage, through its public API.
//!
//! Open loop: visitors come when they are due, whether or not the shop keeps up, and a latency counts from the moment at
//! which a request was *due*. In a closed loop who waits does not ask, so a second of silence is one slow request there; here
//! it is as many as were due in it.
//!
//! In reading order:
//! - [`schedule`]: who comes when, all of it from a seed
//! - [`mix`]: what a visitor comes for
//! - [`market`]: the products and accounts that a stage is given first, and the [journal](audit::Journal) of what is asked
//! - `pacer`: sends the visitors off on time, and knows how late it was
//! - `visitor`: what one of them asks, `asker`: how a question is repeated, `connections`: HTTP, cheaply
//! - [`record`]: what came of it, second by second
//! - [`run`]: all of it, on a thread of its own, watched through [`run::Progress`]
//! - [`settled`]: how long it took until an order was placed and checked out, by the order's own history
//! - [`saturation`]: a closed loop, for the limits of the machine
//! - [`cores`]: who runs on which core

pub mod schedule;
pub mod mix;
pub mod market;
mod pacer;
mod connections;
mod asker;
mod visitor;
pub mod record;
pub mod run;
pub mod settled;
pub mod saturation;
pub mod cores;

pub use asker::Patience;
pub use market::Market;
pub use mix::{Mix, Visit};
pub use record::{Kind, Record};
pub use run::{Load, Outcome, Progress, Running};
pub use schedule::{Peak, Rate, Stream};
