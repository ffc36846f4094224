//! What stands between processes: a TCP proxy for one link, which passes bytes on, late or not at all; and a balancer.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let link = proxy::Link::open("127.0.0.1:4222".to_owned()).await?;
//! println!("talk to {} instead", link.address());
//! link.set(proxy::State::Slow { ms: 200 }); // every byte comes 200 ms later, in both directions
//! link.set(proxy::State::Hung); // connections stay, and nothing comes through: a network that drops packets
//! link.set(proxy::State::Cut); // connections break, new ones are reset: a cable that was pulled, and noticed
//! link.set(proxy::State::Well);
//! # Ok(()) }
//! ```
//!
//! It stands between a service and what that talks to only when asked for: it costs a hop. `link` is the whole of it,
//! `delay` keeps bytes back without slowing down those behind them. A [`Balancer`] stands before the instances of a service
//! that clients talk to, where there are several.

mod balancer;
mod delay;
mod link;

pub use balancer::Balancer;
pub use link::{Link, State};
