impl Hasher {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let all = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.context("the hasher is gone")?;
            let spare = Arc::clone(&self.memory);
            let done = spawn_blocking(move || {
                let _until_done = permit;
                let mut memory = lock(&spare).pop().unwrap_or_default();
                let done = work(&mut memory);
                lock(&spare).push(memory);
                done
            });
            Ok(done.await.context("hashing panicked")??)
        };
        timeout(self.permit_timeout, all).await.map_err(|_| Error::Busy)?
    }
}
