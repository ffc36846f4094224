impl Hasher {
    pub fn new() -> anyhow::Result<Self> {
        let mut memory = Memory::new();
        let cheap = Params::new(8, 1, 1, None)?;
        let decoy = hash(Salt::generate().as_ref(), &Salt::generate(), cheap, &mut memory)?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(thread::available_parallelism()?.get())),
            memory: Arc::new(Mutex::new(vec![memory])),
            decoy: decoy.to_string().into(),
        })
    }
}
