//! Two proxies for tests: [`Link`], a TCP proxy that can delay, block or break connections, and [`Balancer`], an HTTP load balancer.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let link = proxy::Link::open("127.0.0.1:4222".to_owned()).await?;
//! println!("connect to {} instead", link.address());
//! link.set(proxy::State::Slow { ms: 200 }); // adds 200 ms in each direction
//! link.set(proxy::State::Hung); // connections stay open, but no bytes pass: a network that drops packets
//! link.set(proxy::State::Cut); // open connections are closed and new ones are refused
//! link.set(proxy::State::Healthy);
//! # Ok(()) }
//! ```
//!
//! A link costs one extra hop, so a stage has links only when it is started with `--faults`. `link` accepts the connections,
//! and `delay` forwards the bytes of one direction. The balancer serves the instances of a public service when there are
//! several.

mod balancer;
mod delay;
mod link;

pub use balancer::Balancer;
pub use link::{Link, State};
