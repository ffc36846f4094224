//! Benchmarks of any stage, compared with the limits of the machine that they run on.
//!
//! The load runs on one thread (and on a second one that reads while a storm is on), with an HTTP client of little overhead.
//! The CPU time that it uses is missing for the shop and for `limits` alike.
//!
//! In reading order:
//! - [`stages`]: starts the stage and the program `limits`, which measures the machine at its best
//! - [`catalogue`]: the products; [`seed`]: adds them to the shop
//! - [`customer`]: one operation in flight, over a connection of its own
//! - [`operation`]: what is measured; [`batch`]: many operations timed as a whole
//! - [`results`]: medians, ratios and memory
//! - [`background`]: what else happens during [`browsing`]; [`placing`]: orders and nothing else

#![expect(clippy::cast_precision_loss, reason = "results need no more than 52 bits")]

pub mod stages;
pub mod catalogue;
pub mod seed;
pub mod customer;
pub mod operation;
pub mod batch;
pub mod results;
pub mod background;
pub mod browsing;
pub mod placing;
