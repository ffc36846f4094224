impl Hasher {
    /// Creates a hasher. Computes one hash, the decoy.
    pub fn new() -> anyhow::Result<Self> {
        todo!("create a hasher")
    }

    /// Whether the password matches the hash. Without a hash, the result is false after the same time, so that the time does
    /// not show whether the account exists.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> anyhow::Result<bool> {
        todo!("compare the password")
    }
}
