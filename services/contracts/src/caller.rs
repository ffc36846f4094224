//! Who makes a request, as a verified token says it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
        })
    }
}

/// A name that no role has.
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0:?}")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "customer" => Ok(Self::Customer),
            "staff" => Ok(Self::Staff),
            _ => Err(UnknownRole(text.to_owned())),
        }
    }
}

/// The account behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
