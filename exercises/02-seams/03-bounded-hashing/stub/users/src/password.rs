impl Hasher {
    /// Creates a hasher. Computes one hash, the decoy.
    pub fn new() -> anyhow::Result<Self> {
        let mut memory = Memory::new();
        let decoy = hash(Salt::generate().as_ref(), &Salt::generate(), Params::default(), &mut memory)?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(todo!("how many permits"))),
            permit_timeout: Duration::from_secs(5),
            memory: Arc::new(Mutex::new(vec![memory])),
            decoy: decoy.to_string().into(),
        })
    }

    /// Runs some hashing as soon as there is a permit for it. Returns [`Error::Busy`] if there is none within
    /// `permit_timeout`.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        todo!("wait for a permit, then do the work")
    }
}
