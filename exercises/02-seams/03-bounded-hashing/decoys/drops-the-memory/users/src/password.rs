impl Hasher {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = Arc::clone(&self.permits).acquire_owned();
        let permit = timeout(self.permit_timeout, turn).await.map_err(|_| Error::Busy)?.context("no more turns")?;
        let spare = Arc::clone(&self.memory);
        let done = spawn_blocking(move || {
            let _until_done = permit;
            let mut memory = lock(&spare).pop().unwrap_or_default();
            work(&mut memory)
        });
        Ok(done.await.context("hashing panicked")??)
    }
}
