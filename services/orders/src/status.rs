//! Where an order can be in its life, and why it can end early.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Refused;

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It exists; whether its stock can be held is not known yet.
    Pending,
    /// Its stock could not be held. The end.
    Rejected,
    /// Its stock is held, until it is paid or expires.
    AwaitingPayment,
    /// The payment provider has been asked and has not answered.
    Paying,
    /// It is paid, and its stock is sold.
    Paid,
    /// Its money is on the way back.
    Refunding,
    /// It will not be; nothing is held and nothing is owed. The end.
    Cancelled,
    /// It is on its way.
    Shipped,
    /// It has arrived. The end.
    Delivered,
}

use Status::{AwaitingPayment, Cancelled, Delivered, Paid, Paying, Pending, Refunding, Rejected, Shipped};

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] =
        [Pending, Rejected, AwaitingPayment, Paying, Paid, Refunding, Cancelled, Shipped, Delivered];

    /// The diagram of an order's life, as a table.
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

    /// Its name, in the API and in the tables.
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

/// A name that no status or reason has.
#[derive(Debug, thiserror::Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(pub(super) String);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Less was available than ordered.
    OutOfStock,
    /// There is no such product.
    UnknownProduct,
    /// It was not paid in time.
    Expired,
    /// Its customer, or staff, wanted so.
    CustomerRequest,
    /// Nobody said in time whether its stock is held.
    TimedOut,
}

impl Reason {
    /// Its name, in the API and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::UnknownProduct => "unknown_product",
            Self::Expired => "expired",
            Self::CustomerRequest => "customer_request",
            Self::TimedOut => "timed_out",
        }
    }
}

impl FromStr for Reason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::OutOfStock, Self::UnknownProduct, Self::Expired, Self::CustomerRequest, Self::TimedOut]
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
    fn every_name_of_a_status_is_read_back_and_is_the_one_of_the_api() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().unwrap(), status);
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("lost".parse::<Status>().is_err());
    }

    #[test]
    fn an_orders_life_has_these_steps_and_no_others() {
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
