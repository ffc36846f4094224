//! The use cases of products.

use axum::http::StatusCode;
use uuid::Uuid;

use super::{
    App, Error,
    domain::{NewProduct, Product, ProductChange, Stock, search_query},
    store,
};
use chassis::{
    db,
    idempotency::{self, Answer, Intent},
    web::{IdempotencyKey, Limit, Page},
};
use contracts::{caller::Caller, stock::ProductId};

impl App {
    /// Lists the products that contain every word of `search`, newest first. A search without words lists all products.
    pub async fn list_products(
        &self,
        search: &str,
        limit: Limit,
        cursor: Option<i64>,
    ) -> Result<Page<Product>, Error> {
        let before = cursor.unwrap_or(i64::MAX);
        let mut conn = self.db.read().await?;
        let products = match search_query(search) {
            Some(words) => store::search_products(&mut conn, &words, before, limit.plus_one()).await?,
            None => store::list_products(&mut conn, before, limit.plus_one()).await?,
        };
        Ok(Page::cut(products, limit, |product| product.seq))
    }

    /// Reads one product.
    pub async fn read_product(&self, id: ProductId) -> Result<Product, Error> {
        let mut conn = self.db.read().await?;
        store::find_product(&mut conn, id).await?.ok_or(Error::NotFound)
    }

    /// Adds a product. `request` is the body that the client sent, in its canonical form.
    pub async fn add_product(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        new: NewProduct,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: "add_product".to_owned(), key };
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let now = db::now();
        let product = store::insert_product(&mut tx, ProductId(Uuid::now_v7()), &new, now).await?;
        let path = format!("/products/{}", product.id.0);
        let answer = Answer::json(StatusCode::CREATED, &product)?.location(path);
        idempotency::save(&mut tx, &intent, request, &answer, now).await?;
        tx.commit().await?;
        tracing::info!(product = %product.id.0, "product added");
        Ok(answer)
    }

    /// Changes the name, description or price. Orders that already hold stock keep their names and prices.
    pub async fn change_product(&self, id: ProductId, change: ProductChange) -> Result<Product, Error> {
        let mut tx = self.db.write().await?;
        let mut product = store::find_product(&mut tx, id).await?.ok_or(Error::NotFound)?;
        product.change(change, db::now());
        store::update_product(&mut tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// Reads the stock ledger of a product.
    pub async fn read_stock(&self, id: ProductId) -> Result<Stock, Error> {
        let mut conn = self.db.read().await?;
        store::find_stock(&mut conn, id).await?.ok_or(Error::NotFound)
    }

    /// Adds units of a product to its stock.
    pub async fn restock(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        id: ProductId,
        units: i64,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: format!("restock {}", id.0), key };
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let stock = store::add_units(&mut tx, id, units).await?.ok_or(Error::NotFound)?;
        let answer = Answer::json(StatusCode::CREATED, &stock)?;
        idempotency::save(&mut tx, &intent, request, &answer, db::now()).await?;
        tx.commit().await?;
        tracing::info!(product = %id.0, units, "product restocked");
        Ok(answer)
    }
}
