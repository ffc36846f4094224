/// How long a test waits for a condition before it fails. Shorter than in the stage, because learners' tests often wait in vain.
const DEADLINE: Duration = Duration::from_secs(10);
