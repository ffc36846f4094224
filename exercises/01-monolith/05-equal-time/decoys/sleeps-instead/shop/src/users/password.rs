impl Hasher {
    pub async fn verify(&self, password: Password, hash: Option<String>) -> anyhow::Result<bool> {
        let Some(hash) = hash else {
            let _permit = self.permits.acquire().await?;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            return Ok(false);
        };
        self.run(move |memory| verify(&password, &hash, memory)).await
    }
}
