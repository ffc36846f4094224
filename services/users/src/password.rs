//! Password hashing. It needs much CPU time and memory on purpose, so it runs on blocking threads, and only a few passwords
//! are hashed at a time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, ensure};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{Error, domain::Password};

/// Hashes passwords with Argon2id and the parameters that OWASP recommends, which are the crate's defaults: 19 MiB, two
/// passes, one lane.
#[derive(Clone)]
pub struct Hasher {
    /// One permit for two cores, and at least one (a bulkhead), so that log-ins leave CPU time for other requests.
    permits: Arc<Semaphore>,
    /// How long a request waits for a permit before it fails with [`Error::Busy`].
    permit_timeout: Duration,
    /// The working memory, 19 MiB per permit. It is kept and reused, because allocating it for each password fragments the
    /// heap: a shop of 40 MB grew to a gigabyte after a thousand log-ins (measured).
    memory: Arc<Mutex<Vec<Memory>>>,
    /// The hash of a random password. If an account does not exist, the password is compared with this hash, so that the
    /// response takes as long as for an existing account.
    decoy: Arc<str>,
}

type Memory = Vec<Block>;

impl Hasher {
    /// Creates a hasher. Computes one hash, the decoy.
    pub fn new() -> anyhow::Result<Self> {
        let mut memory = Memory::new();
        let decoy = hash(Salt::generate().as_ref(), &Salt::generate(), Params::default(), &mut memory)?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(thread::available_parallelism()?.get().div_ceil(2))),
            permit_timeout: Duration::from_secs(5),
            memory: Arc::new(Mutex::new(vec![memory])),
            decoy: decoy.to_string().into(),
        })
    }

    /// Hashes a password with a new salt. Returns a PHC string.
    pub async fn hash(&self, password: Password) -> Result<String, Error> {
        self.run(move |memory| {
            let hash = hash(password.as_bytes(), &Salt::generate(), Params::default(), memory)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password matches the hash. Without a hash, the result is false after the same time, so that the time does
    /// not show whether the account exists.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, Error> {
        let decoy = Arc::clone(&self.decoy);
        self.run(move |memory| {
            let matches = verify(&password, hash.as_deref().unwrap_or(&decoy), memory)?;
            Ok(matches && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let acquired = timeout(self.permit_timeout, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = acquired.map_err(|_| Error::Busy)?.context("the semaphore of the hasher is closed")?;
        let spare = Arc::clone(&self.memory);
        let done = spawn_blocking(move || {
            let _until_done = permit; // held until the work is done, even if the client disconnects and this future is dropped
            let mut memory = lock(&spare).pop().unwrap_or_default();
            let done = work(&mut memory);
            lock(&spare).push(memory);
            done
        });
        Ok(done.await.context("hashing panicked")??)
    }
}

fn lock(memory: &Mutex<Vec<Memory>>) -> std::sync::MutexGuard<'_, Vec<Memory>> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(password: &[u8], salt: &Salt, params: Params, memory: &mut Memory) -> anyhow::Result<PasswordHash> {
    memory.resize(params.block_count(), Block::default());
    let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
    let encoded = ParamsString::try_from(&params)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut output, memory)
        .context("cannot hash a password")?;
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: encoded,
        salt: Some(*salt),
        hash: Some(Output::new(&output)?),
    })
}

fn verify(password: &Password, stored: &str, memory: &mut Memory) -> anyhow::Result<bool> {
    let stored = PasswordHash::new(stored).context("cannot parse a stored password hash")?;
    let ours =
        (stored.algorithm, stored.version) == (Algorithm::Argon2id.ident(), Some(Version::V0x13.into()));
    ensure!(ours, "a stored password hash is not Argon2id, version 19");
    let salt = stored.salt.context("a stored password hash has no salt")?;
    let computed = hash(password.as_bytes(), &salt, Params::try_from(&stored)?, memory)?;
    Ok(computed.hash == stored.hash) // in constant time: see `Output`
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn only_the_hashed_password_matches() {
        let hasher = Hasher::new().unwrap();
        let password = || Password::from("correct horse battery".to_owned());
        let hash = hasher.hash(password()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(password(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(Password::from("wrong".to_owned()), Some(hash)).await.unwrap());
        assert!(!hasher.verify(password(), None).await.unwrap());
    }

    #[tokio::test]
    async fn the_decoy_costs_as_much_as_a_real_hash() {
        let hasher = Hasher::new().unwrap();
        let real = hasher.hash(Password::from("correct horse".to_owned())).await.unwrap();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&hasher.decoy), cost(&real));
    }

    #[tokio::test]
    async fn hashing_waits_for_a_permit_even_if_the_account_does_not_exist() {
        let hasher = Hasher { permits: Arc::new(Semaphore::new(1)), ..Hasher::new().unwrap() };
        let held = hasher.permits.acquire().await.unwrap();
        let password = || Password::from("correct horse".to_owned());
        assert!(hasher.hash(password()).now_or_never().is_none());
        assert!(hasher.verify(password(), Some(hasher.decoy.to_string())).now_or_never().is_none());
        assert!(hasher.verify(password(), None).now_or_never().is_none());
        drop(held);
        assert!(!hasher.verify(password(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_request_that_gets_no_permit_in_time_fails_with_busy() {
        let (permits, permit_timeout) = (Arc::new(Semaphore::new(0)), Duration::ZERO);
        let hasher = Hasher { permits, permit_timeout, ..Hasher::new().unwrap() };
        let refused = hasher.hash(Password::from("correct horse".to_owned())).await;
        assert!(matches!(refused, Err(Error::Busy)));
    }
}
