impl Hasher {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(self.permit_timeout, self.permits.acquire()).await;
        let _permit = turn.map_err(|_| Error::Busy)?.context("the hasher is gone")?;
        let spare = Arc::clone(&self.memory);
        let done = spawn_blocking(move || {
            let mut memory = lock(&spare).pop().unwrap_or_default();
            let done = work(&mut memory);
            lock(&spare).push(memory);
            done
        });
        Ok(done.await.context("hashing panicked")??)
    }
}
