//! An open-loop load on any stage, through its public API.
//!
//! In an open-loop load, visitors arrive at a fixed rate whether or not the shop keeps up, and a latency is counted from the
//! moment at which the request was *due*. In a closed loop a client waits for each response before it sends the next
//! request, so an outage of a second shows up as one slow request. Here it shows up as every request that was due in it.
//!
//! In reading order:
//! - [`schedule`]: the arrivals, all drawn from one seed
//! - [`mix`]: what a visitor comes for
//! - [`test_data`]: the products and accounts that are created first, and the [journal](audit::Journal) of all writes
//! - `backlog`: open payments, as a long outage of the payment provider leaves them
//! - `pacer`: starts each visitor on time
//! - `visitor`: the requests of one visitor; `client`: retries; [`connections`]: HTTP with little overhead
//! - [`traffic`]: the requests in flight, for a fault that has to interrupt one
//! - [`record`]: the results, request by request and second by second
//! - [`run`]: runs a load on a thread of its own and reports its progress
//! - [`order_times`]: how long orders took to be placed and checked out, by their own histories
//! - [`saturation`]: a closed loop, to measure the limits of the machine
//! - [`cores`]: pins load and stage to CPU cores

pub mod schedule;
pub mod mix;
pub mod test_data;
mod backlog;
mod pacer;
pub mod connections;
mod client;
mod visitor;
pub mod traffic;
pub mod record;
pub mod run;
pub mod order_times;
pub mod saturation;
pub mod cores;

pub use client::RetryPolicy;
pub use connections::Connections;
pub use mix::{Mix, Visit};
pub use record::{Record, RequestKind};
pub use run::{Load, Outcome, Progress, Running};
pub use schedule::{Peak, Rate, Stream};
pub use test_data::TestData;
