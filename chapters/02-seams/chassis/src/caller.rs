//! The caller of a request, according to its verified token.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

/// The role of an account, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Places and pays for orders.
    Customer,
    /// Manages products, stock, shipping and the orders of all customers.
    Staff,
}

/// The account that sent a request.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The id of the account.
    pub id: UserId,
    /// The role in the token.
    pub role: Role,
}

impl Caller {
    /// Whether the caller has the staff role.
    pub fn is_staff(self) -> bool {
        self.role == Role::Staff
    }
}
