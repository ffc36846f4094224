use reqwest::StatusCode;

use crate::harness::{KEY, Provider};

#[tokio::test]
async fn a_retry_with_the_same_key_refunds_once_and_returns_the_same_refund_even_after_a_crash() {
    let mut provider = Provider::start();
    let (_, charge) = provider.charge(KEY, "tok_ok").await;
    let (status, refund) = provider.refund("refund-1", &charge, 1250).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(refund["amount"], 1250);

    provider.crash_and_restart();
    assert_eq!(provider.refund("refund-1", &charge, 1250).await, (StatusCode::CREATED, refund));
    assert_eq!(provider.ledger().await[0]["refunded"], 1250);
}

#[tokio::test]
async fn concurrent_refunds_do_not_exceed_the_charge() {
    let provider = std::sync::Arc::new(Provider::start());
    let (_, charge) = provider.charge(KEY, "tok_ok").await;
    let mut refunds = tokio::task::JoinSet::new();
    for n in 0..10 {
        let (provider, charge) = (provider.clone(), charge.clone());
        refunds.spawn(async move { provider.refund(&format!("refund-{n}"), &charge, 400).await });
    }
    let responses = refunds.join_all().await;
    let done = responses.iter().filter(|(status, _)| *status == StatusCode::CREATED).count();
    assert_eq!(done, 3, "only three refunds of 400 fit into a charge of 1250");
    assert!(responses.iter().all(|(status, body)| {
        *status == StatusCode::CREATED || body["error"]["code"] == "refund_too_large"
    }));
    assert_eq!(provider.ledger().await[0]["refunded"], 1200);
}

#[tokio::test]
async fn a_declined_or_unknown_charge_cannot_be_refunded() {
    let provider = Provider::start();
    let (_, declined) = provider.charge(KEY, "tok_declined").await;
    let (status, error) = provider.refund("refund-1", &declined, 1).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(error["error"]["code"], "refund_too_large");

    let unknown = serde_json::json!({ "id": "ch_none" });
    assert_eq!(provider.refund("refund-2", &unknown, 1).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_refund_key_cannot_be_reused_for_another_charge_or_amount() {
    let provider = Provider::start();
    let (_, charge) = provider.charge(KEY, "tok_ok").await;
    provider.refund("refund-1", &charge, 100).await;
    let (status, error) = provider.refund("refund-1", &charge, 200).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(error["error"]["code"], "key_reused");
    assert_eq!(provider.refund("refund-2", &charge, 0).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}
