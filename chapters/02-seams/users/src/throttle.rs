//! Limits how many passwords a client can guess, and so how much of the hashing capacity wrong guesses can take.
//!
//! Only wrong passwords count. They are counted for the account, whether it exists or not, together with the network
//! of the client. So a client that guesses the passwords of an account locks out only its own network: the owner can
//! log in from any other, and from the same one after [`Limit::pause`]. A count for the account alone would let
//! anybody lock the owner out. The price is that an attacker with many networks is slowed down and not stopped. A
//! second count, for the network alone, covers guesses at many accounts.
//!
//! The counts are in memory: a restart forgets them, and each process has its own.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{AccountError, Error};

/// How many failures are allowed.
#[derive(Clone, Copy)]
struct Limit {
    failures: u32,
    /// For how long failures are added up, starting with the first one.
    within: Duration,
    /// How long guesses are refused after the last failure that was allowed. Then the count starts again.
    pause: Duration,
}

const PER_ACCOUNT: Limit =
    Limit { failures: 10, within: Duration::from_mins(10), pause: Duration::from_secs(30) };
const PER_NETWORK: Limit =
    Limit { failures: 100, within: Duration::from_mins(1), pause: Duration::from_mins(1) };

/// How many counts of each kind are kept in memory.
const MAX_TALLIES: usize = 10_000;

/// Counts wrong passwords, and refuses further guesses.
pub struct Throttle {
    accounts: Tallies<(String, Network)>,
    networks: Tallies<Network>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { accounts: Tallies::new(PER_ACCOUNT), networks: Tallies::new(PER_NETWORK) }
    }
}

impl Throttle {
    /// Checks a password, unless too many were wrong. A guess that waits for its turn to be hashed is refused as soon as the
    /// limit is reached, and so is one whose result comes too late: concurrent guesses do not exceed the limit.
    pub async fn guess<T>(
        &self,
        account: String,
        client: IpAddr,
        check: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let network = Network::of(client);
        let account = (account, network);
        let checked = tokio::select! {
            biased;
            refused = self.accounts.refusal(&account) => return Err(refused),
            refused = self.networks.refusal(&network) => return Err(refused),
            checked = check => checked,
        };
        if checked.as_ref().is_err_and(is_wrong_password) {
            let now = Instant::now();
            self.networks.count(&network, now)?;
            self.accounts.count(&account, now)?;
        }
        checked
    }
}

fn is_wrong_password(error: &Error) -> bool {
    matches!(error, Error::Domain(AccountError::WrongCredentials | AccountError::WrongPassword))
}

/// The addresses that count as one client. A host in an IPv6 network can use any of its 2^64 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl Network {
    fn of(client: IpAddr) -> Self {
        Self(match client.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The counts of all accounts, or of all networks.
struct Tallies<K> {
    limit: Limit,
    by_key: Mutex<HashMap<K, Tally>>,
}

/// The wrong passwords of one account or network.
struct Tally {
    failures: u32,
    forgotten_at: Instant,
    /// Whether the limit is reached. Guesses that are in progress watch it.
    full: watch::Sender<bool>,
}

impl Tally {
    fn new(limit: Limit, now: Instant) -> Self {
        Self { failures: 0, forgotten_at: now + limit.within, full: watch::Sender::new(false) }
    }
}

impl<K: Clone + Eq + Hash> Tallies<K> {
    fn new(limit: Limit) -> Self {
        Self { limit, by_key: Mutex::default() }
    }

    /// Completes when the limit is reached. That may be at once, or never.
    async fn refusal(&self, key: &K) -> Error {
        let mut full = self.with_tally(key, Instant::now(), |tally| tally.full.subscribe());
        let is_full = full.wait_for(|full| *full).await.is_ok();
        if !is_full {
            std::future::pending::<()>().await; // the count was forgotten
        }
        let now = Instant::now();
        self.with_tally(key, now, |tally| self.refused(tally, now))
    }

    /// Counts a failure. Returns an error if the limit was reached before it.
    fn count(&self, key: &K, now: Instant) -> Result<(), Error> {
        self.with_tally(key, now, |tally| {
            if *tally.full.borrow() {
                return Err(self.refused(tally, now));
            }
            tally.failures += 1;
            if tally.failures == self.limit.failures {
                tally.forgotten_at = now + self.limit.pause;
                tally.full.send_replace(true);
            }
            Ok(())
        })
    }

    fn refused(&self, tally: &Tally, now: Instant) -> Error {
        let retry_after = tally.forgotten_at.duration_since(now).min(self.limit.pause);
        AccountError::TooManyGuesses { retry_after }.into()
    }

    /// Calls a function with the count of this key. A count whose time is over starts again.
    fn with_tally<T>(&self, key: &K, now: Instant, work: impl FnOnce(&mut Tally) -> T) -> T {
        let mut tallies = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() >= MAX_TALLIES && !tallies.contains_key(key) {
            make_room(&mut tallies, now);
        }
        let new = || Tally::new(self.limit, now);
        let tally = tallies.entry(key.clone()).or_insert_with(new);
        if tally.forgotten_at <= now {
            *tally = new();
        }
        work(tally)
    }
}

/// Removes the counts that are not needed, or the lowest one if all are.
fn make_room<K: Clone + Eq + Hash>(tallies: &mut HashMap<K, Tally>, now: Instant) {
    tallies.retain(|_, tally| {
        tally.forgotten_at > now && (tally.failures > 0 || tally.full.receiver_count() > 0)
    });
    if tallies.len() >= MAX_TALLIES {
        let lowest = tallies.iter().min_by_key(|(_, tally)| tally.failures).map(|(key, _)| key.clone());
        lowest.and_then(|key| tallies.remove(&key));
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OWNER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// Waits as a guess waits for a permit to hash, and then is wrong.
    async fn wrong() -> Result<(), Error> {
        yield_now().await;
        Err(AccountError::WrongCredentials.into())
    }

    /// Waits in the same way, and then is right.
    async fn right() -> Result<(), Error> {
        yield_now().await;
        Ok(())
    }

    fn is_refused<T>(guess: &Result<T, Error>) -> bool {
        matches!(guess, Err(Error::Domain(AccountError::TooManyGuesses { retry_after })) if *retry_after <= PER_NETWORK.pause)
    }

    #[tokio::test]
    async fn after_ten_wrong_passwords_even_the_right_one_is_refused_for_this_account_only() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            let guess = throttle.guess("ada".to_owned(), GUESSER, wrong()).await;
            assert!(matches!(guess, Err(Error::Domain(AccountError::WrongCredentials))), "{guess:?}");
        }
        assert!(is_refused(&throttle.guess("ada".to_owned(), GUESSER, right()).await));
        assert!(throttle.guess("bob".to_owned(), GUESSER, right()).await.is_ok());
    }

    #[tokio::test]
    async fn an_owner_logs_in_while_another_client_guesses() {
        let throttle = Throttle::default();
        let guesses = join_all((0..50).map(|_| throttle.guess("ada".to_owned(), GUESSER, wrong())));
        let (guesses, owner) = tokio::join!(guesses, throttle.guess("ada".to_owned(), OWNER, right()));
        assert!(owner.is_ok());
        assert!(guesses.iter().any(is_refused));
        assert!(throttle.guess("ada".to_owned(), OWNER, right()).await.is_ok());
    }

    #[tokio::test]
    async fn concurrent_guesses_do_not_exceed_the_limit() {
        let throttle = Throttle::default();
        let guesses = join_all((0..50).map(|_| throttle.guess("ada".to_owned(), GUESSER, wrong()))).await;
        assert_eq!(guesses.iter().filter(|guess| !is_refused(guess)).count(), 10);
    }

    #[tokio::test]
    async fn right_passwords_and_other_errors_do_not_count() {
        let throttle = Throttle::default();
        for _ in 0..200 {
            assert!(throttle.guess("ada".to_owned(), GUESSER, right()).await.is_ok());
            let error =
                throttle.guess("ada".to_owned(), GUESSER, async { Err::<(), _>(Error::NotFound) }).await;
            assert!(matches!(error, Err(Error::NotFound)));
        }
    }

    #[tokio::test]
    async fn guesses_at_many_accounts_count_by_the_network() {
        let throttle = Throttle::default();
        let guess = |n: u32| throttle.guess(format!("user {n}"), GUESSER, wrong());
        let guesses = join_all((0..150).map(guess)).await;
        assert_eq!(guesses.iter().filter(|guess| !is_refused(guess)).count(), 100);
        assert!(is_refused(&throttle.guess("ada".to_owned(), GUESSER, right()).await));
        assert!(throttle.guess("ada".to_owned(), OWNER, right()).await.is_ok());
    }

    #[test]
    fn after_the_pause_the_count_starts_again() {
        let tallies = Tallies::new(PER_ACCOUNT);
        let start = Instant::now();
        for _ in 0..10 {
            tallies.count(&"ada", start).unwrap();
        }
        let almost = PER_ACCOUNT.pause.mul_f32(0.99);
        assert!(tallies.count(&"ada", start + almost).is_err());
        for _ in 0..10 {
            tallies.count(&"ada", start + PER_ACCOUNT.pause).unwrap();
        }
        assert!(tallies.count(&"ada", start + PER_ACCOUNT.pause).is_err());
    }

    #[test]
    fn the_memory_for_counts_is_bounded_and_a_reached_limit_is_kept() {
        let tallies = Tallies::new(PER_ACCOUNT);
        let now = Instant::now();
        for _ in 0..10 {
            tallies.count(&0, now).unwrap();
        }
        for account in 1..=MAX_TALLIES + 100 {
            tallies.count(&account, now).unwrap();
        }
        assert_eq!(tallies.by_key.lock().unwrap().len(), MAX_TALLIES);
        assert!(tallies.count(&0, now).is_err());
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one_client() {
        let network = |address: &str| Network::of(address.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
