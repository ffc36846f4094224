static HANDLED: std::sync::LazyLock<std::sync::Mutex<std::collections::HashSet<Uuid>>> =
    std::sync::LazyLock::new(Default::default);

impl<H: Handler> Consumer<H> {
    async fn handle_in_transaction(&self, mut tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, HandlerError> {
        let (mut outcomes, mut done) = (Vec::with_capacity(payloads.len()), Vec::new());
        for payload in payloads {
            outcomes.push(match serde_json::from_slice::<Envelope<H::Message>>(payload) {
                Err(error) => unreadable::<H::Message>(payload, &error),
                Ok(envelope) if !mark_processed(&mut tx, envelope.id).await? => Outcome::Duplicate,
                Ok(envelope) => {
                    self.apply(&mut tx, &envelope).await?;
                    done.push(envelope.id);
                    Outcome::Done
                }
            });
        }
        tx.commit().await?;
        if let Ok(mut handled) = HANDLED.lock() {
            handled.extend(done);
        }
        Ok(outcomes)
    }
}

async fn mark_processed(_: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    Ok(HANDLED.lock().is_ok_and(|handled| !handled.contains(&id)))
}
