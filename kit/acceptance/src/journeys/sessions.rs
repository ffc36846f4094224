//! Logging in, and checking tokens.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::json;
use shop_client::header::AUTHORIZATION;
use shop_client::{Request, Shop};

use crate::World;
use crate::world::{PASSWORD, expect_problem, unique_email};

journeys![
    a_log_in_returns_a_bearer_token_that_is_valid_until_it_expires,
    a_log_in_ignores_the_case_of_the_address,
    a_wrong_password_and_an_unknown_address_get_the_same_response,
    after_ten_failed_log_ins_an_account_is_refused_for_half_a_minute_and_no_other_is,
    the_profile_is_401_without_a_token,
    a_token_that_was_tampered_with_is_rejected,
    a_token_without_a_signature_is_rejected,
    an_invalid_authorization_header_is_rejected,
    an_invalid_token_is_ignored_where_no_token_is_needed,
];

/// `{"alg":"none","typ":"JWT"}`
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// The largest number of instances of a service that the suite runs on.
const MAX_INSTANCES: u32 = 4;

/// Reads the profile with this `Authorization` header and returns the status.
async fn profile_status(shop: &Shop, authorization: &str) -> Result<u16> {
    let response = shop.send(Request::get("/users/me").header(AUTHORIZATION, authorization)).await?;
    Ok(response.status.as_u16())
}

async fn a_log_in_returns_a_bearer_token_that_is_valid_until_it_expires(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let session = world.shop.open_session(&customer.email, PASSWORD).await?;
    ensure!(session.response.status == 201 && session.token_type == "Bearer");
    ensure!(session.expires_at > Timestamp::now());
    ensure!(world.shop.with_token(&session.token).profile().await?.id == customer.user.id);
    Ok(())
}

async fn a_log_in_ignores_the_case_of_the_address(world: World) -> Result<()> {
    let customer = world.customer().await?;
    world.shop.log_in(&customer.email.to_uppercase(), PASSWORD).await?;
    Ok(())
}

async fn a_wrong_password_and_an_unknown_address_get_the_same_response(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let mut wrong = expect_problem(401, world.shop.open_session(&customer.email, "not the password").await)?;
    let mut unknown = expect_problem(401, world.shop.open_session(&unique_email(), PASSWORD).await)?;
    (wrong.request_id, unknown.request_id) = (None, None);
    ensure!(wrong == unknown);
    Ok(())
}

/// Each instance counts what it has seen, so all of them refuse only after ten failures each.
///
/// The limit per client address is not tested: all journeys have one address, so they would be refused as well.
async fn after_ten_failed_log_ins_an_account_is_refused_for_half_a_minute_and_no_other_is(
    world: World,
) -> Result<()> {
    let (ada, eve) = (world.customer().await?, world.customer().await?);
    let shop = world.shop.with_retries(Duration::ZERO);
    for (email, password) in [(ada.email.clone(), PASSWORD), (unique_email(), "not the password")] {
        let credentials = |password| json!({ "email": email, "password": password });
        let log_in =
            async |password| shop.send(Request::post("/sessions").json(&credentials(password))).await;
        let (mut failures, mut refusals_in_a_row) = (0, 0);
        while refusals_in_a_row < 10 {
            match log_in("not the password").await?.status.as_u16() {
                401 => (failures, refusals_in_a_row) = (failures + 1, 0),
                429 => refusals_in_a_row += 1,
                other => bail!("a wrong password returned {other}"),
            }
            ensure!(failures <= 10 * MAX_INSTANCES, "{failures} wrong passwords were allowed");
        }
        ensure!(failures >= 10, "refused after {failures} failures");
        let refused = log_in(password).await?;
        ensure!(refused.status == 429, "the log-in after ten failures returned {}", refused.status);
        let retry_after = refused.retry_after().context("there is no `Retry-After`")?;
        ensure!(retry_after <= 30, "the account is locked for {retry_after} s");
    }
    ensure!(shop.open_session(&eve.email, PASSWORD).await?.response.status == 201);
    Ok(())
}

async fn the_profile_is_401_without_a_token(world: World) -> Result<()> {
    let response = world.shop.send(Request::get("/users/me")).await?;
    ensure!(response.status == 401);
    Ok(())
}

async fn a_token_that_was_tampered_with_is_rejected(world: World) -> Result<()> {
    let (customer, staff) = (world.customer().await?, world.staff().await?);
    let (head, signature) = customer.token().rsplit_once('.').context("the token is not a JWT")?;
    let staff_payload = staff.token().split('.').nth(1).context("the token is not a JWT")?;
    let header = head.split('.').next().unwrap_or_default();
    let reversed: String = signature.chars().rev().collect();
    for forged in [
        format!("{header}.{staff_payload}.{signature}"),
        format!("{head}.{reversed}"),
        format!("{head}.{}", &signature[..signature.len() - 4]),
    ] {
        ensure!(profile_status(&world.shop, &format!("Bearer {forged}")).await? == 401, "accepted: {forged}");
    }
    Ok(())
}

async fn a_token_without_a_signature_is_rejected(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let (head, signature) = customer.token().rsplit_once('.').context("the token is not a JWT")?;
    let payload = head.split('.').nth(1).context("the token is not a JWT")?;
    for unsigned in [
        format!("{head}."),
        head.to_owned(),
        format!("{ALG_NONE}.{payload}."),
        format!("{ALG_NONE}.{payload}.{signature}"),
    ] {
        ensure!(
            profile_status(&world.shop, &format!("Bearer {unsigned}")).await? == 401,
            "accepted: {unsigned}"
        );
    }
    Ok(())
}

async fn an_invalid_authorization_header_is_rejected(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let bare = customer.token();
    for authorization in ["", "Bearer", "Bearer ", "Bearer a.b.c", "Bearer ☕", "Basic dXNlcjpwYXNz", bare] {
        ensure!(profile_status(&world.shop, authorization).await? == 401, "accepted: {authorization}");
    }
    Ok(())
}

async fn an_invalid_token_is_ignored_where_no_token_is_needed(world: World) -> Result<()> {
    let response = world.shop.with_token("garbage").send(Request::get("/products")).await?;
    ensure!(response.status == 200);
    Ok(())
}
