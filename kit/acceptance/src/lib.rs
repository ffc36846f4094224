//! The acceptance suite: what the contract promises, asked of any running stage, from outside.
//!
//! A journey is an async function whose name is the rule it checks; it gets a [`World`] of its own and fails by
//! returning an error. Besides, every answer to any journey is held against the contract. In reading order:
//! - [`journeys`]: the rules, a file a topic
//! - [`world`]: what a journey has at hand: customers, products, the payment provider's books
//! - [`contract`]: the OpenAPI document, and whether an answer keeps it
//! - [`rules`]: what must hold in every answer but no schema can say
//! - [`stage`]: the running stage, as its status file tells it
//! - [`runner`]: runs journeys side by side and prints what became of them

pub mod contract;
#[macro_use]
pub mod journeys;
pub mod rules;
pub mod runner;
pub mod stage;
pub mod world;

pub use journeys::{Journey, Topic};
pub use world::World;
