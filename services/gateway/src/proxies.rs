//! The address of a client: the other end of its connection, or what a trusted proxy reports.

use std::net::{AddrParseError, IpAddr, SocketAddr};

use axum::http::HeaderMap;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

/// The proxies in front of the gateway. Without any, a header that names a client is not believed, because every client can
/// send one.
#[derive(Clone, Debug, Default, Args)]
pub struct TrustedProxies {
    /// The networks or addresses of the proxies that report the address of a client, separated by commas:
    /// `192.0.2.10,2001:db8::/32`.
    #[arg(long = "trusted-proxies", env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = parse_network)]
    networks: Vec<IpNet>,

    /// The header in which they report it.
    #[arg(long = "proxy-header", env = "PROXY_HEADER", default_value = "x-forwarded-for")]
    header: ProxyHeader,
}

/// A header to which each proxy on the way appends the address from which it received the request.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ProxyHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl TrustedProxies {
    /// The address of the client that sent a request over a connection from `peer`.
    ///
    /// The reports are read from the last one backwards, for as long as the address that made the report is trusted. What
    /// precedes them may be an invention of the client.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        // On a socket for IPv6 and IPv4, an IPv4 address arrives as `::ffff:192.0.2.1`.
        let mut client = peer.to_canonical();
        if self.trusts(client) {
            for reported in self.reports(headers) {
                let Some(reported) = reported else { break };
                client = reported;
                if !self.trusts(client) {
                    break;
                }
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The reported addresses, the last one first. None for a report that contains no address.
    fn reports(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, parse): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ProxyHeader::XForwardedFor => ("x-forwarded-for", parse_node),
            ProxyHeader::Forwarded => ("forwarded", parse_forwarded),
        };
        let mut reports = Vec::new();
        for value in headers.get_all(name).iter().rev() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let mut is_quoted = false;
            let elements = value.rsplit(|character| {
                is_quoted ^= character == '"';
                character == ',' && !is_quoted
            });
            reports.extend(elements.map(parse));
        }
        reports
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
    network.map_err(|_: AddrParseError| "must be a network like 10.0.0.0/8, or an address".to_owned())
}

/// Parses one element of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`.
fn parse_forwarded(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    parse_node(pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?.1)
}

/// Parses an IPv4 or IPv6 address, which may be followed by a port.
fn parse_node(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let address = match node.parse::<SocketAddr>() {
        Ok(with_port) => with_port.ip(),
        Err(_) => node.trim_start_matches('[').trim_end_matches(']').parse().ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(header: ProxyHeader, peer: &str, values: &[&'static str]) -> String {
        let networks = ["192.0.2.0/24", "2001:db8::1"].map(|network| parse_network(network).unwrap());
        let name = match header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let proxies = TrustedProxies { networks: networks.to_vec(), header };
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn an_ipv4_address_on_an_ipv6_socket_is_the_ipv4_address() {
        let nobody = TrustedProxies::default();
        let client = nobody.client("::ffff:198.51.100.1".parse().unwrap(), &HeaderMap::new());
        assert_eq!(client.to_string(), "198.51.100.1");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let client = |peer| client(ProxyHeader::XForwardedFor, peer, &["203.0.113.7"]);
        assert_eq!(client("198.51.100.1"), "198.51.100.1");
        for trusted in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"] {
            assert_eq!(client(trusted), "203.0.113.7", "{trusted}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_proxy() {
        let client = |values: &[&'static str]| client(ProxyHeader::XForwardedFor, "192.0.2.1", values);
        assert_eq!(client(&[]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(&["10.0.0.1,203.0.113.7:4711 , 192.0.2.9"]), "203.0.113.7");
        assert_eq!(client(&["10.0.0.1", "203.0.113.7", "192.0.2.9"]), "203.0.113.7");
        assert_eq!(client(&["2001:db8::7"]), "2001:db8::7");
        assert_eq!(client(&["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client(&["192.0.2.8, 192.0.2.9"]), "192.0.2.8", "every address is a proxy");
    }

    #[test]
    fn an_invented_report_before_the_last_one_changes_nothing() {
        let client = |header, value| client(header, "192.0.2.1", &[value]);
        for value in
            ["\"10.0.0.1, 203.0.113.7", "\u{e9}, 203.0.113.7", ",,203.0.113.7", "unknown,203.0.113.7"]
        {
            assert_eq!(client(ProxyHeader::XForwardedFor, value), "203.0.113.7", "{value}");
        }
        for value in
            ["for=\"10.0.0.1, for=203.0.113.7", "=;=,For=203.0.113.7", "for=10.0.0.1,by=x;for=203.0.113.7"]
        {
            assert_eq!(client(ProxyHeader::Forwarded, value), "203.0.113.7", "{value}");
        }
    }

    #[test]
    fn a_report_without_an_address_counts_as_the_proxy_that_made_it() {
        for (header, values) in [
            (ProxyHeader::XForwardedFor, ["unknown", "10.0.0.1, ", "10.0.0.1, 300.1.1.1"]),
            (
                ProxyHeader::Forwarded,
                ["for=_hidden", "for=10.0.0.1, proto=https", "for=10.0.0.1, for=unknown"],
            ),
        ] {
            for value in values {
                assert_eq!(client(header, "192.0.2.1", &[value]), "192.0.2.1", "{value}");
            }
        }
    }

    #[test]
    fn both_headers_can_be_read() {
        let client = |value| client(ProxyHeader::Forwarded, "192.0.2.1", &[value]);
        assert_eq!(client("for=10.0.0.1, FOR=203.0.113.7;proto=https;by=192.0.2.9"), "203.0.113.7");
        assert_eq!(client("proto=https;for=\"[2001:db8::7]:4711\""), "2001:db8::7");
        assert_eq!(client("for=\"203.0.113.7:4711\";by=\"_a,b\", for=192.0.2.9"), "203.0.113.7");
    }
}
