//! Many at once.

use anyhow::{Result, ensure};
use futures_util::future::{join_all, try_join_all};
use shop_client::model::{Money, Product, Reason, Registration, Status};
use shop_client::new_key;

use crate::World;
use crate::world::{Customer, PASSWORD, PAYMENT, line, refused, unique_email};

journeys![
    a_hundred_buyers_of_ten_units_buy_exactly_ten,
    orders_for_the_same_products_in_opposite_order_all_come_through,
    six_payments_at_once_charge_once,
    a_payment_and_a_cancellation_at_once_leave_the_money_right,
    one_of_many_registrations_of_an_address_wins,
    a_customer_cancels_while_staff_ship_and_one_of_them_wins,
];

async fn a_hundred_buyers_of_ten_units_buy_exactly_ten(world: World) -> Result<()> {
    let product = world.product(10).await?;
    let buyers: Vec<Customer> = try_join_all((0..100).map(|_| world.customer())).await?;
    let lines = [line(&product, 1)];
    // Longer than one customer has to wait: a hundred stand in the queue.
    let buy = async |buyer: &Customer| -> Result<_> {
        let order = buyer.place_order(&new_key(), &lines).await?;
        Ok(buyer.settled(order.id, PAYMENT).await?)
    };
    let orders = try_join_all(buyers.iter().map(buy)).await?;
    let got = orders.iter().filter(|order| order.status == Status::AwaitingPayment).count();
    let none_left = orders.iter().filter(|order| order.reason == Some(Reason::OutOfStock)).count();
    ensure!((got, none_left) == (10, 90), "{got} got one and {none_left} were told that none is left");
    world.stock_becomes(product.id, 0, 10, 0).await
}

async fn orders_for_the_same_products_in_opposite_order_all_come_through(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let (tea, pot) = (world.product(20).await?, world.product(20).await?);
    let there = [line(&tea, 1), line(&pot, 1)];
    let back = [line(&pot, 1), line(&tea, 1)];
    let orders = (0..20).map(|number| customer.place(if number % 2 == 0 { &there } else { &back }));
    for order in try_join_all(orders).await? {
        ensure!(order.status == Status::AwaitingPayment);
    }
    world.stock_becomes(tea.id, 0, 20, 0).await?;
    world.stock_becomes(pot.id, 0, 20, 0).await
}

async fn six_payments_at_once_charge_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let keys: Vec<_> = (0..6).map(|_| new_key()).collect();
    let payments = join_all(keys.iter().map(|key| customer.pay(key, order.id, "tok_slow"))).await;
    let (done, not): (Vec<_>, Vec<_>) = payments.into_iter().partition(Result::is_ok);
    ensure!(done.len() == 1, "{} of six payments were accepted", done.len());
    for payment in not {
        refused(409, payment)?;
    }
    ensure!(customer.settled(order.id, PAYMENT).await?.status == Status::Paid);
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

/// Pays and cancels at once. Which comes first is open, but what follows from it is not.
async fn pay_against_cancel(world: &World, customer: &Customer, product: &Product) -> Result<()> {
    let order = customer.buy(product, 1).await?;
    let key = new_key();
    let (payment, cancellation) =
        tokio::join!(customer.pay(&key, order.id, "tok_ok"), customer.cancel(order.id));
    let (paid, cancelled) = (payment.is_ok(), cancellation.is_ok());
    if !paid {
        refused(409, payment)?;
    }
    if !cancelled {
        refused(409, cancellation)?;
    }
    let order = customer.settled(order.id, PAYMENT).await?;
    let charges = world.charges(order.id).await?;
    let kept: u64 = charges.iter().map(|charge| charge.amount - charge.refunded).sum();
    ensure!(charges.len() == usize::from(paid), "paid: {paid}, charged: {charges:?}");
    let (status, due) = if cancelled { (Status::Cancelled, 0) } else { (Status::Paid, 1999) };
    ensure!(order.status == status, "paid: {paid}, cancelled: {cancelled}, but it is {:?}", order.status);
    ensure!(kept == due, "the order is {status:?}, and the provider has kept {kept}");
    ensure!(order.payment.captured.amount - order.payment.refunded.amount == kept);
    Ok(())
}

async fn a_payment_and_a_cancellation_at_once_leave_the_money_right(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(20).await?);
    try_join_all((0..8).map(|_| pay_against_cancel(&world, &customer, &product))).await?;
    Ok(())
}

async fn one_of_many_registrations_of_an_address_wins(world: World) -> Result<()> {
    let email = unique_email();
    let registration =
        |email: String| Registration { email, name: "Ada".to_owned(), password: PASSWORD.to_owned() };
    let registrations = [email.clone(), email.to_uppercase(), email.clone(), email].map(registration);
    let replies = join_all(registrations.iter().map(|registration| world.shop.register(registration))).await;
    let (done, not): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
    ensure!(done.len() == 1, "{} of four were registered", done.len());
    for reply in not {
        refused(409, reply)?;
    }
    Ok(())
}

async fn a_customer_cancels_while_staff_ship_and_one_of_them_wins(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let (shipment, cancellation) = tokio::join!(staff.ship(order.id), customer.cancel(order.id));
    ensure!(shipment.is_ok() != cancellation.is_ok());
    let order = customer.settled(order.id, PAYMENT).await?;
    if shipment.is_ok() {
        refused(409, cancellation)?;
        ensure!(order.status == Status::Shipped && order.payment.refunded == Money::eur(0));
    } else {
        refused(409, shipment)?;
        ensure!(order.status == Status::Cancelled && order.payment.refunded == Money::eur(1999));
    }
    Ok(())
}
