//! Fills the shop through its own API, because that fits every stage.

use std::{cell::Cell, rc::Rc};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use shop_client::{Request, Shop, model::Product, new_key};
use stage::Status;
use uuid::Uuid;

use crate::{catalogue, slot::Slot};

/// Adds `count` products of the catalogue, one in flight a slot, and shows them to all customers.
///
/// # Errors
/// The stage does not answer, or not as the contract says.
pub async fn fill(stage: &Status, slots: &mut [Slot], count: u32) -> Result<()> {
    let staff = Shop::new(&stage.routes)?.open_session(&stage.staff.email, &stage.staff.password).await;
    let token = staff.context("cannot log in as staff")?.value.token;
    let next = Cell::new(0);
    let added = try_join_all(slots.iter_mut().map(|slot| add(slot, &token, &next, count))).await?;
    let products = Rc::new(added.concat());
    for slot in slots {
        slot.products = Rc::clone(&products);
    }
    Ok(())
}

async fn add(slot: &mut Slot, staff: &str, next: &Cell<u32>, count: u32) -> Result<Vec<Uuid>> {
    let mut added = Vec::new();
    while next.get() < count {
        let new = catalogue::product(next.replace(next.get() + 1));
        let request = Request::post("/products").bearer(staff).key(&new_key()).json(&new);
        added.push(slot.ask::<Product>(request, 201).await?.id);
    }
    Ok(added)
}
