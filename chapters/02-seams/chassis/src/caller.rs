//! Who makes a request, as a verified token says it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Buys.
    Customer,
    /// Runs the shop: products, stock, shipping, everybody's orders.
    Staff,
}

/// The account behind a request.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whose token it was.
    pub id: UserId,
    /// What the token allows.
    pub role: Role,
}

impl Caller {
    /// Whether the caller runs the shop.
    pub fn is_staff(self) -> bool {
        self.role == Role::Staff
    }
}
