//! Registration, profile and password.

use anyhow::{Result, ensure};
use shop_client::model::{ProfileChange, Registration, Role};

use crate::World;
use crate::world::{PASSWORD, ensure_names_field, expect_problem, unique_email, unique_word};

journeys![
    a_registration_creates_a_customer_with_the_given_address_and_name,
    an_address_can_be_registered_once_whatever_its_case,
    an_invalid_registration_is_422_and_the_problem_names_each_field,
    limits_count_characters_not_bytes,
    a_profile_change_is_visible_when_the_profile_is_read,
    a_profile_change_may_contain_one_field,
    a_profile_cannot_take_the_address_of_another_user,
    a_profile_can_change_the_case_of_its_own_address,
    an_empty_profile_change_is_422,
    after_a_password_change_only_the_new_password_works,
    changing_the_password_requires_the_current_password,
    a_password_that_is_too_short_or_too_long_is_422,
];

fn registration(email: &str, name: &str) -> Registration {
    Registration { email: email.to_owned(), name: name.to_owned(), password: PASSWORD.to_owned() }
}

async fn a_registration_creates_a_customer_with_the_given_address_and_name(world: World) -> Result<()> {
    let email = unique_email();
    let reply = world.shop.register(&registration(&email, "Ada Lovelace")).await?;
    ensure!(reply.response.status == 201);
    ensure!(reply.email == email && reply.name == "Ada Lovelace" && reply.role == Role::Customer);
    ensure!(reply.id.get_version_num() == 7, "the id is not a UUID of version 7");
    let caller = world.shop.log_in(&email, PASSWORD).await?;
    ensure!(caller.profile().await?.value == reply.value);
    Ok(())
}

async fn an_address_can_be_registered_once_whatever_its_case(world: World) -> Result<()> {
    let rare = unique_word();
    world.shop.register(&registration(&format!("{rare}@example.com"), "Ada")).await?;
    for again in [format!("{rare}@example.com"), format!("{}@Example.COM", rare.to_uppercase())] {
        expect_problem(409, world.shop.register(&registration(&again, "Eve")).await)?;
    }
    Ok(())
}

async fn an_invalid_registration_is_422_and_the_problem_names_each_field(world: World) -> Result<()> {
    let wrong =
        Registration { email: "nowhere".to_owned(), name: String::new(), password: "short".to_owned() };
    let problem = expect_problem(422, world.shop.register(&wrong).await)?;
    for field in ["email", "name", "password"] {
        ensure_names_field(&problem, field)?;
    }
    for email in ["", "@", "a@", "@example.com", "a b@example.com", "a@example.com, b@example.com"] {
        expect_problem(422, world.shop.register(&registration(email, "Ada")).await)?;
    }
    let too_long = format!("{}@example.com", "a".repeat(243));
    expect_problem(422, world.shop.register(&registration(&too_long, "Ada")).await)?;
    Ok(())
}

async fn limits_count_characters_not_bytes(world: World) -> Result<()> {
    let emoji = "🛒".repeat(100);
    let reply = world.shop.register(&registration(&unique_email(), &emoji)).await?;
    ensure!(reply.name == emoji);
    expect_problem(422, world.shop.register(&registration(&unique_email(), &"é".repeat(101))).await)?;
    let password = "🔑".repeat(10);
    let email = unique_email();
    let with_keys = Registration { password: password.clone(), ..registration(&email, "Ada") };
    world.shop.register(&with_keys).await?;
    world.shop.log_in(&email, &password).await?;
    Ok(())
}

async fn a_profile_change_is_visible_when_the_profile_is_read(world: World) -> Result<()> {
    let (customer, email) = (world.customer().await?, unique_email());
    let change = ProfileChange { email: Some(email.clone()), name: Some("Grace".to_owned()) };
    let changed = customer.change_profile(&change).await?.value;
    ensure!(changed.email == email && changed.name == "Grace" && changed.id == customer.user.id);
    ensure!(customer.profile().await?.value == changed);
    world.shop.log_in(&email, PASSWORD).await?;
    expect_problem(401, world.shop.open_session(&customer.email, PASSWORD).await)?;
    Ok(())
}

async fn a_profile_change_may_contain_one_field(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let change = ProfileChange { name: Some("Grace".to_owned()), email: None };
    let changed = customer.change_profile(&change).await?;
    ensure!(changed.name == "Grace" && changed.email == customer.email);
    Ok(())
}

async fn a_profile_cannot_take_the_address_of_another_user(world: World) -> Result<()> {
    let (customer, other) = (world.customer().await?, world.customer().await?);
    let change = ProfileChange { email: Some(other.email.to_uppercase()), name: None };
    expect_problem(409, customer.change_profile(&change).await)?;
    ensure!(customer.profile().await?.email == customer.email);
    Ok(())
}

async fn a_profile_can_change_the_case_of_its_own_address(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let change = ProfileChange { email: Some(customer.email.to_uppercase()), name: None };
    customer.change_profile(&change).await?;
    world.shop.log_in(&customer.email, PASSWORD).await?;
    Ok(())
}

async fn an_empty_profile_change_is_422(world: World) -> Result<()> {
    let customer = world.customer().await?;
    expect_problem(422, customer.change_profile(&ProfileChange::default()).await)?;
    let nameless = ProfileChange { name: Some(String::new()), email: None };
    expect_problem(422, customer.change_profile(&nameless).await)?;
    Ok(())
}

async fn after_a_password_change_only_the_new_password_works(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let reply = customer.change_password(PASSWORD, "another good password").await?;
    ensure!(reply.response.status == 204);
    world.shop.log_in(&customer.email, "another good password").await?;
    expect_problem(401, world.shop.open_session(&customer.email, PASSWORD).await)?;
    Ok(())
}

async fn changing_the_password_requires_the_current_password(world: World) -> Result<()> {
    let customer = world.customer().await?;
    expect_problem(403, customer.change_password("not the password", "another good password").await)?;
    world.shop.log_in(&customer.email, PASSWORD).await?;
    Ok(())
}

async fn a_password_that_is_too_short_or_too_long_is_422(world: World) -> Result<()> {
    let customer = world.customer().await?;
    for wrong in ["ninechars".to_owned(), "a".repeat(129)] {
        expect_problem(422, customer.change_password(PASSWORD, &wrong).await)?;
    }
    customer.change_password(PASSWORD, &"a".repeat(128)).await?;
    Ok(())
}
