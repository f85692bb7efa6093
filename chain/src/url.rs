//! Where a node is. The address may hold an API key, so it is never shown whole.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ::url::{Host, Url};

/// A node's HTTP address. Shown as scheme, host and port; user name, password, path and query,
/// where providers put their keys, stay hidden.
#[derive(Clone, PartialEq, Eq)]
pub struct RpcUrl(Url);

/// Why a text is no node's address. The text itself is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("not a URL; it looks like https://host/path or http://127.0.0.1:8545")]
    Malformed,
    /// Another scheme than http and https.
    #[error("the scheme is neither http nor https")]
    Scheme,
}

impl RpcUrl {
    /// Nothing but scheme, host and port: there is no place for a secret.
    pub fn is_bare(&self) -> bool {
        let url = &self.0;
        url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    }

    /// The node runs on this machine.
    pub fn is_local(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        }
    }

    /// All of it, for the transport alone: it must not be shown.
    pub fn whole(&self) -> Url {
        self.0.clone()
    }
}

impl FromStr for RpcUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text.trim()).map_err(|_| UrlError::Malformed)?;
        match (url.scheme(), url.has_host()) {
            ("http" | "https", true) => Ok(RpcUrl(url)),
            ("http" | "https", false) => Err(UrlError::Malformed),
            _ => Err(UrlError::Scheme),
        }
    }
}

impl fmt::Display for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.0.scheme())?;
        match self.0.host() {
            Some(host) => write!(f, "{host}")?,
            None => write!(f, "?")?,
        }
        match self.0.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpcUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RpcUrl {
        text.parse().expect("URL")
    }

    #[test]
    fn only_scheme_host_and_port_show() {
        let secret = url("https://user:hunter2@node.example:8443/v2/hunter2?key=hunter2#hunter2");
        assert_eq!(secret.to_string(), "https://node.example:8443");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(url("http://[::1]:8545").to_string(), "http://[::1]:8545");
        assert!(secret.whole().as_str().contains("/v2/hunter2"));
    }

    #[test]
    fn places_for_secrets() {
        for bare in ["http://localhost:8545", "https://node.example/"] {
            assert!(url(bare).is_bare(), "{bare}");
        }
        for other in [
            "https://node.example/v2/key",
            "https://key@node.example",
            "https://:key@node.example",
            "https://node.example/?key",
            "https://node.example/#key",
        ] {
            assert!(!url(other).is_bare(), "{other}");
        }
    }

    #[test]
    fn local_nodes() {
        for local in ["http://localhost", "http://127.0.0.2:1", "http://[::1]"] {
            assert!(url(local).is_local(), "{local}");
        }
        for remote in ["http://10.0.0.1", "http://localhost.example"] {
            assert!(!url(remote).is_local(), "{remote}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_shown() {
        for (text, error) in [
            ("", UrlError::Malformed),
            ("node/hunter2", UrlError::Malformed),
            ("http://", UrlError::Malformed),
            ("ws://node/hunter2", UrlError::Scheme),
            ("file:///hunter2", UrlError::Scheme),
        ] {
            assert_eq!(text.parse::<RpcUrl>(), Err(error), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
