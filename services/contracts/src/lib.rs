#![doc = include_str!("../README.md")]

pub mod money;
pub mod caller;
pub mod stock;
pub mod message;
pub mod stream;
pub mod call;
pub mod token;

pub use message::{Command, Envelope, Event, Message};
