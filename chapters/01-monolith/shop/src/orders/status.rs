//! The statuses of an order, and the reasons for a rejection or cancellation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::products::Refused;

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Placed; it is not known yet whether its stock can be held.
    Pending,
    /// Its stock could not be held. Final.
    Rejected,
    /// Its stock is held until it is paid or expires.
    AwaitingPayment,
    /// A payment is in progress; its outcome is not known yet.
    Paying,
    /// Paid, and its stock is sold.
    Paid,
    /// The payment is being refunded.
    Refunding,
    /// Cancelled: no stock is held, and all money is refunded. Final.
    Cancelled,
    /// Sent to the customer.
    Shipped,
    /// Received by the customer. Final.
    Delivered,
}

use Status::{AwaitingPayment, Cancelled, Delivered, Paid, Paying, Pending, Refunding, Rejected, Shipped};

impl Status {
    /// All statuses.
    pub const ALL: [Self; 9] =
        [Pending, Rejected, AwaitingPayment, Paying, Paid, Refunding, Cancelled, Shipped, Delivered];

    /// Whether the status diagram has an arrow from this status to the next.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Pending, Rejected | AwaitingPayment | Cancelled)
                | (AwaitingPayment, Paying | Cancelled)
                | (Paying, Paid | AwaitingPayment)
                | (Paid, Shipped | Refunding)
                | (Refunding, Cancelled)
                | (Shipped, Delivered)
        )
    }

    /// The name in the API and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Pending => "pending",
            Rejected => "rejected",
            AwaitingPayment => "awaiting_payment",
            Paying => "paying",
            Paid => "paid",
            Refunding => "refunding",
            Cancelled => "cancelled",
            Shipped => "shipped",
            Delivered => "delivered",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a status or reason.
#[derive(Debug, thiserror::Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(String);

impl FromStr for Status {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// Why an order was rejected or cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not enough units were available.
    OutOfStock,
    /// The product does not exist.
    UnknownProduct,
    /// It was not paid in time.
    Expired,
    /// Its customer or staff cancelled it.
    CustomerRequest,
}

impl Reason {
    /// The name in the API and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::UnknownProduct => "unknown_product",
            Self::Expired => "expired",
            Self::CustomerRequest => "customer_request",
        }
    }
}

impl FromStr for Reason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::OutOfStock, Self::UnknownProduct, Self::Expired, Self::CustomerRequest]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::OutOfStock => Self::OutOfStock,
            Refused::UnknownProduct => Self::UnknownProduct,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_same_name_in_the_tables_and_in_the_api() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().unwrap(), status);
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("lost".parse::<Status>().is_err());
    }

    #[test]
    fn the_status_diagram_has_these_steps_and_no_others() {
        let steps = [
            (Pending, Rejected),
            (Pending, Cancelled),
            (Pending, AwaitingPayment),
            (AwaitingPayment, Paying),
            (AwaitingPayment, Cancelled),
            (Paying, AwaitingPayment),
            (Paying, Paid),
            (Paid, Refunding),
            (Paid, Shipped),
            (Refunding, Cancelled),
            (Shipped, Delivered),
        ];
        for from in Status::ALL {
            for to in Status::ALL {
                assert_eq!(from.may_become(to), steps.contains(&(from, to)), "{from} to {to}");
            }
        }
    }
}
