//! Passwords: the same text is the same password, in every Unicode form.

use anyhow::Result;
use shop_client::model::Registration;

use crate::World;
use crate::world::{expect_problem, unique_email};

journeys![
    a_password_matches_in_every_unicode_form,
    a_password_matches_with_every_kind_of_space,
    the_length_of_a_password_is_counted_in_nfc,
];

async fn register(world: &World, password: &str) -> shop_client::Result<String> {
    let email = unique_email();
    let (name, password) = ("Ada".to_owned(), password.to_owned());
    world.shop.register(&Registration { email: email.clone(), name, password }).await?;
    Ok(email)
}

async fn a_password_matches_in_every_unicode_form(world: World) -> Result<()> {
    let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");
    for (first, other) in [(composed, decomposed), (decomposed, composed)] {
        let email = register(&world, first).await?;
        let caller = world.shop.log_in(&email, other).await?;
        caller.change_password(other, "another good password").await?;
    }
    // A password is secret text, not an identifier: its case and its width matter.
    let email = register(&world, composed).await?;
    expect_problem(401, world.shop.open_session(&email, "CAF\u{c9} AU LAIT").await)?;
    expect_problem(401, world.shop.open_session(&email, "\u{ff43}af\u{e9} au lait").await)?;
    Ok(())
}

async fn a_password_matches_with_every_kind_of_space(world: World) -> Result<()> {
    let email = register(&world, "correct horse battery").await?;
    world.shop.log_in(&email, "correct\u{a0}horse\u{3000}battery").await?;
    Ok(())
}

async fn the_length_of_a_password_is_counted_in_nfc(world: World) -> Result<()> {
    expect_problem(422, register(&world, &"e\u{301}".repeat(9)).await)?; // 9 characters in NFC, but 18 as sent
    register(&world, &"e\u{301}".repeat(128)).await?;
    expect_problem(422, register(&world, &"e\u{301}".repeat(129)).await)?;
    Ok(())
}
