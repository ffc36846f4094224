//! Which address answers for which path: one line for the monolith, several while services move out.

use std::collections::BTreeMap;

use reqwest::Url;
use thiserror::Error;

/// The routes of a stage: a path prefix each, and the base URL that answers for it.
#[derive(Debug, Clone)]
pub struct Routes(Vec<(String, String)>);

/// A route that leads nowhere.
#[derive(Debug, Error)]
#[error("route `{prefix}` has the address `{base}`: a prefix starts with /, an address with http://")]
pub struct BadRoute {
    prefix: String,
    base: String,
}

impl Routes {
    /// The base URL for `path` (a query may follow): that of the longest prefix, on whole segments.
    pub fn base(&self, path: &str) -> Option<&str> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let (_, base) = self.0.iter().find(|(prefix, _)| covers(prefix, path))?;
        Some(base)
    }
}

impl TryFrom<&BTreeMap<String, String>> for Routes {
    type Error = BadRoute;

    fn try_from(routes: &BTreeMap<String, String>) -> Result<Self, BadRoute> {
        let mut longest_first = Vec::new();
        for (prefix, base) in routes {
            if !prefix.starts_with('/') || !Url::parse(base).is_ok_and(|url| url.scheme() == "http") {
                return Err(BadRoute { prefix: prefix.clone(), base: base.clone() });
            }
            let bare = |text: &str| text.trim_end_matches('/').to_owned();
            longest_first.push((bare(prefix), bare(base)));
        }
        longest_first.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(Self(longest_first))
    }
}

fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(table: &[(&str, &str)]) -> Result<Routes, BadRoute> {
        let table: BTreeMap<_, _> = table.iter().map(|(p, b)| ((*p).to_owned(), (*b).to_owned())).collect();
        Routes::try_from(&table)
    }

    #[test]
    fn the_longest_prefix_wins() {
        let routes =
            routes(&[("/", "http://a"), ("/users", "http://b/"), ("/users/me/password", "http://c")])
                .unwrap();
        assert_eq!(routes.base("/orders"), Some("http://a"));
        assert_eq!(routes.base("/users/me"), Some("http://b"));
        assert_eq!(routes.base("/users/me/password"), Some("http://c"));
    }

    #[test]
    fn a_prefix_covers_whole_segments_only() {
        let routes = routes(&[("/", "http://a"), ("/users", "http://b")]).unwrap();
        assert_eq!(routes.base("/usersuffix"), Some("http://a"));
        assert_eq!(routes.base("/users?x=/orders"), Some("http://b"));
    }

    #[test]
    fn a_path_without_a_route_has_no_address() {
        assert_eq!(routes(&[("/users", "http://b")]).unwrap().base("/orders"), None);
    }

    #[test]
    fn a_route_that_leads_nowhere_is_named() {
        let error = routes(&[("/users", "localhost")]).unwrap_err().to_string();
        assert!(error.contains("/users") && error.contains("localhost"), "{error}");
        assert!(routes(&[("users", "http://a")]).is_err());
    }
}
