//! Logging in, and what a token must be.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use shop_client::header::AUTHORIZATION;
use shop_client::{Request, Shop};

use crate::World;
use crate::world::{PASSWORD, refused, unique_email};

journeys![
    a_log_in_gives_a_bearer_token_that_is_good_until_it_expires,
    an_address_is_known_whatever_its_case,
    a_wrong_password_and_an_unknown_address_get_the_same_answer,
    without_a_token_there_is_no_profile,
    a_token_that_was_tampered_with_is_refused,
    a_token_without_a_signature_is_refused,
    what_is_no_bearer_token_is_refused,
    a_bad_token_does_no_harm_where_none_is_needed,
];

/// `{"alg":"none","typ":"JWT"}`
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

async fn profile(shop: &Shop, authorization: &str) -> Result<u16> {
    let answer = shop.send(Request::get("/users/me").header(AUTHORIZATION, authorization)).await?;
    Ok(answer.status.as_u16())
}

async fn a_log_in_gives_a_bearer_token_that_is_good_until_it_expires(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let session = world.shop.open_session(&customer.email, PASSWORD).await?;
    ensure!(session.answer.status == 201 && session.token_type == "Bearer");
    ensure!(session.expires_at > Timestamp::now());
    ensure!(world.shop.with_token(&session.token).profile().await?.id == customer.user.id);
    Ok(())
}

async fn an_address_is_known_whatever_its_case(world: World) -> Result<()> {
    let customer = world.customer().await?;
    world.shop.log_in(&customer.email.to_uppercase(), PASSWORD).await?;
    Ok(())
}

async fn a_wrong_password_and_an_unknown_address_get_the_same_answer(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let mut wrong = refused(401, world.shop.open_session(&customer.email, "not the password").await)?;
    let mut unknown = refused(401, world.shop.open_session(&unique_email(), PASSWORD).await)?;
    (wrong.request_id, unknown.request_id) = (None, None);
    ensure!(wrong == unknown);
    Ok(())
}

async fn without_a_token_there_is_no_profile(world: World) -> Result<()> {
    let answer = world.shop.send(Request::get("/users/me")).await?;
    ensure!(answer.status == 401);
    Ok(())
}

async fn a_token_that_was_tampered_with_is_refused(world: World) -> Result<()> {
    let (customer, staff) = (world.customer().await?, world.staff().await?);
    let (head, signature) = customer.token().rsplit_once('.').context("no JWT")?;
    let staff_payload = staff.token().split('.').nth(1).context("no JWT")?;
    let header = head.split('.').next().unwrap_or_default();
    let reversed: String = signature.chars().rev().collect();
    for forged in [
        format!("{header}.{staff_payload}.{signature}"),
        format!("{head}.{reversed}"),
        format!("{head}.{}", &signature[..signature.len() - 4]),
    ] {
        ensure!(profile(&world.shop, &format!("Bearer {forged}")).await? == 401, "accepted: {forged}");
    }
    Ok(())
}

async fn a_token_without_a_signature_is_refused(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let (head, signature) = customer.token().rsplit_once('.').context("no JWT")?;
    let payload = head.split('.').nth(1).context("no JWT")?;
    for unsigned in [
        format!("{head}."),
        head.to_owned(),
        format!("{ALG_NONE}.{payload}."),
        format!("{ALG_NONE}.{payload}.{signature}"),
    ] {
        ensure!(profile(&world.shop, &format!("Bearer {unsigned}")).await? == 401, "accepted: {unsigned}");
    }
    Ok(())
}

async fn what_is_no_bearer_token_is_refused(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let bare = customer.token();
    for authorization in ["", "Bearer", "Bearer ", "Bearer a.b.c", "Bearer ☕", "Basic dXNlcjpwYXNz", bare] {
        ensure!(profile(&world.shop, authorization).await? == 401, "accepted: {authorization}");
    }
    Ok(())
}

async fn a_bad_token_does_no_harm_where_none_is_needed(world: World) -> Result<()> {
    let answer = world.shop.with_token("garbage").send(Request::get("/products")).await?;
    ensure!(answer.status == 200);
    Ok(())
}
