//! Where a broker is.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The port that NATS has unless it is told another one.
const PORT: u16 = 4222;

/// A broker's address: `nats://HOST:PORT`, or `tls://HOST:PORT` where nothing but TLS will do. It
/// holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    encrypted: bool,
    host: Host<String>,
    port: u16,
}

/// Why text is no broker's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerUrlError {
    /// It has another form.
    #[error("not the address of a broker: nats://HOST:PORT or tls://HOST:PORT")]
    Form,
    /// It names a user or a password, which others would see among the processes.
    #[error("the address of a broker holds no user and no password: they belong into a file of credentials")]
    UserInfo,
}

impl BrokerUrl {
    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }

    /// Whether it is spoken to in TLS alone.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encrypted { "tls" } else { "nats" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl FromStr for BrokerUrl {
    type Err = BrokerUrlError;

    fn from_str(text: &str) -> Result<Self, BrokerUrlError> {
        // Before anything else, so that no other error shows it.
        if text.contains('@') {
            return Err(BrokerUrlError::UserInfo);
        }
        let url = Url::parse(text).map_err(|_| BrokerUrlError::Form)?;
        let encrypted = match url.scheme() {
            "nats" => false,
            "tls" => true,
            _ => return Err(BrokerUrlError::Form),
        };
        let bare = matches!(url.path(), "" | "/") && url.query().is_none();
        let host = url.host().filter(|_| bare && url.fragment().is_none());
        let host = match host.ok_or(BrokerUrlError::Form)? {
            // Of other schemes than those of the web, hosts are text.
            Host::Domain(name) if name.bytes().all(in_name) => {
                Host::parse(name).map_err(|_| BrokerUrlError::Form)?
            }
            Host::Domain(_) => return Err(BrokerUrlError::Form),
            other => other.to_owned(),
        };
        Ok(BrokerUrl {
            encrypted,
            host,
            port: url.port().unwrap_or(PORT),
        })
    }
}

/// What names of machines consist of. A comma would make a list of them.
fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BrokerUrl {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_a_port_and_says_if_it_is_encrypted() {
        assert_eq!(url("nats://broker").to_string(), "nats://broker:4222");
        assert_eq!(url("tls://a.example:1/").to_string(), "tls://a.example:1");
        assert_eq!(url("nats://[::1]:5").to_string(), "nats://[::1]:5");
        assert!(url("tls://broker").is_encrypted());
        assert!(!url("nats://broker").is_encrypted());
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for local in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.0.1", "[::1]"] {
            assert!(
                url(&format!("nats://{local}:4222")).is_loopback(),
                "{local}"
            );
        }
        for far in [
            "broker",
            "10.0.0.1",
            "[2001:db8::1]",
            "localhost.example",
            "0.0.0.0",
        ] {
            assert!(!url(&format!("nats://{far}:4222")).is_loopback(), "{far}");
        }
    }

    #[test]
    fn passwords_are_refused_and_not_repeated() {
        for text in [
            "nats://user:pass@broker",
            "tls://token@broker:1",
            "user:pass@broker",
        ] {
            let error = text.parse::<BrokerUrl>().expect_err("a password");
            assert_eq!(error, BrokerUrlError::UserInfo);
            assert!(error.to_string().contains("file of credentials"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let texts = [
            "",
            "broker",
            "broker:4222",
            "http://broker",
            "ws://broker",
            "nats://",
            "nats:broker",
            "nats://broker/path",
            "nats://broker?x=1",
            "nats://broker#x",
            "nats://broker:99999",
            "nats://a,b",
            "nats://a b",
        ];
        for text in texts {
            assert_eq!(
                text.parse::<BrokerUrl>(),
                Err(BrokerUrlError::Form),
                "{text}"
            );
        }
    }
}
