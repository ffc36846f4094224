//! Concurrent requests.

use anyhow::{Result, ensure};
use futures_util::future::{join_all, try_join_all};
use shop_client::model::{Money, Product, Reason, Registration, Status};
use shop_client::new_key;

use crate::World;
use crate::world::{Customer, PASSWORD, PAYMENT_TIMEOUT, expect_problem, line, unique_email};

journeys![
    a_hundred_concurrent_orders_for_ten_units_sell_exactly_ten,
    concurrent_orders_with_lines_in_opposite_order_do_not_deadlock,
    concurrent_payments_of_one_order_charge_once,
    a_concurrent_payment_and_cancellation_leave_the_money_consistent,
    only_one_of_several_concurrent_registrations_of_an_address_succeeds,
    only_one_of_a_concurrent_cancellation_and_shipment_succeeds,
];

async fn a_hundred_concurrent_orders_for_ten_units_sell_exactly_ten(world: World) -> Result<()> {
    let product = world.product(10).await?;
    let buyers: Vec<Customer> = try_join_all((0..100).map(|_| world.customer())).await?;
    let lines = [line(&product, 1)];
    // The timeout is longer than for a single order, because a hundred orders are queued.
    let buy = async |buyer: &Customer| -> Result<_> {
        let order = buyer.place_order(&new_key(), &lines).await?;
        Ok(buyer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?)
    };
    let orders = try_join_all(buyers.iter().map(buy)).await?;
    let held = orders.iter().filter(|order| order.status == Status::AwaitingPayment).count();
    let rejected = orders.iter().filter(|order| order.reason == Some(Reason::OutOfStock)).count();
    ensure!((held, rejected) == (10, 90), "{held} orders hold stock and {rejected} were rejected");
    world.wait_for_stock(product.id, 0, 10, 0).await
}

async fn concurrent_orders_with_lines_in_opposite_order_do_not_deadlock(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let (tea, pot) = (world.product(20).await?, world.product(20).await?);
    let one_way = [line(&tea, 1), line(&pot, 1)];
    let other_way = [line(&pot, 1), line(&tea, 1)];
    let orders = (0..20).map(|number| customer.place(if number % 2 == 0 { &one_way } else { &other_way }));
    for order in try_join_all(orders).await? {
        ensure!(order.status == Status::AwaitingPayment);
    }
    world.wait_for_stock(tea.id, 0, 20, 0).await?;
    world.wait_for_stock(pot.id, 0, 20, 0).await
}

async fn concurrent_payments_of_one_order_charge_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let keys: Vec<_> = (0..6).map(|_| new_key()).collect();
    let payments = join_all(keys.iter().map(|key| customer.pay(key, order.id, "tok_slow"))).await;
    let (done, not): (Vec<_>, Vec<_>) = payments.into_iter().partition(Result::is_ok);
    ensure!(done.len() == 1, "{} of six payments were accepted", done.len());
    for payment in not {
        expect_problem(409, payment)?;
    }
    ensure!(customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?.status == Status::Paid);
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

/// Pays and cancels concurrently. Either request may win, but each outcome fixes the final status and money.
async fn pay_while_cancelling(world: &World, customer: &Customer, product: &Product) -> Result<()> {
    let order = customer.buy(product, 1).await?;
    let key = new_key();
    let (payment, cancellation) =
        tokio::join!(customer.pay(&key, order.id, "tok_ok"), customer.cancel(order.id));
    let (paid, cancelled) = (payment.is_ok(), cancellation.is_ok());
    if !paid {
        expect_problem(409, payment)?;
    }
    if !cancelled {
        expect_problem(409, cancellation)?;
    }
    let order = customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?;
    let charges = world.charges(order.id).await?;
    let kept: u64 = charges.iter().map(|charge| charge.amount - charge.refunded).sum();
    ensure!(charges.len() == usize::from(paid), "paid: {paid}, charged: {charges:?}");
    let (status, due) = if cancelled { (Status::Cancelled, 0) } else { (Status::Paid, 1999) };
    ensure!(
        order.status == status,
        "paid: {paid}, cancelled: {cancelled}, but the order is {:?}",
        order.status
    );
    ensure!(kept == due, "the order is {status:?}, but the provider kept {kept}");
    ensure!(order.payment.captured.amount - order.payment.refunded.amount == kept);
    Ok(())
}

async fn a_concurrent_payment_and_cancellation_leave_the_money_consistent(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(20).await?);
    try_join_all((0..8).map(|_| pay_while_cancelling(&world, &customer, &product))).await?;
    Ok(())
}

async fn only_one_of_several_concurrent_registrations_of_an_address_succeeds(world: World) -> Result<()> {
    let email = unique_email();
    let registration =
        |email: String| Registration { email, name: "Ada".to_owned(), password: PASSWORD.to_owned() };
    let registrations = [email.clone(), email.to_uppercase(), email.clone(), email].map(registration);
    let replies = join_all(registrations.iter().map(|registration| world.shop.register(registration))).await;
    let (done, not): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
    ensure!(done.len() == 1, "{} of four were registered", done.len());
    for reply in not {
        expect_problem(409, reply)?;
    }
    Ok(())
}

async fn only_one_of_a_concurrent_cancellation_and_shipment_succeeds(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let (shipment, cancellation) = tokio::join!(staff.ship(order.id), customer.cancel(order.id));
    ensure!(shipment.is_ok() != cancellation.is_ok());
    let order = customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?;
    if shipment.is_ok() {
        expect_problem(409, cancellation)?;
        ensure!(order.status == Status::Shipped && order.payment.refunded == Money::eur(0));
    } else {
        expect_problem(409, shipment)?;
        ensure!(order.status == Status::Cancelled && order.payment.refunded == Money::eur(1999));
    }
    Ok(())
}
