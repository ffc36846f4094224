//! A backlog of open payment attempts, as a long outage of the payment provider leaves it.

use anyhow::{Context, Result, bail, ensure};
use audit::journal::{Operation, RecordedRequest, RecordedResponse};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use shop_client::{
    Caller, Shop,
    model::{Line, Status},
    new_key,
};
use stage::Status as Stage;
use tokio::time::{Duration, sleep};

use crate::test_data::{Account, RETRY_FOR, TestData};

const MAX_IN_FLIGHT: usize = 16;
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl TestData {
    /// Places and pays `count` orders through the public API. While the payment provider is down, their payment attempts stay
    /// open.
    ///
    /// # Errors
    /// The stage does not respond, or not as the contract says.
    pub async fn add_open_payments(&self, stage: &Stage, count: usize) -> Result<()> {
        let shop = Shop::new(&stage.routes)?.with_retries(RETRY_FOR);
        let accounts = self.accounts.iter().cycle().take(count);
        let adding = accounts.enumerate().map(|(n, account)| self.add_open_payment(&shop, account, n));
        let all = stream::iter(adding).buffer_unordered(MAX_IN_FLIGHT);
        all.try_collect::<()>().await.context("cannot create the backlog of open payments")
    }

    async fn add_open_payment(&self, shop: &Shop, account: &Account, n: usize) -> Result<()> {
        let caller = shop.with_token(&account.token);
        let line = Line { product_id: self.products[n % self.products.len()], quantity: 1 };
        let placed = self.write(&caller, account, Operation::PlaceOrder { lines: vec![line] }).await?;
        let order = placed.id().context("the response to a placed order contains no id")?;
        loop {
            match caller.order(order).await?.status {
                Status::AwaitingPayment => break,
                Status::Pending => sleep(POLL_INTERVAL).await,
                status => bail!("order {order} is {status:?}"),
            }
        }
        let pay = Operation::PayOrder { order, source: "tok_ok".to_owned() };
        self.write(&caller, account, pay).await.map(drop)
    }

    /// Sends a write and adds it to the journal.
    async fn write(
        &self,
        caller: &Caller,
        account: &Account,
        operation: Operation,
    ) -> Result<RecordedResponse> {
        let (key, sent_at) = (new_key(), Timestamp::now());
        let answer = RecordedResponse::from(&caller.send(operation.request(Some(&key))).await?);
        self.journal.write(RecordedRequest {
            caller: account.id,
            operation,
            key: Some(key),
            sent_at,
            ended_at: Timestamp::now(),
            response: Some(answer.clone()),
        });
        ensure!(answer.is_success(), "a write was answered {}: {}", answer.status, answer.body);
        Ok(answer)
    }
}
