//! Load, storm and failure benchmarks of any stage, beside the limits of the machine they run on.
//!
//! The load is one thread (and a second one that browses while a storm is on) and speaks HTTP through a client that does
//! little, so that it takes the smallest part of two cores; what it takes, it takes from the shop and from the limits
//! alike. In reading order: [`stages`] are what runs, [`catalogue`] is what is for sale and [`seed`] brings it there, a
//! [`slot`] is one request in flight over a [`client`] of its own, an [`operation`] is what is measured, a [`batch`] many
//! of them timed as a whole, and [`figures`] what came out. A [`situation`] is what else goes on while somebody is
//! [`browsing`], [`placing`] is orders and nothing else. The program `limits` is the machine at its best.

#![expect(clippy::cast_precision_loss, reason = "figures need no more than 52 bits")]

pub mod stages;
pub mod catalogue;
pub mod seed;
pub mod slot;
pub mod client;
pub mod operation;
pub mod batch;
pub mod figures;
pub mod situation;
pub mod browsing;
pub mod placing;
