/// How long a test waits for something that must happen: shorter than in the stage, where nobody waits for it in vain.
const DEADLINE: Duration = Duration::from_secs(10);
