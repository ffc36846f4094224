//! Adds products to the shop through its public API, which is the same for every stage.

use std::{cell::Cell, rc::Rc};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use shop_client::{Request, Shop, model::Product, new_key};
use stage::Status;
use uuid::Uuid;

use crate::{catalogue, customer::Customer};

/// Adds `count` products of the catalogue, one in flight per customer, and tells all customers their ids.
///
/// # Errors
/// The stage does not respond, or not as the contract says.
pub async fn add_products(stage: &Status, customers: &mut [Customer], count: u32) -> Result<()> {
    let staff = Shop::new(&stage.routes)?.open_session(&stage.staff.email, &stage.staff.password).await;
    let token = staff.context("cannot log in as staff")?.value.token;
    let next = Cell::new(0);
    let added =
        try_join_all(customers.iter_mut().map(|customer| add(customer, &token, &next, count))).await?;
    let products = Rc::new(added.concat());
    for customer in customers {
        customer.products = Rc::clone(&products);
    }
    Ok(())
}

async fn add(customer: &mut Customer, staff: &str, next: &Cell<u32>, count: u32) -> Result<Vec<Uuid>> {
    let mut added = Vec::new();
    while next.get() < count {
        let new = catalogue::product(next.replace(next.get() + 1));
        let request = Request::post("/products").bearer(staff).key(&new_key()).json(&new);
        added.push(customer.send::<Product>(request, 201).await?.id);
    }
    Ok(added)
}
