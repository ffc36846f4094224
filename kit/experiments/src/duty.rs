//! Who does it: the duties that some stages have a service for, and the process that has them in each stage.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use stage::{
    Manifest, Status,
    manifest::{NATS, PAYMENTS},
};

/// To whom a fault is done, whatever the stage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// Who answers for `/users`.
    Users,
    /// Who answers for `/products`.
    Products,
    /// Who answers for `/orders`.
    Orders,
    /// Who listens to clients.
    Gateway,
    /// The NATS server.
    Nats,
    /// The payment provider.
    Provider,
    /// The whole shop at once: every service, and the NATS server. The provider is a third party.
    Everything,
}

const ALL: [(Target, &str); 7] = [
    (Target::Users, "users"),
    (Target::Products, "products"),
    (Target::Orders, "orders"),
    (Target::Gateway, "gateway"),
    (Target::Nats, NATS),
    (Target::Provider, "provider"),
    (Target::Everything, "everything"),
];

impl Target {
    /// The services of a stage that a fault is done to: one, but for `everything`. Empty where nobody has that duty.
    pub fn services(self, stage: &Status) -> Vec<String> {
        if self != Self::Everything {
            return self.service(stage).into_iter().collect();
        }
        let services = stage.processes.iter().map(|process| process.service.clone());
        let mut all: Vec<_> = services.filter(|service| service != PAYMENTS).collect();
        all.dedup(); // instances stand together
        all
    }

    /// The service of a stage that does it: the one of that name, else the one that clients are sent to for it. None where
    /// nobody does: a stage without messages has no NATS server to lose.
    fn service(self, stage: &Status) -> Option<String> {
        let has = |name: &str| stage.processes.iter().any(|process| process.service == name);
        let name = self.name();
        match self {
            Self::Provider => has(PAYMENTS).then(|| PAYMENTS.to_owned()),
            _ if has(name) => Some(name.to_owned()),
            Self::Nats | Self::Everything => None,
            Self::Gateway => of_route(stage, "/"),
            Self::Users | Self::Products | Self::Orders => of_route(stage, &format!("/{name}")),
        }
    }

    /// Whether it is a duty of the shop's own, which services share out among them.
    pub fn is_service(self) -> bool {
        matches!(self, Self::Users | Self::Products | Self::Orders | Self::Gateway)
    }

    /// The service of a manifest that does it, found as in a running stage. None for what is no service.
    pub fn in_manifest(self, manifest: &Manifest) -> Option<&str> {
        let services = || manifest.processes.iter();
        let path = if self == Self::Gateway { "/".to_owned() } else { format!("/{}", self.name()) };
        let covers = |route: &&String| *route == "/" || **route == path;
        let named = services().find(|process| process.service == self.name());
        let of_route = || {
            let routes =
                services().flat_map(|process| process.routes.iter().map(move |route| (route, process)));
            let longest = routes.filter(|(route, _)| covers(route)).max_by_key(|(route, _)| route.len());
            longest.map(|(_, process)| process)
        };
        named.or_else(of_route).filter(|_| self.is_service()).map(|process| process.service.as_str())
    }

    fn name(self) -> &'static str {
        ALL.iter().find(|(target, _)| *target == self).map_or("", |(_, name)| name)
    }
}

/// The service at the address that answers for a path.
fn of_route(stage: &Status, path: &str) -> Option<String> {
    Some(stage.service_at(stage.base_url(path)?)?.to_owned())
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = ALL.iter().find(|(_, name)| *name == text);
        found.map(|(target, _)| *target).ok_or_else(|| {
            let there: Vec<_> = ALL.iter().map(|(_, name)| *name).collect();
            format!("nobody has the duty {text:?}; a fault is done to one of {}", there.join(", "))
        })
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.name().to_owned()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        ALL.iter().map(|(target, _)| target.services(stage).join(", ")).collect()
    }

    #[test]
    fn in_a_monolith_one_process_has_every_duty_but_those_nobody_has() {
        let monolith = stage(&[("/", "shop")], &["shop", "payments"]);
        assert_eq!(services(&monolith), ["shop", "shop", "shop", "shop", "", "payments", "shop"]);
    }

    #[test]
    fn while_services_move_out_the_routes_say_who_does_what() {
        let strangled =
            stage(&[("/", "shop"), ("/users", "users"), ("/sessions", "users")], &["shop", "users"]);
        assert_eq!(Target::Users.services(&strangled), ["users"]);
        assert_eq!(Target::Orders.services(&strangled), ["shop"]);
    }

    #[test]
    fn behind_a_gateway_the_names_say_who_does_what() {
        let all = ["gateway", "users", "products", "orders", "nats"];
        let behind = stage(&[("/", "gateway")], &all);
        assert_eq!(Target::Orders.services(&behind), ["orders"]);
        assert_eq!(Target::Nats.services(&behind), ["nats"]);
    }

    #[test]
    fn everything_is_each_service_once_and_nats_and_not_the_provider() {
        let scaled = stage(&[("/", "shop")], &["nats", "gateway", "products", "products", "payments"]);
        assert_eq!(Target::Everything.services(&scaled), ["nats", "gateway", "products"]);
        assert_eq!(Target::Products.services(&scaled), ["products"]);
    }

    #[test]
    fn an_unknown_duty_is_refused_with_those_there_are() {
        assert!(
            "shop"
                .parse::<Target>()
                .unwrap_err()
                .contains("users, products, orders, gateway, nats, provider, everything")
        );
    }
}
