//! `kit tour`: walks through one customer's journey on a stage, request by request.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use audit::journal::Operation;
use shop_client::{
    Caller, RoundTrip, Shop, StatusCode,
    model::{Line, Money, NewProduct, Order, Product, Registration},
    new_key,
};
use stage::{Course, Options, RunFolder, Stage, Status};
use uuid::Uuid;

use crate::{CannotRun, journal::TourJournal, json, messages::Messages, signals::Signals, status, terminal};

/// The stage to tour.
#[derive(clap::Args)]
#[command(
    after_help = "Tours the running stage. If none is running, the chapter that was started last is started for the tour and\n\
    stopped after it. The requests are recorded for `just audit`."
)]
pub(crate) struct Args {
    /// The chapter's number [default: the running one, otherwise the one that was started last]
    chapter: Option<u32>,
    /// Also shows the commands and events of each step, as they are on the wire; for a chapter with NATS
    #[arg(long)]
    messages: bool,
    /// The card that the customer pays with
    #[arg(long, default_value = "tok_ok", value_parser = ["tok_ok", "tok_slow", "tok_timeout", "tok_flaky"])]
    card: String,
    /// Does not wait for Enter after each step; the default if the output is not a terminal
    #[arg(long)]
    fast: bool,
}

/// The time limit for an order to settle.
const SETTLE: Duration = Duration::from_secs(20);

pub(crate) async fn run(course: &Course, run_dir: &Path, args: &Args) -> Result<ExitCode> {
    if let Some(holder) = RunFolder::holder(run_dir) {
        let (running, wanted) = (holder.chapter, args.chapter.unwrap_or(holder.chapter));
        if running != wanted {
            let reason =
                format!("chapter {running} is running; tour it (just tour), or stop it first (just stop)");
            return Err(CannotRun(reason).into());
        }
        check_messages(course, running, args)?;
        let status = status::wait_until_ready(run_dir).await?;
        tour(&status, run_dir, args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let chapter = course.chapter(choose(course, run_dir, args)?)?.manifest.number;
    check_messages(course, chapter, args)?;
    let mut signals = Signals::new()?;
    tokio::select! {
        toured = on_own_stage(course, run_dir, chapter, args) => toured.map(|()| ExitCode::SUCCESS),
        _ = signals.next() => {
            terminal::log("\ninterrupted; all processes of the stage have been stopped");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The chapter to start: the given one, the one that was started last, or the user's choice. The first one without a terminal.
fn choose(course: &Course, run_dir: &Path, args: &Args) -> Result<u32> {
    let chapters: Vec<u32> = course.chapters()?.into_iter().map(|(number, _)| number).collect();
    let first = *chapters.first().context("the course has no chapters")?;
    let last = RunFolder::last_chapter(run_dir).filter(|number| chapters.contains(number));
    if let Some(number) = args.chapter.or(last) {
        return Ok(number);
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(first);
    }
    let numbers = chapters.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    write!(
        anstream::stderr(),
        "no stage is running; which chapter do you want to tour ({numbers})? [{first}] "
    )?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    match line.trim() {
        "" => Ok(first),
        number => {
            let unknown =
                || CannotRun(format!("{number} is not the number of a chapter; there are {numbers}"));
            number.parse().map_err(|_| unknown().into())
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
    let reason = format!(
        "chapter {chapter} has no NATS, so there are no messages: omit --messages, or tour a chapter with NATS{others}"
    );
    Err(CannotRun(reason).into())
}

async fn on_own_stage(course: &Course, run_dir: &Path, chapter: u32, args: &Args) -> Result<()> {
    terminal::log(&format!("no stage is running; starting chapter {chapter} for the tour"));
    let stage = Stage::launch(course, chapter, run_dir, Options::default()).await?;
    let toured = tour(&stage.status(), run_dir, args).await;
    stage.stop().await;
    terminal::log(&format!("the stage stopped; `just chapter {chapter}` starts one that keeps running"));
    toured
}

/// Walks through a running stage.
async fn tour(status: &Status, run_dir: &Path, args: &Args) -> Result<()> {
    let unobserved = Shop::new(&status.routes)?;
    let shop = unobserved.observed(|round_trip| print(&shown(round_trip)));
    let messages = if args.messages { Some(Box::pin(Messages::subscribe(status)).await?) } else { None };
    let journal = TourJournal::open(run_dir, status.chapter)?;
    let pauses = !args.fast && io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut tour = Tour { unobserved, messages, journal, pauses, steps: 0 };

    tour.step(
        "Staff log in",
        "The launcher has created the account. The token identifies the caller from now on.",
    )
    .await?;
    let staff = shop.log_in(&status.staff.email, &status.staff.password).await?;
    tour.step("Staff add a product", "Three units of it. Money is in cents: 2499 is 24.99 EUR.").await?;
    let product = tour.add_product(&staff).await?;
    let customer = tour.meet_customer(&shop).await?;
    tour.step("She browses", "Each word of the search must start a word of the name or the description.")
        .await?;
    shop.list_products(Some("tea kett"), Some(1), None).await?;

    let order = tour.buy(&customer, &product, &args.card).await?;
    tour.order_too_many(&customer, &product).await?;
    tour.fulfil(&staff, &order, &product).await?;
    tour.show_messages().await
}

/// The tour of one stage.
struct Tour<'a> {
    /// A client for requests that are not shown.
    unobserved: Shop,
    /// The messages between services, if they are to be shown.
    messages: Option<Messages<'a>>,
    journal: TourJournal,
    /// Whether to wait for Enter after each step.
    pauses: bool,
    steps: u32,
}

/// A customer with an account.
struct Customer {
    id: Uuid,
    caller: Caller,
}

impl Tour<'_> {
    async fn add_product(&mut self, staff: &Caller) -> Result<Product> {
        let product = NewProduct {
            name: "Tea kettle".to_owned(),
            description: "Whistles when it is done.".to_owned(),
            price: Money::eur(2499),
            stock: 3,
        };
        let key = new_key();
        let operation = |added: Option<&Product>| {
            Some(Operation::SetPrice { product: added?.id, amount: product.price.amount })
        };
        self.journal.record(Uuid::nil(), None, staff.add_product(&key, &product), operation).await
    }

    async fn meet_customer(&mut self, shop: &Shop) -> Result<Customer> {
        let email = format!("ada-{}@example.com", &new_key()[24..]);
        let password = "correct horse battery".to_owned();
        let registration = Registration { email, name: "Ada".to_owned(), password };
        self.step("A customer registers", "The shop stores only a hash of her password, made with Argon2id.")
            .await?;
        let id = shop.register(&registration).await?.id;
        self.step(
            "She logs in",
            "A wrong password and an unknown address take the same time and get the same response.",
        )
        .await?;
        Ok(Customer { id, caller: shop.log_in(&registration.email, &registration.password).await? })
    }

    async fn buy(&mut self, customer: &Customer, product: &Product, card: &str) -> Result<Order> {
        let key = new_key();
        self.step("She places an order", "Two of the three units. 201: the shop has accepted the order.")
            .await?;
        let order = self.place_order(customer, &key, product).await?;
        self.step(
            "Her network is bad, so she sends the same request again",
            "The same Idempotency-Key means the same intent: the first response is repeated, and there is no second order.",
        )
        .await?;
        self.place_order(customer, &key, product).await?;
        self.settled(customer, &order).await?;
        self.step(
            "She looks at her order",
            "Two of the three units are held for her until `expires_at`. The price is fixed now.",
        )
        .await?;
        customer.caller.order(order.id).await?;
        self.step("She pays", "202: the payment has started. The order's `status` shows its outcome.")
            .await?;
        let (key, source) = (new_key(), card.to_owned());
        let operation = |_: Option<&Order>| Some(Operation::PayOrder { order: order.id, source });
        self.journal
            .record(customer.id, Some(&key), customer.caller.pay(&key, order.id, card), operation)
            .await?;
        self.settled(customer, &order).await?;
        self.step("She looks at her order again", "It is paid, and its history lists every status it had.")
            .await?;
        Ok(customer.caller.order(order.id).await?.value)
    }

    async fn order_too_many(&mut self, customer: &Customer, product: &Product) -> Result<()> {
        self.step(
            "She wants two more",
            "Only one unit is left, and an order is all or nothing. So the shop will reject this one.",
        )
        .await?;
        let order = self.place_order(customer, &new_key(), product).await?;
        if !order.status.is_settled() {
            self.settled(customer, &order).await?;
            self.step("She looks at that order", "The stock has been checked in the meantime.").await?;
            customer.caller.order(order.id).await?;
        }
        Ok(())
    }

    /// Orders two units.
    async fn place_order(&mut self, customer: &Customer, key: &str, product: &Product) -> Result<Order> {
        let lines = vec![Line { product_id: product.id, quantity: 2 }];
        let operation = |_: Option<&Order>| Some(Operation::PlaceOrder { lines: lines.clone() });
        self.journal.record(customer.id, Some(key), customer.caller.place_order(key, &lines), operation).await
    }

    async fn fulfil(&mut self, staff: &Caller, order: &Order, product: &Product) -> Result<()> {
        self.step("Staff look at the stock", "received = available + held + sold, at every moment.").await?;
        staff.stock(product.id).await?;
        self.step("Staff ship the order", "From now on it cannot be cancelled.").await?;
        staff.ship(order.id).await?;
        let why = "The end of the journey. `just audit` checks that all numbers agree.";
        self.step("It is delivered", why).await?;
        staff.deliver(order.id).await?;
        Ok(())
    }

    /// Waits until the shop has processed an order. The polling is not shown.
    async fn settled(&self, customer: &Customer, order: &Order) -> Result<()> {
        self.unobserved.with_token(customer.caller.token()).wait_until_settled(order.id, SETTLE).await?;
        Ok(())
    }

    /// Starts a step, after showing all messages of the previous one.
    async fn step(&mut self, title: &str, why: &str) -> Result<()> {
        self.show_messages().await?;
        self.pause().await?;
        self.steps += 1;
        let (bold, dimmed) = (Style::new().bold(), Style::new().dimmed());
        print(&format!("\n{bold}{title}{bold:#}\n{dimmed}{why}{dimmed:#}\n\n"));
        Ok(())
    }

    /// Waits for Enter between two steps.
    async fn pause(&mut self) -> Result<()> {
        if !self.pauses || self.steps == 0 {
            return Ok(());
        }
        let dimmed = Style::new().dimmed();
        print(&format!("\n{dimmed}Enter for the next step, Ctrl-D for all of them{dimmed:#} "));
        let read = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await??;
        self.pauses = read > 0;
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
    let path = format!("{}{mark}{}", request.path, query.join("&"));
    let mut lines = vec![format!("{request_style}{} {path}{request_style:#}", request.method)];
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
