//! The links of a process: a proxy between it and each thing that is not its own, so that a fault can be done to the way
//! there. Only where they were asked for, since each costs a hop.

use std::io;

use proxy::{Link, State};

use crate::process::Spec;

/// Settings that say where something is that is not the process's own.
const ADDRESSES: [&str; 2] = ["NATS_URL", "PAYMENTS_URL"];

/// The links of one process. None: they were not asked for, or it talks to nobody.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<Link>);

impl Links {
    /// Puts a proxy before each address in the settings of a process.
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

    pub(crate) fn are_there(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn are_well(&self) -> bool {
        self.0.iter().all(|link| link.state() == State::Well)
    }

    pub(crate) fn set(&self, state: State) {
        for link in &self.0 {
            link.set(state);
        }
    }
}
