//! Per-client rate limits, so that one client cannot starve the others.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use axum::http::StatusCode;
use chassis::web::Problem;
use contracts::{call::Authentication, caller::UserId};
use governor::{DefaultKeyedRateLimiter, Quota};

/// Counts the requests of each client.
pub struct RateLimiter(DefaultKeyedRateLimiter<Client>);

/// The client that a request counts against. A valid token identifies a user; without one, only the address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    User(UserId),
    Address(IpAddr),
}

impl Client {
    fn of(caller: &Authentication, peer: IpAddr) -> Self {
        match (&caller.0, peer) {
            (Ok(caller), _) => Self::User(caller.id),
            (Err(_), IpAddr::V4(_)) => Self::Address(peer),
            // A host in an IPv6 network can use any of its 2^64 addresses.
            (Err(_), IpAddr::V6(peer)) => {
                Self::Address(Ipv6Addr::from_bits(peer.to_bits() & (u128::MAX << 64)).into())
            }
        }
    }
}

impl RateLimiter {
    /// Allows each client so many requests per second.
    pub fn new(per_second: NonZeroU32) -> Self {
        Self(DefaultKeyedRateLimiter::dashmap(Quota::per_second(per_second)))
    }

    /// Counts a request. 429 if the client is over its limit; a second later it has capacity again.
    pub fn check(&self, caller: &Authentication, peer: IpAddr) -> Result<(), Problem> {
        self.0.check_key(&Client::of(caller, peer)).map_err(|_| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests; please retry in a second",
            )
        })
    }

    /// Evicts idle clients, for ever. Otherwise every address that was ever seen would stay in memory.
    pub async fn keep_evicting(&self) {
        let mut interval = tokio::time::interval(Duration::from_secs(5));
        loop {
            interval.tick().await;
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous(peer: &str) -> Client {
        Client::of(&Authentication(Err("no token".to_owned())), peer.parse().unwrap())
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        assert_eq!(anonymous("2001:db8::1"), anonymous("2001:db8::ffff:0:0:2"));
        assert_ne!(anonymous("2001:db8::1"), anonymous("2001:db8:0:1::1"));
        assert_ne!(anonymous("192.0.2.1"), anonymous("192.0.2.2"));
    }
}
