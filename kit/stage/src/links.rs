//! The links of a process: a fault proxy in front of NATS and one in front of the payment provider. A stage has them only when it
//! is started with `--faults`, because each costs one hop.

use std::io;

use proxy::{Link, State};

use crate::process::Spec;

/// Settings with the address of another process.
const ADDRESSES: [&str; 2] = ["NATS_URL", "PAYMENTS_URL"];

/// Whether a process connects to NATS or to the payment provider.
pub(crate) fn connects(spec: &Spec) -> bool {
    ADDRESSES.iter().any(|name| spec.settings.contains_key(*name))
}

/// The links of one process. Empty without `--faults`, and for a process without such a setting.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<Link>);

impl Links {
    /// Opens a proxy for each address in the settings of a process, and replaces the address by the one of the proxy.
    pub(crate) async fn open(spec: &mut Spec) -> io::Result<Self> {
        let mut links = Vec::new();
        for name in ADDRESSES {
            let url = spec.settings.get(name).and_then(|url| url.to_str());
            let Some((scheme, address)) = url.and_then(|url| url.split_once("://")) else { continue };
            let link = Link::open(address.to_owned()).await?;
            let url = format!("{scheme}://{}", link.address());
            spec.settings.insert(name.to_owned(), url.into());
            links.push(link);
        }
        Ok(Self(links))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn are_healthy(&self) -> bool {
        self.0.iter().all(|link| link.state() == State::Healthy)
    }

    pub(crate) fn set(&self, state: State) {
        for link in &self.0 {
            link.set(state);
        }
    }
}
