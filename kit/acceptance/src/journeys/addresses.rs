//! E-mail addresses: one mailbox is one account, in every Unicode form of its address.

use anyhow::{Result, ensure};
use shop_client::model::{ProfileChange, Registration};

use crate::World;
use crate::world::{PASSWORD, ensure_names_field, expect_problem, unique_word};

journeys![
    an_address_in_another_unicode_form_is_the_same_account,
    an_internationalized_domain_is_the_same_as_its_ascii_form,
    an_address_is_stored_in_nfc,
    an_address_with_a_display_name_or_white_space_is_422,
    an_address_with_invisible_characters_is_422,
];

fn registration(email: &str) -> Registration {
    Registration { email: email.to_owned(), name: "Ada".to_owned(), password: PASSWORD.to_owned() }
}

/// Checks that `other` cannot be registered after `first`, and that it logs in to the account of `first`.
async fn ensure_same_account(world: &World, first: &str, other: &str) -> Result<()> {
    let user = world.shop.register(&registration(first)).await?.value;
    expect_problem(409, world.shop.register(&registration(other)).await)?;
    let profile = world.shop.log_in(other, PASSWORD).await?.profile().await?;
    ensure!(profile.id == user.id, "{other:?} logs in to another account than {first:?}");
    Ok(())
}

async fn an_address_in_another_unicode_form_is_the_same_account(world: World) -> Result<()> {
    for (first, other) in [
        ("jos\u{e9}", "jose\u{301}"),        // composed and decomposed
        ("ada", "\u{ff41}\u{ff44}\u{ff41}"), // full-width letters
        ("stra\u{df}e", "STRASSE"),          // sharp s and its upper case
        ("\u{3bf}\u{3b4}\u{3bf}\u{3c2}", "\u{3bf}\u{3b4}\u{3bf}\u{3c3}"), // final and medial sigma
    ] {
        let host = format!("{}.example.com", unique_word());
        ensure_same_account(&world, &format!("{first}@{host}"), &format!("{other}@{host}")).await?;
    }
    Ok(())
}

async fn an_internationalized_domain_is_the_same_as_its_ascii_form(world: World) -> Result<()> {
    let host = unique_word();
    let (first, other) =
        (format!("ada@{host}.b\u{fc}cher.example"), format!("ada@{host}.xn--bcher-kva.example"));
    ensure_same_account(&world, &first, &other).await
}

async fn an_address_is_stored_in_nfc(world: World) -> Result<()> {
    let host = format!("{}.example.com", unique_word());
    let user = world.shop.register(&registration(&format!("jose\u{301}@{host}"))).await?;
    ensure!(user.email == format!("jos\u{e9}@{host}"), "the stored address is {:?}", user.email);

    let caller = world.shop.log_in(&user.email, PASSWORD).await?;
    let change = ProfileChange { email: Some(format!("zoe\u{308}@{host}")), name: None };
    let changed = caller.change_profile(&change).await?;
    ensure!(changed.email == format!("zo\u{eb}@{host}"), "the stored address is {:?}", changed.email);
    Ok(())
}

/// Checks that an address is rejected in a registration and in a profile change.
async fn ensure_rejected(world: &World, address: &str) -> Result<()> {
    let problem = expect_problem(422, world.shop.register(&registration(address)).await)?;
    ensure_names_field(&problem, "email")?;
    let change = ProfileChange { email: Some(address.to_owned()), name: None };
    let problem = expect_problem(422, world.customer().await?.change_profile(&change).await)?;
    ensure_names_field(&problem, "email")
}

async fn an_address_with_a_display_name_or_white_space_is_422(world: World) -> Result<()> {
    let address = format!("{}@example.com", unique_word());
    for wrong in [
        format!("<{address}>"),
        format!(" <{address}>"),
        format!("\r\n <{address}>\n"),
        format!("Ada <{address}>"),
        format!("(Ada){address}"),
        format!("\"ada\"@{}.example.com", unique_word()),
        format!(" {address}"),
        format!("{address} "),
        format!("{address}\r\n"),
        format!("\t{address}"),
        format!("{address}\u{a0}"),
    ] {
        ensure_rejected(&world, &wrong).await?;
    }
    Ok(())
}

async fn an_address_with_invisible_characters_is_422(world: World) -> Result<()> {
    let host = format!("{}.example.com", unique_word());
    for invisible in ['\u{200b}', '\u{ad}', '\u{feff}', '\u{202e}', '\u{7f}'] {
        ensure_rejected(&world, &format!("a{invisible}da@{host}")).await?;
    }
    Ok(())
}
