impl Hasher {
    pub fn new() -> anyhow::Result<Self> {
        let mut memory = Memory::new();
        let decoy = hash(Salt::generate().as_ref(), &Salt::generate(), Params::default(), &mut memory)?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(thread::available_parallelism()?.get())),
            permit_timeout: Duration::from_secs(5),
            memory: Arc::new(Mutex::new(vec![memory])),
            decoy: decoy.to_string().into(),
        })
    }
}
