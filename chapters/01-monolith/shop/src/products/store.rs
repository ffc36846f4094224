//! The SQL of products and their stock.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::domain::{HeldLine, NewProduct, Product, ProductId, Quantity, Refused, Stock, searchable};
use crate::{db, money::Money, orders::OrderId};

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

/// Holds stock for all lines of an order, or for none if one line cannot be held.
///
/// Returns the name and price of each line.
pub async fn hold(
    conn: &mut SqliteConnection,
    order: OrderId,
    lines: &[(ProductId, Quantity)],
) -> sqlx::Result<Result<Vec<HeldLine>, Refused>> {
    let mut held = Vec::with_capacity(lines.len());
    for &(product, quantity) in lines {
        match hold_line(conn, order, product, quantity).await? {
            Ok(line) => held.push(line),
            Err(refused) => {
                release(conn, order).await?;
                return Ok(Err(refused));
            }
        }
    }
    Ok(Ok(held))
}

/// Checks the stock and takes it in one statement. With two statements, two orders could both get the last unit.
async fn hold_line(
    conn: &mut SqliteConnection,
    order: OrderId,
    id: ProductId,
    quantity: Quantity,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    let taken = sqlx::query(
        "update products set available = available - $2, held = held + $2
         where id = $1 and available >= $2 returning name, price",
    )
    .bind(id.0.hyphenated())
    .bind(quantity.get())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = taken else {
        let known = find_stock(conn, id).await?.is_some();
        return Ok(Err(if known { Refused::OutOfStock } else { Refused::UnknownProduct }));
    };
    sqlx::query("insert into holds (order_id, product_id, quantity, state) values ($1, $2, $3, 'held')")
        .bind(order.0.hyphenated())
        .bind(id.0.hyphenated())
        .bind(quantity.get())
        .execute(conn)
        .await?;
    Ok(Ok(HeldLine { name: row.try_get("name")?, unit_price: Money::cents(row.try_get("price")?) }))
}

/// Marks the units held for an order as sold.
pub async fn sell(conn: &mut SqliteConnection, order: OrderId) -> sqlx::Result<()> {
    let units = "update products set held = held - h.quantity, sold = sold + h.quantity
                 from holds h where h.order_id = $1 and h.product_id = products.id and h.state = 'held'";
    for_order(conn, order, units).await?;
    for_order(conn, order, "update holds set state = 'sold' where order_id = $1").await
}

/// Makes the units held for an order available again.
pub async fn release(conn: &mut SqliteConnection, order: OrderId) -> sqlx::Result<()> {
    let units = "update products set held = held - h.quantity, available = available + h.quantity
                 from holds h where h.order_id = $1 and h.product_id = products.id and h.state = 'held'";
    for_order(conn, order, units).await?;
    for_order(conn, order, "delete from holds where order_id = $1 and state = 'held'").await
}

/// Makes the units sold to a refunded order available again.
pub async fn take_back(conn: &mut SqliteConnection, order: OrderId) -> sqlx::Result<()> {
    let units = "update products set sold = sold - h.quantity, available = available + h.quantity
                 from holds h where h.order_id = $1 and h.product_id = products.id and h.state = 'sold'";
    for_order(conn, order, units).await?;
    for_order(conn, order, "delete from holds where order_id = $1 and state = 'sold'").await
}

async fn for_order(conn: &mut SqliteConnection, order: OrderId, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).bind(order.0.hyphenated()).execute(conn).await?;
    Ok(())
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
