impl Provider {
    pub async fn charge(&self, attempt: &Attempt) -> Result<Charged, OutcomeUnknown> {
        #[derive(Serialize)]
        struct Charge<'a> {
            amount: i64,
            currency: &'a str,
            source: &'a str,
            reference: Uuid,
        }
        let charge = Charge {
            amount: attempt.amount.amount,
            currency: "EUR",
            source: &attempt.source,
            reference: attempt.order.0,
        };
        let key = if attempt.attempts == 2 { Uuid::now_v7() } else { attempt.id };
        let response = self.post("/v1/charges", key, &charge).await?;
        match response.status() {
            StatusCode::CREATED => Ok(response.json().await?),
            status => match refusal_code(response).await {
                Some(decline_code) => Ok(Charged::Declined { decline_code }),
                None => Err(OutcomeUnknown::ErrorStatus(status)),
            },
        }
    }
}
