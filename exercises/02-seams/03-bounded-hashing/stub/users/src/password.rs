impl Hasher {
    /// Makes a hasher, and hashes once to have something to compare with where there is no account.
    pub fn new() -> anyhow::Result<Self> {
        todo!("a hasher, with as many permits as half of the cores")
    }

    /// Does some hashing when it is its turn. Whoever waits for it longer than `patience` is told [`Error::Busy`].
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        todo!("wait for a turn, and then work")
    }
}
