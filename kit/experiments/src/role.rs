//! The roles that processes play, whatever a stage consists of. A process may play several: that of chapter 1 plays all.

use std::fmt;

use serde::{Deserialize, Serialize};
use stage::{
    Manifest, Status,
    manifest::{NATS, PAYMENTS},
};

/// The target of a fault, by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The process that serves `/users`.
    Users,
    /// The process that serves `/products`.
    Products,
    /// The process that serves `/orders`.
    Orders,
    /// The process that clients connect to.
    Gateway,
    /// The NATS server.
    Nats,
    /// The payment provider.
    Provider,
    /// The whole shop at once: every service and the NATS server, but not the provider, which is a third party.
    Everything,
}

impl Target {
    /// The services of a stage that the target consists of: one, or all for `everything`. Empty if no process of this stage
    /// has the role.
    pub fn services(self, stage: &Status) -> Vec<String> {
        if self != Self::Everything {
            return self.service(stage).into_iter().collect();
        }
        let services = stage.processes.iter().map(|process| process.service.clone());
        let mut all: Vec<_> = services.filter(|service| service != PAYMENTS).collect();
        all.dedup(); // the instances of a service follow each other
        all
    }

    /// The service of that name, or else the one that clients use for it. None if there is neither: a stage without messages
    /// has no NATS server.
    fn service(self, stage: &Status) -> Option<String> {
        let exists = |name: &str| stage.processes.iter().any(|process| process.service == name);
        let name = self.to_string();
        match self {
            Self::Provider => exists(PAYMENTS).then(|| PAYMENTS.to_owned()),
            Self::Nats => exists(NATS).then(|| NATS.to_owned()),
            Self::Everything => None,
            _ if exists(&name) => Some(name),
            Self::Gateway => serving(stage, "/"),
            Self::Users | Self::Products | Self::Orders => serving(stage, &format!("/{name}")),
        }
    }

    /// Whether it is one of the shop's services.
    pub fn is_service(self) -> bool {
        matches!(self, Self::Users | Self::Products | Self::Orders | Self::Gateway)
    }

    /// The service of a manifest with this role, found as in a running stage. None for what is not one of the shop's
    /// services.
    pub fn in_manifest(self, manifest: &Manifest) -> Option<&str> {
        let services = || manifest.processes.iter();
        let name = self.to_string();
        let path = if self == Self::Gateway { "/".to_owned() } else { format!("/{name}") };
        let covers = |route: &&String| *route == "/" || **route == path;
        let named = services().find(|process| process.service == name);
        let serving = || {
            let routes =
                services().flat_map(|process| process.routes.iter().map(move |route| (route, process)));
            let longest = routes.filter(|(route, _)| covers(route)).max_by_key(|(route, _)| route.len());
            longest.map(|(_, process)| process)
        };
        named.or_else(serving).filter(|_| self.is_service()).map(|process| process.service.as_str())
    }
}

/// The service that serves a path.
fn serving(stage: &Status, path: &str) -> Option<String> {
    Some(stage.service_at(stage.base_url(path)?)?.to_owned())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f) // the name in experiment files
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALL: [Target; 7] = [
        Target::Users,
        Target::Products,
        Target::Orders,
        Target::Gateway,
        Target::Nats,
        Target::Provider,
        Target::Everything,
    ];

    fn stage(routes: &[(&str, &str)], services: &[&str]) -> Status {
        let address = |service: &str| format!("http://{service}");
        let process = |service: &&str| json!({ "service": service, "instance": 1, "pid": 1, "state": "running", "address": address(service), "log": "" });
        serde_json::from_value(json!({
            "chapter": 1,
            "workspace": "",
            "routes": routes.iter().map(|(path, service)| ((*path).to_owned(), json!(address(service)))).collect::<serde_json::Map<_, _>>(),
            "staff": { "email": "", "password": "" },
            "payments": null,
            "nats": null,
            "processes": services.iter().map(process).collect::<Vec<_>>(),
            "databases": [],
            "settings": {},
        }))
        .unwrap()
    }

    fn services(stage: &Status) -> Vec<String> {
        ALL.iter().map(|target| target.services(stage).join(", ")).collect()
    }

    #[test]
    fn the_process_of_a_monolith_plays_every_role_of_the_shop() {
        let monolith = stage(&[("/", "shop")], &["shop", "payments"]);
        assert_eq!(services(&monolith), ["shop", "shop", "shop", "shop", "", "payments", "shop"]);
    }

    #[test]
    fn while_services_move_out_of_the_monolith_the_routes_decide() {
        let strangled =
            stage(&[("/", "shop"), ("/users", "users"), ("/sessions", "users")], &["shop", "users"]);
        assert_eq!(Target::Users.services(&strangled), ["users"]);
        assert_eq!(Target::Orders.services(&strangled), ["shop"]);
    }

    #[test]
    fn behind_a_gateway_the_names_of_the_services_decide() {
        let all = ["gateway", "users", "products", "orders", "nats"];
        let behind = stage(&[("/", "gateway")], &all);
        assert_eq!(Target::Orders.services(&behind), ["orders"]);
        assert_eq!(Target::Nats.services(&behind), ["nats"]);
    }

    #[test]
    fn everything_is_each_service_once_and_nats_without_the_provider() {
        let scaled = stage(&[("/", "shop")], &["nats", "gateway", "products", "products", "payments"]);
        assert_eq!(Target::Everything.services(&scaled), ["nats", "gateway", "products"]);
        assert_eq!(Target::Products.services(&scaled), ["products"]);
    }
}
