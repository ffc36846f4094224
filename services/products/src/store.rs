//! The SQL of products and their stock.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::domain::{HolderId, NewProduct, Product, Reservation, Stock, searchable};
use chassis::db;
use contracts::{
    money::Money,
    stock::{HeldLine, ProductId, Refused, WantedLine},
};

/// Stores a new product with its initial stock.
pub async fn insert_product(
    conn: &mut SqliteConnection,
    id: ProductId,
    new: &NewProduct,
    now: Timestamp,
) -> sqlx::Result<Product> {
    let row = sqlx::query(
        "insert into products (id, name, description, words, price, received, available, created_at, updated_at)
         values ($1, $2, $3, $7, $4, $5, $5, $6, $6)
         returning seq, id, name, description, price, available, created_at, updated_at",
    )
    .bind(id.0.hyphenated())
    .bind(new.name.as_str())
    .bind(new.description.as_str())
    .bind(new.price.cents())
    .bind(new.stock)
    .bind(db::to_column(now))
    .bind(searchable(new.name.as_str(), new.description.as_str()))
    .fetch_one(conn)
    .await?;
    product(&row)
}

/// Finds a product.
pub async fn find_product(conn: &mut SqliteConnection, id: ProductId) -> sqlx::Result<Option<Product>> {
    let row = sqlx::query(
        "select seq, id, name, description, price, available, created_at, updated_at
         from products where id = $1",
    )
    .bind(id.0.hyphenated())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(product).transpose()
}

/// Lists the products added before `before`, newest first.
pub async fn list_products(
    conn: &mut SqliteConnection,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Product>> {
    let rows = sqlx::query(
        "select seq, id, name, description, price, available, created_at, updated_at
         from products where seq < $1 order by seq desc limit $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(product).collect()
}

/// Lists the products that contain all the words and were added before `before`, newest first.
///
/// The index stores the products of a word in the order of `rowid`, which is `seq`, so the query stops after `limit`.
/// Prefixes of up to three letters are indexed too. For a longer prefix, the index first merges the lists of all words
/// that start with it.
pub async fn search_products(
    conn: &mut SqliteConnection,
    words: &str,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Product>> {
    let rows = sqlx::query(
        "select p.seq, p.id, p.name, p.description, p.price, p.available, p.created_at, p.updated_at
         from product_words w join products p on p.seq = w.rowid
         where w.product_words match $1 and w.rowid < $2 order by w.rowid desc limit $3",
    )
    .bind(words)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(product).collect()
}

/// Stores the name, description and price of a product.
pub async fn update_product(conn: &mut SqliteConnection, product: &Product) -> sqlx::Result<()> {
    sqlx::query(
        "update products set name = $2, description = $3, words = $4, price = $5, updated_at = $6 where id = $1",
    )
    .bind(product.id.0.hyphenated())
    .bind(&product.name)
    .bind(&product.description)
    .bind(searchable(&product.name, &product.description))
    .bind(product.price.amount)
    .bind(db::to_column(product.updated_at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the stock ledger of a product.
pub async fn find_stock(conn: &mut SqliteConnection, id: ProductId) -> sqlx::Result<Option<Stock>> {
    let row = sqlx::query("select id, received, available, held, sold from products where id = $1")
        .bind(id.0.hyphenated())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(stock).transpose()
}

/// Adds units, and returns the ledger after that.
pub async fn add_units(
    conn: &mut SqliteConnection,
    id: ProductId,
    units: i64,
) -> sqlx::Result<Option<Stock>> {
    let row = sqlx::query(
        "update products set received = received + $2, available = available + $2
         where id = $1 returning id, received, available, held, sold",
    )
    .bind(id.0.hyphenated())
    .bind(units)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(stock).transpose()
}

/// Finds the reservation of an order.
pub async fn find_reservation(
    conn: &mut SqliteConnection,
    order: HolderId,
) -> sqlx::Result<Option<Reservation>> {
    let row = sqlx::query("select state, reason from reservations where order_id = $1")
        .bind(order.0.hyphenated())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(reservation).transpose()
}

/// Stores the reservation of an order and returns its new version, which counts the changes.
pub async fn save_reservation(
    conn: &mut SqliteConnection,
    order: HolderId,
    reservation: Reservation,
) -> sqlx::Result<i64> {
    let (state, reason) = match reservation {
        Reservation::Held => ("held", None),
        Reservation::Refused(Refused::OutOfStock) => ("refused", Some("out_of_stock")),
        Reservation::Refused(Refused::UnknownProduct) => ("refused", Some("unknown_product")),
        Reservation::Sold => ("sold", None),
        Reservation::Released => ("released", None),
    };
    sqlx::query_scalar(
        "insert into reservations (order_id, state, reason, version) values ($1, $2, $3, 1)
         on conflict (order_id) do update set state = $2, reason = $3, version = version + 1
         returning version",
    )
    .bind(order.0.hyphenated())
    .bind(state)
    .bind(reason)
    .fetch_one(conn)
    .await
}

/// Holds stock for all lines of an order, or for none if one line cannot be held.
///
/// Returns the name and price of each line.
pub async fn hold(
    conn: &mut SqliteConnection,
    order: HolderId,
    lines: &[WantedLine],
) -> sqlx::Result<Result<Vec<HeldLine>, Refused>> {
    let mut held = Vec::with_capacity(lines.len());
    for (position, line) in (0..).zip(lines) {
        match hold_line(conn, order, position, line).await? {
            Ok(line) => held.push(line),
            Err(refused) => {
                give_back(conn, order, Reservation::Held).await?;
                return Ok(Err(refused));
            }
        }
    }
    Ok(Ok(held))
}

/// Checks the stock and takes it in one statement. With two statements, two orders could both get the last unit.
async fn hold_line(
    conn: &mut SqliteConnection,
    order: HolderId,
    position: i64,
    line: &WantedLine,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    let taken = sqlx::query(
        "update products set available = available - $2, held = held + $2
         where id = $1 and available >= $2 returning name, price",
    )
    .bind(line.product_id.0.hyphenated())
    .bind(line.quantity.get())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = taken else {
        let known = find_stock(conn, line.product_id).await?.is_some();
        return Ok(Err(if known { Refused::OutOfStock } else { Refused::UnknownProduct }));
    };
    let held = held_line(&row)?;
    sqlx::query(
        "insert into holds (order_id, position, product_id, quantity, name, price) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(order.0.hyphenated())
    .bind(position)
    .bind(line.product_id.0.hyphenated())
    .bind(line.quantity.get())
    .bind(&held.name)
    .bind(held.unit_price.amount)
    .execute(conn)
    .await?;
    Ok(Ok(held))
}

/// Finds the names and prices of the lines held for an order, in the order of its lines.
pub async fn held_lines(conn: &mut SqliteConnection, order: HolderId) -> sqlx::Result<Vec<HeldLine>> {
    let rows = sqlx::query("select name, price from holds where order_id = $1 order by position")
        .bind(order.0.hyphenated())
        .fetch_all(conn)
        .await?;
    rows.iter().map(held_line).collect()
}

/// Marks the units held for an order as sold. The units are summed by product, because `update … from` applies only one
/// row per product.
pub async fn sell(conn: &mut SqliteConnection, order: HolderId) -> sqlx::Result<()> {
    let units = "update products set held = held - h.units, sold = sold + h.units
                 from (select product_id, sum(quantity) as units from holds where order_id = $1 group by product_id) h
                 where h.product_id = products.id";
    for_order(conn, order, units).await
}

/// Makes the units held for or sold to an order available again.
pub async fn give_back(conn: &mut SqliteConnection, order: HolderId, from: Reservation) -> sqlx::Result<()> {
    let units = match from {
        Reservation::Held => {
            "update products set held = held - h.units, available = available + h.units
             from (select product_id, sum(quantity) as units from holds where order_id = $1 group by product_id) h
             where h.product_id = products.id"
        }
        Reservation::Sold => {
            "update products set sold = sold - h.units, available = available + h.units
             from (select product_id, sum(quantity) as units from holds where order_id = $1 group by product_id) h
             where h.product_id = products.id"
        }
        Reservation::Refused(_) | Reservation::Released => return Ok(()),
    };
    for_order(conn, order, units).await?;
    for_order(conn, order, "delete from holds where order_id = $1").await
}

async fn for_order(conn: &mut SqliteConnection, order: HolderId, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).bind(order.0.hyphenated()).execute(conn).await?;
    Ok(())
}

fn reservation(row: &SqliteRow) -> sqlx::Result<Reservation> {
    let state = (row.try_get("state")?, row.try_get("reason")?);
    match state {
        ("held", None) => Ok(Reservation::Held),
        ("sold", None) => Ok(Reservation::Sold),
        ("released", None) => Ok(Reservation::Released),
        ("refused", Some("out_of_stock")) => Ok(Reservation::Refused(Refused::OutOfStock)),
        ("refused", Some("unknown_product")) => Ok(Reservation::Refused(Refused::UnknownProduct)),
        _ => Err(sqlx::Error::Decode(format!("invalid state of a reservation: {state:?}").into())),
    }
}

fn held_line(row: &SqliteRow) -> sqlx::Result<HeldLine> {
    Ok(HeldLine { name: row.try_get("name")?, unit_price: Money::cents(row.try_get("price")?) })
}

fn product(row: &SqliteRow) -> sqlx::Result<Product> {
    Ok(Product {
        seq: row.try_get("seq")?,
        id: ProductId(db::uuid(row, "id")?),
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        price: Money::cents(row.try_get("price")?),
        available: row.try_get("available")?,
        created_at: db::timestamp(row, "created_at")?,
        updated_at: db::timestamp(row, "updated_at")?,
    })
}

fn stock(row: &SqliteRow) -> sqlx::Result<Stock> {
    Ok(Stock {
        product_id: ProductId(db::uuid(row, "id")?),
        received: row.try_get("received")?,
        available: row.try_get("available")?,
        held: row.try_get("held")?,
        sold: row.try_get("sold")?,
    })
}
