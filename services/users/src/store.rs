//! The SQL of accounts.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use uuid::Uuid;

use super::{
    AccountError, Error,
    domain::{Email, Name, User},
    keys::Key,
};
use chassis::db;
use contracts::caller::UserId;

/// An account with its password hash.
pub struct Account {
    pub user: User,
    /// The number of changes so far, the registration included.
    pub version: i64,
    pub password_hash: String,
}

/// Stores a new account with version 1. Returns an error of its own if the address is already registered.
pub async fn insert_user(
    conn: &mut SqliteConnection,
    user: &User,
    email: &Email,
    hash: &str,
) -> Result<(), Error> {
    sqlx::query(
        "insert into users (id, version, email, email_key, name, password_hash, role, created_at)
         values ($1, 1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(user.id.0.hyphenated())
    .bind(email.as_str())
    .bind(email.key())
    .bind(&user.name)
    .bind(hash)
    .bind(user.role.to_string())
    .bind(db::to_column(user.created_at))
    .execute(conn)
    .await
    .map_err(email_taken)?;
    Ok(())
}

/// Finds an account by its id.
pub async fn find_user(conn: &mut SqliteConnection, id: UserId) -> sqlx::Result<Option<Account>> {
    let row =
        sqlx::query("select * from users where id = $1").bind(id.0.hyphenated()).fetch_optional(conn).await?;
    row.as_ref().map(account).transpose()
}

/// Finds an account by the key of its address.
pub async fn find_user_by_email(
    conn: &mut SqliteConnection,
    email_key: &str,
) -> sqlx::Result<Option<Account>> {
    let row =
        sqlx::query("select * from users where email_key = $1").bind(email_key).fetch_optional(conn).await?;
    row.as_ref().map(account).transpose()
}

/// Changes the address, the name, or both.
pub async fn update_user(
    conn: &mut SqliteConnection,
    id: UserId,
    email: Option<&Email>,
    name: Option<&Name>,
) -> Result<(), Error> {
    sqlx::query(
        "update users set version = version + 1, email = coalesce($2, email), email_key = coalesce($3, email_key),
             name = coalesce($4, name)
         where id = $1",
    )
    .bind(id.0.hyphenated())
    .bind(email.map(Email::as_str))
    .bind(email.map(Email::key))
    .bind(name.map(Name::as_str))
    .execute(conn)
    .await
    .map_err(email_taken)?;
    Ok(())
}

/// Replaces the password hash. Returns false if the stored hash is not `old` any more.
pub async fn update_password(
    conn: &mut SqliteConnection,
    id: UserId,
    old: &str,
    new: &str,
) -> sqlx::Result<bool> {
    let updated = sqlx::query("update users set password_hash = $3 where id = $1 and password_hash = $2")
        .bind(id.0.hyphenated())
        .bind(old)
        .bind(new)
        .execute(conn)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Lists the keys that sign tokens now or later, or that signed tokens that may still be valid, by `signs_from`.
pub async fn signing_keys(conn: &mut SqliteConnection) -> sqlx::Result<Vec<Key>> {
    let rows = sqlx::query("select * from signing_keys order by signs_from, id").fetch_all(conn).await?;
    rows.iter().map(key).collect()
}

/// Stores a new signing key.
pub async fn insert_signing_key(conn: &mut SqliteConnection, key: &Key) -> sqlx::Result<()> {
    sqlx::query("insert into signing_keys (id, seed, created_at, signs_from) values ($1, $2, $3, $4)")
        .bind(key.id.hyphenated())
        .bind(&key.seed[..])
        .bind(db::to_column(key.created_at))
        .bind(db::to_column(key.signs_from))
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes a signing key.
pub async fn delete_signing_key(conn: &mut SqliteConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from signing_keys where id = $1").bind(id.hyphenated()).execute(conn).await?;
    Ok(())
}

fn key(row: &SqliteRow) -> sqlx::Result<Key> {
    Ok(Key {
        id: db::uuid(row, "id")?,
        seed: row
            .try_get::<&[u8], _>("seed")?
            .try_into()
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        created_at: db::timestamp(row, "created_at")?,
        signs_from: db::timestamp(row, "signs_from")?,
    })
}

fn account(row: &SqliteRow) -> sqlx::Result<Account> {
    let user = User {
        id: UserId(db::uuid(row, "id")?),
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: db::parse_column("role", row.try_get("role")?)?,
        created_at: db::timestamp(row, "created_at")?,
    };
    Ok(Account { user, version: row.try_get("version")?, password_hash: row.try_get("password_hash")? })
}

/// Maps the violation of a unique constraint: `email_key` is the only unique column that a client chooses.
fn email_taken(error: sqlx::Error) -> Error {
    let unique = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if unique { AccountError::EmailTaken.into() } else { error.into() }
}
