//! The acceptance suite: black-box tests that check a running stage against the contract.
//!
//! A journey is an async function whose name is the rule that it checks. It receives a [`World`] of its own and fails
//! by returning an error. In addition, every response that a journey receives is checked against the contract.
//!
//! In reading order:
//! - [`journeys`]: the rules, one file per topic
//! - [`world`]: what a journey works with: customers, products, the ledger of the payment provider
//! - [`contract`]: checks a response against the OpenAPI document
//! - [`rules`]: checks a response against rules that a schema cannot express
//! - [`stage`]: the running stage, read from its status file
//! - [`runner`]: runs journeys concurrently and prints their results

pub mod contract;
#[macro_use]
pub mod journeys;
pub mod rules;
pub mod runner;
pub mod stage;
pub mod world;

pub use journeys::{Journey, Topic};
pub use world::World;
