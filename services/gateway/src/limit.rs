//! How much one caller may ask, so that nobody's haste is everybody's wait.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use axum::http::StatusCode;
use governor::{DefaultKeyedRateLimiter, Quota};

use super::{Authentication, Problem, UserId};

/// Counts the requests of each caller.
pub struct Limit(DefaultKeyedRateLimiter<Who>);

/// Whom a request counts for. An address is not trusted to be one person; a valid token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    User(UserId),
    Address(IpAddr),
}

impl Who {
    fn of(caller: &Authentication, peer: IpAddr) -> Self {
        match (&caller.0, peer) {
            (Ok(caller), _) => Self::User(caller.id),
            (Err(_), IpAddr::V4(_)) => Self::Address(peer),
            // Who has one address of the sixth version has 2^64 of them.
            (Err(_), IpAddr::V6(peer)) => {
                Self::Address(Ipv6Addr::from_bits(peer.to_bits() & (u128::MAX << 64)).into())
            }
        }
    }
}

impl Limit {
    /// Lets each caller make so many requests in a second.
    pub fn new(a_second: NonZeroU32) -> Self {
        Self(DefaultKeyedRateLimiter::dashmap(Quota::per_second(a_second)))
    }

    /// Counts a request, or says that there were too many: 429. A second later there is room again.
    pub fn check(&self, caller: &Authentication, peer: IpAddr) -> Result<(), Problem> {
        self.0.check_key(&Who::of(caller, peer)).map_err(|_| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Slow down, and repeat it in a second",
            )
        })
    }

    /// Forgets, for ever, those who have not asked for a while: else each address would be remembered.
    pub async fn keep_forgetting(&self) {
        let mut often = tokio::time::interval(Duration::from_secs(5));
        loop {
            often.tick().await;
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(peer: &str) -> Who {
        Who::of(&Authentication(Err("no token".to_owned())), peer.parse().unwrap())
    }

    #[test]
    fn the_addresses_that_one_host_can_have_count_as_one() {
        assert_eq!(nobody("2001:db8::1"), nobody("2001:db8::ffff:0:0:2"));
        assert_ne!(nobody("2001:db8::1"), nobody("2001:db8:0:1::1"));
        assert_ne!(nobody("192.0.2.1"), nobody("192.0.2.2"));
    }
}
