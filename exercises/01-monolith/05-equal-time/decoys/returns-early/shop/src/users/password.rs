impl Hasher {
    pub async fn verify(&self, password: Password, hash: Option<String>) -> anyhow::Result<bool> {
        match hash {
            Some(hash) => self.run(move |memory| verify(&password, &hash, memory)).await,
            None => Ok(false),
        }
    }
}
