/// How long a test waits for a condition before it fails. Shorter than in the stage, because learners' tests often wait in vain.
pub const TIMEOUT: Duration = Duration::from_secs(8);
