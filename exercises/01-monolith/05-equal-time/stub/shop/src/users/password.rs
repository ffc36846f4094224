impl Hasher {
    /// Makes a hasher, and hashes once to have something to compare with where there is no account.
    pub fn new() -> anyhow::Result<Self> {
        todo!("a hasher")
    }

    /// Whether a password is the hashed one. Takes as long where there is no hash: the time does not tell who has an account.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> anyhow::Result<bool> {
        todo!("compare")
    }
}
