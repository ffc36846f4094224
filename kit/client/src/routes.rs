//! Which base URL serves which path. The monolith has one route; a stage with several public services has one for each.

use std::collections::BTreeMap;

use reqwest::Url;
use thiserror::Error;

/// The routes of a stage. Each maps a path prefix to the base URL that serves it.
#[derive(Debug, Clone)]
pub struct Routes(Vec<(String, String)>);

/// A route with an invalid prefix or base URL.
#[derive(Debug, Error)]
#[error("invalid route `{prefix}` to `{base}`: a prefix starts with /, a base URL with http://")]
pub struct InvalidRoute {
    prefix: String,
    base: String,
}

impl Routes {
    /// The base URL for `path`, which may contain a query string. The longest prefix of whole segments wins.
    pub fn base(&self, path: &str) -> Option<&str> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let (_, base) = self.0.iter().find(|(prefix, _)| covers(prefix, path))?;
        Some(base)
    }
}

impl TryFrom<&BTreeMap<String, String>> for Routes {
    type Error = InvalidRoute;

    fn try_from(routes: &BTreeMap<String, String>) -> Result<Self, InvalidRoute> {
        let mut longest_first = Vec::new();
        for (prefix, base) in routes {
            if !prefix.starts_with('/') || !Url::parse(base).is_ok_and(|url| url.scheme() == "http") {
                return Err(InvalidRoute { prefix: prefix.clone(), base: base.clone() });
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

    fn routes(table: &[(&str, &str)]) -> Result<Routes, InvalidRoute> {
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
    fn a_path_without_a_route_has_no_base_url() {
        assert_eq!(routes(&[("/users", "http://b")]).unwrap().base("/orders"), None);
    }

    #[test]
    fn the_error_names_the_invalid_route() {
        let error = routes(&[("/users", "localhost")]).unwrap_err().to_string();
        assert!(error.contains("/users") && error.contains("localhost"), "{error}");
        assert!(routes(&[("users", "http://a")]).is_err());
    }
}
