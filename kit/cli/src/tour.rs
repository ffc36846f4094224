//! `kit tour`: walks through one customer's journey on a stage, request by request.

use std::{path::Path, process::ExitCode, time::Duration};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, bail, ensure};
use shop_client::{
    Caller, RoundTrip, Shop, StatusCode,
    model::{Line, Money, NewProduct, Order, Product, Registration},
    new_key,
};
use stage::{Course, Options, RunFolder, Stage, Status};

use crate::{json, messages::Messages, signals::Signals, status, terminal};

/// The stage to tour.
#[derive(clap::Args)]
#[command(
    after_help = "Tours the running stage. If none is running, a stage is started for the tour and stopped after it."
)]
pub(crate) struct Args {
    /// The chapter's number [default: the running one, otherwise the newest]
    chapter: Option<u32>,
    /// Also shows the commands and events of each step, as they are on the wire; for a chapter with NATS
    #[arg(long)]
    messages: bool,
}

/// The time limit for an order to settle.
const SETTLE: Duration = Duration::from_secs(20);

pub(crate) async fn run(course: &Course, run_dir: &Path, args: &Args) -> Result<ExitCode> {
    if RunFolder::holder(run_dir).is_some() {
        let status = status::running(run_dir)?;
        let (running, wanted) = (status.chapter, args.chapter.unwrap_or(status.chapter));
        ensure!(
            running == wanted,
            "chapter {running} is running; tour it (just tour), or stop it first (just stop)"
        );
        check_messages(course, running, args)?;
        tour(&status, args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let newest = || Ok::<_, anyhow::Error>(course.chapters()?.last().context("there is no chapter here")?.0);
    let chapter = course.chapter(args.chapter.map_or_else(newest, Ok)?)?.manifest.number;
    check_messages(course, chapter, args)?;
    let mut signals = Signals::new()?;
    tokio::select! {
        toured = on_own_stage(course, run_dir, chapter, args) => toured.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            terminal::log("interrupted; all processes of the stage have been stopped");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Checks that the chapter has messages, if they are to be shown.
fn check_messages(course: &Course, chapter: u32, args: &Args) -> Result<()> {
    if !args.messages || course.chapter(chapter)?.manifest.nats {
        return Ok(());
    }
    let mut with = Vec::new();
    for (number, _) in course.chapters()? {
        if course.chapter(number)?.manifest.nats {
            with.push(format!("just tour {number} --messages"));
        }
    }
    let others = if with.is_empty() { String::new() } else { format!(" ({})", with.join(", ")) };
    bail!(
        "chapter {chapter} has no NATS, so there are no messages: omit --messages, or tour a chapter with NATS{others}"
    )
}

async fn on_own_stage(course: &Course, run_dir: &Path, chapter: u32, args: &Args) -> Result<()> {
    terminal::log(&format!("no stage is running; starting chapter {chapter} for the tour"));
    let stage = Stage::launch(course, chapter, run_dir, Options::default()).await?;
    let toured = tour(&stage.status(), args).await;
    stage.stop().await;
    terminal::log(&format!("the stage stopped; `just chapter {chapter}` starts one that keeps running"));
    toured
}

/// Walks through a running stage.
async fn tour(status: &Status, args: &Args) -> Result<()> {
    let unobserved = Shop::new(&status.routes)?;
    let shop = unobserved.observed(|round_trip| print(&shown(round_trip)));
    let messages = if args.messages { Some(Box::pin(Messages::subscribe(status)).await?) } else { None };
    let mut tour = Tour { unobserved, messages };

    tour.step("Staff log in", "The launcher made the account; a token says who asks from now on.").await?;
    let staff = shop.log_in(&status.staff.email, &status.staff.password).await?;
    tour.step("Staff add a product", "Three units of it. Money is in cents: 2499 is 24.99 EUR.").await?;
    let product = add_product(&staff).await?;
    let customer = tour.meet_customer(&shop).await?;
    tour.step("She browses", "Every word has to begin a word of the name or the description.").await?;
    shop.list_products(Some("tea kett"), Some(1), None).await?;

    let order = tour.buy(&customer, &product).await?;
    tour.come_too_late(&customer, &product).await?;
    tour.fulfil(&staff, &order, &product).await?;
    tour.show_messages().await
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

/// The tour of one stage.
struct Tour<'a> {
    /// A client for requests that are not shown.
    unobserved: Shop,
    /// The messages between services, if they are to be shown.
    messages: Option<Messages<'a>>,
}

impl Tour<'_> {
    async fn meet_customer(&mut self, shop: &Shop) -> Result<Caller> {
        let email = format!("ada-{}@example.com", &new_key()[24..]);
        let password = "correct horse battery".to_owned();
        let registration = Registration { email, name: "Ada".to_owned(), password };
        self.step("A customer registers", "Her password is hashed with Argon2id and nowhere kept.").await?;
        shop.register(&registration).await?;
        self.step(
            "She logs in",
            "A wrong password and an unknown address take the same time and get the same answer.",
        )
        .await?;
        Ok(shop.log_in(&registration.email, &registration.password).await?)
    }

    async fn buy(&mut self, customer: &Caller, product: &Product) -> Result<Order> {
        let two = [Line { product_id: product.id, quantity: 2 }];
        let key = new_key();
        self.step(
            "She places an order",
            "Two of three units are held for her until `expires_at`. The price is fixed now.",
        )
        .await?;
        let order = customer.place_order(&key, &two).await?.value;
        self.step(
            "Her network is bad: the same request again",
            "The same Idempotency-Key is the same intent: the first answer comes again, and no second order.",
        )
        .await?;
        customer.place_order(&key, &two).await?;
        self.settled(customer, &order).await?;
        self.step("She pays", "202: the payment is on its way. What became of it is the order's `status`.")
            .await?;
        customer.pay(&new_key(), order.id, "tok_ok").await?;
        self.settled(customer, &order).await?;
        self.step("She looks at her order", "Paid; the history has every status it had.").await?;
        Ok(customer.order(order.id).await?.value)
    }

    async fn come_too_late(&mut self, customer: &Caller, product: &Product) -> Result<()> {
        self.step(
            "She wants two more",
            "One is left. An order is all or nothing: it is accepted, and rejected with a reason.",
        )
        .await?;
        let two = [Line { product_id: product.id, quantity: 2 }];
        let order = customer.place_order(&new_key(), &two).await?.value;
        if !order.status.is_settled() {
            self.settled(customer, &order).await?;
            self.step("She looks at that order", "Its stock was asked for in the meantime.").await?;
            customer.order(order.id).await?;
        }
        Ok(())
    }

    async fn fulfil(&mut self, staff: &Caller, order: &Order, product: &Product) -> Result<()> {
        self.step("Staff look at the stock", "received = available + held + sold, at every moment.").await?;
        staff.stock(product.id).await?;
        self.step("Staff ship the order", "From here on it cannot be cancelled.").await?;
        staff.ship(order.id).await?;
        let why = "The end of the journey. `just audit` checks that every number agrees.";
        self.step("It is delivered", why).await?;
        staff.deliver(order.id).await?;
        Ok(())
    }

    /// Waits until the shop has processed an order. The polling is not shown.
    async fn settled(&self, customer: &Caller, order: &Order) -> Result<()> {
        self.unobserved.with_token(customer.token()).wait_until_settled(order.id, SETTLE).await?;
        Ok(())
    }

    /// Starts a step, after showing all messages of the previous one.
    async fn step(&mut self, title: &str, why: &str) -> Result<()> {
        self.show_messages().await?;
        let (bold, dimmed) = (Style::new().bold(), Style::new().dimmed());
        print(&format!("\n{bold}{title}{bold:#}\n{dimmed}{why}{dimmed:#}\n\n"));
        Ok(())
    }

    async fn show_messages(&mut self) -> Result<()> {
        let Some(messages) = &mut self.messages else { return Ok(()) };
        for message in Box::pin(messages.take_settled()).await? {
            print(&message);
        }
        Ok(())
    }
}

/// Prints to standard output. If it is closed, the tour continues anyway.
fn print(text: &str) {
    terminal::print(text).ok();
}

fn shown(round_trip: &RoundTrip) -> String {
    let RoundTrip { request, response } = round_trip;
    let (request_style, response_style) = (AnsiColor::Cyan.on_default().bold(), colour(response.status));
    let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let mut lines = vec![format!(
        "{request_style}{} {}{mark}{}{request_style:#}",
        request.method,
        request.path,
        query.join("&")
    )];
    let key = request.headers.iter().find(|(name, _)| name == "idempotency-key");
    lines.extend(key.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))));
    lines.extend(json::format_body(&request.body));
    lines.push(format!("{response_style}{}{response_style:#}", response.status));
    let headers = ["location", "idempotency-replayed"];
    lines.extend(headers.iter().filter_map(|name| Some(format!("{name}: {}", response.header(name)?))));
    lines.extend(json::format_body(&response.body));
    format!("  {}\n", lines.join("\n  "))
}

fn colour(status: StatusCode) -> Style {
    let colour = if status.is_success() { AnsiColor::Green } else { AnsiColor::Red };
    colour.on_default().bold()
}
