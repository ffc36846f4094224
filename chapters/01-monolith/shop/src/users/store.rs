//! The SQL of accounts.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    Error,
    domain::{Email, Name, User},
};
use crate::{
    caller::{Role, UserId},
    db,
};

/// An account with its password hash.
pub struct Account {
    pub user: User,
    pub password_hash: String,
}

/// Stores a new account. Returns an error of its own if the address is already registered.
pub async fn insert_user(
    conn: &mut SqliteConnection,
    user: &User,
    email: &Email,
    hash: &str,
) -> Result<(), Error> {
    sqlx::query(
        "insert into users (id, email, email_key, name, password_hash, role, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(user.id.0.hyphenated())
    .bind(email.as_str())
    .bind(email.key())
    .bind(&user.name)
    .bind(hash)
    .bind(if user.role == Role::Staff { "staff" } else { "customer" })
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
        "update users set email = coalesce($2, email), email_key = coalesce($3, email_key), name = coalesce($4, name)
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

/// Returns the newest secret for signing tokens. If there is none, stores and returns `fresh`.
pub async fn signing_key(
    conn: &mut SqliteConnection,
    fresh: [u8; 32],
    now: Timestamp,
) -> sqlx::Result<Vec<u8>> {
    let stored = sqlx::query_scalar("select secret from signing_keys order by id desc limit 1")
        .fetch_optional(&mut *conn);
    if let Some(secret) = stored.await? {
        return Ok(secret);
    }
    sqlx::query("insert into signing_keys (secret, created_at) values ($1, $2)")
        .bind(fresh.as_slice())
        .bind(db::to_column(now))
        .execute(conn)
        .await?;
    Ok(fresh.to_vec())
}

fn account(row: &SqliteRow) -> sqlx::Result<Account> {
    let role = if row.try_get::<&str, _>("role")? == "staff" { Role::Staff } else { Role::Customer };
    let user = User {
        id: UserId(db::uuid(row, "id")?),
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role,
        created_at: db::timestamp(row, "created_at")?,
    };
    Ok(Account { user, password_hash: row.try_get("password_hash")? })
}

/// Maps the violation of a unique constraint: `email_key` is the only unique column that a client chooses.
fn email_taken(error: sqlx::Error) -> Error {
    let unique = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if unique { Error::EmailTaken } else { error.into() }
}
