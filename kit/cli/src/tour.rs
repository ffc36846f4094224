//! `kit tour`: one customer's journey through a stage, request by request.

use std::{path::Path, process::ExitCode, time::Duration};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, ensure};
use shop_client::{
    Caller, Exchange, Shop, StatusCode,
    model::{Line, Money, NewProduct, Order, Product, Registration},
    new_key,
};
use stage::{Course, Options, RunFolder, Stage, Status};

use crate::{json, signals::Signals, status, terminal};

/// Where to go.
#[derive(clap::Args)]
#[command(
    after_help = "Tours the running stage; where none runs, one is started for the tour and stopped after it."
)]
pub(crate) struct Args {
    /// The chapter's number [default: the one that runs, else the newest]
    chapter: Option<u32>,
}

/// How long an order may take to settle.
const SETTLE: Duration = Duration::from_secs(20);

pub(crate) async fn run(course: &Course, run_dir: &Path, args: &Args) -> Result<ExitCode> {
    if RunFolder::holder(run_dir).is_some() {
        let status = status::running(run_dir)?;
        let (running, wanted) = (status.chapter, args.chapter.unwrap_or(status.chapter));
        ensure!(
            running == wanted,
            "chapter {running} is running; tour it (just tour), or stop it first (just stop)"
        );
        tour(&status).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let newest = || Ok::<_, anyhow::Error>(course.chapters()?.last().context("there is no chapter here")?.0);
    let chapter = course.chapter(args.chapter.map_or_else(newest, Ok)?)?.manifest.number;
    let mut signals = Signals::new()?;
    tokio::select! {
        toured = on_own_stage(course, run_dir, chapter) => toured.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            terminal::say("interrupted; nothing of the stage is left running");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn on_own_stage(course: &Course, run_dir: &Path, chapter: u32) -> Result<()> {
    terminal::say(&format!("no stage is running; starting chapter {chapter} for the tour"));
    let stage = Stage::launch(course, chapter, run_dir, Options::default()).await?;
    let toured = tour(&stage.status()).await;
    stage.stop().await;
    terminal::say(&format!("the stage is stopped; `just chapter {chapter}` starts one that stays"));
    toured
}

/// Walks through a running stage.
async fn tour(status: &Status) -> Result<()> {
    let silent = Shop::new(&status.routes)?;
    let shop = silent.observed(|exchange| print(&shown(exchange)));

    step("Staff log in", "The launcher made the account; a token says who asks from now on.");
    let staff = shop.log_in(&status.staff.email, &status.staff.password).await?;
    step("Staff add a product", "Three units of it. Money is in cents: 2499 is 24.99 EUR.");
    let product = add_product(&staff).await?;
    let customer = meet_customer(&shop).await?;
    step("She browses", "Every word has to begin a word of the name or the description.");
    shop.list_products(Some("tea kett"), Some(1), None).await?;

    let order = buy(&customer, &silent, &product).await?;
    come_too_late(&customer, &silent, &product).await?;
    fulfil(&staff, &order, &product).await
}

async fn add_product(staff: &Caller) -> Result<Product> {
    let product = NewProduct {
        name: "Tea kettle".to_owned(),
        description: "Whistles when it is done.".to_owned(),
        price: Money::eur(2499),
        stock: 3,
    };
    Ok(staff.add_product(&new_key(), &product).await?.value)
}

async fn meet_customer(shop: &Shop) -> Result<Caller> {
    let email = format!("ada-{}@example.com", &new_key()[24..]);
    let password = "correct horse battery".to_owned();
    let registration = Registration { email, name: "Ada".to_owned(), password };
    step("A customer registers", "Her password is hashed with Argon2id and nowhere kept.");
    shop.register(&registration).await?;
    step(
        "She logs in",
        "A wrong password and an unknown address take the same time and get the same answer.",
    );
    Ok(shop.log_in(&registration.email, &registration.password).await?)
}

async fn buy(customer: &Caller, silent: &Shop, product: &Product) -> Result<Order> {
    let two = [Line { product_id: product.id, quantity: 2 }];
    let key = new_key();
    step(
        "She places an order",
        "Two of three units are held for her until `expires_at`. The price is fixed now.",
    );
    let order = customer.place_order(&key, &two).await?.value;
    step(
        "Her network is bad: the same request again",
        "The same Idempotency-Key is the same intent: the first answer comes again, and no second order.",
    );
    customer.place_order(&key, &two).await?;
    settled(silent, customer, &order).await?;
    step("She pays", "202: the payment is on its way. What became of it is the order's `status`.");
    customer.pay(&new_key(), order.id, "tok_ok").await?;
    settled(silent, customer, &order).await?;
    step("She looks at her order", "Paid; the history has every status it had.");
    Ok(customer.order(order.id).await?.value)
}

async fn come_too_late(customer: &Caller, silent: &Shop, product: &Product) -> Result<()> {
    step(
        "She wants two more",
        "One is left. An order is all or nothing: it is accepted, and rejected with a reason.",
    );
    let two = [Line { product_id: product.id, quantity: 2 }];
    let order = customer.place_order(&new_key(), &two).await?.value;
    if !order.status.is_settled() {
        settled(silent, customer, &order).await?;
        step("She looks at that order", "Its stock was asked for in the meantime.");
        customer.order(order.id).await?;
    }
    Ok(())
}

async fn fulfil(staff: &Caller, order: &Order, product: &Product) -> Result<()> {
    step("Staff look at the stock", "received = available + held + sold, at every moment.");
    staff.stock(product.id).await?;
    step("Staff ship the order", "From here on it cannot be cancelled.");
    staff.ship(order.id).await?;
    step("It is delivered", "The end of the journey. `just audit` checks that every number agrees.");
    staff.deliver(order.id).await?;
    Ok(())
}

/// Waits, unseen, until the shop has done what it does by itself.
async fn settled(silent: &Shop, customer: &Caller, order: &Order) -> Result<()> {
    silent.with_token(customer.token()).settled(order.id, SETTLE).await?;
    Ok(())
}

fn step(title: &str, why: &str) {
    let (bold, dimmed) = (Style::new().bold(), Style::new().dimmed());
    print(&format!("\n{bold}{title}{bold:#}\n{dimmed}{why}{dimmed:#}\n\n"));
}

/// A reader who has gone misses nothing: the tour goes on to its end.
fn print(text: &str) {
    terminal::print(text).ok();
}

fn shown(exchange: &Exchange) -> String {
    let Exchange { request, answer } = exchange;
    let (asked, told) = (AnsiColor::Cyan.on_default().bold(), colour(answer.status));
    let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let mut lines =
        vec![format!("{asked}{} {}{mark}{}{asked:#}", request.method, request.path, query.join("&"))];
    let key = request.headers.iter().find(|(name, _)| name == "idempotency-key");
    lines.extend(key.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))));
    lines.extend(json::laid_out(&request.body));
    lines.push(format!("{told}{}{told:#}", answer.status));
    let telling = ["location", "idempotency-replayed"];
    lines.extend(telling.iter().filter_map(|name| Some(format!("{name}: {}", answer.header(name)?))));
    lines.extend(json::laid_out(&answer.body));
    format!("  {}\n", lines.join("\n  "))
}

fn colour(status: StatusCode) -> Style {
    let colour = if status.is_success() { AnsiColor::Green } else { AnsiColor::Red };
    colour.on_default().bold()
}
