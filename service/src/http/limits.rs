//! How much one address may ask for, and what every answer has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    HeaderName, HeaderValue, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::Extension;
use rand_core::{OsRng, RngCore};
use tokio::time::timeout;
use tracing::debug;

use crate::metrics::{self as names, Metrics};
use crate::stop::lock;

/// Addresses that are remembered. When there are more, those that have been quiet are forgotten.
const MOST: usize = 10_000;

/// The longest time for an answer, a slow body included.
const ANSWER: Duration = Duration::from_secs(15);

/// Nothing is loaded from elsewhere, and no other page may frame this one.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What each address may still ask for.
#[derive(Debug)]
pub struct Buckets {
    /// Requests a second.
    rate: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Buckets {
    /// So many a second for long, and so many at once.
    pub fn new(requests_a_second: u32, burst: u32) -> Self {
        Buckets {
            rate: f64::from(requests_a_second),
            burst: f64::from(burst),
            buckets: Mutex::default(),
        }
    }

    /// Whether one more may be asked for.
    pub fn take(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= MOST {
            let full = Duration::from_secs_f64(self.burst / self.rate);
            buckets.retain(|_, (_, last)| now.saturating_duration_since(*last) < full);
        }
        // As many strangers at once are one.
        let address = match buckets.len() < MOST {
            true => network(address),
            false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let (left, last) = buckets.entry(address).or_insert((self.burst, now));
        let grown = now.saturating_duration_since(*last).as_secs_f64() * self.rate;
        *left = (*left + grown).min(self.burst);
        *last = now;
        let may = *left >= 1.0;
        if may {
            *left -= 1.0;
        }
        may
    }
}

/// Who has one address of version 6 has as many as end in other 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        },
    }
}

/// What is around every request.
#[derive(Clone, Debug)]
pub struct Around {
    /// What each address may ask for.
    pub buckets: Arc<Buckets>,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
}

/// Gives each request an id, bounds what its address may ask for and its time, counts and logs it.
pub async fn around(
    State(around): State<Around>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let begun = Instant::now();
    // The caller's own would be theirs to choose, in our log.
    let id = format!("{:016x}", OsRng.next_u64());
    let route = request.extensions().get::<MatchedPath>();
    // A path of the caller's own would be a label, and a line, of theirs.
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let is_limited = !matches!(&*route, "/healthz" | "/readyz");
    let mut response = if is_limited && !around.buckets.take(peer, begun) {
        around.metrics.counter(&names::LIMITED, &[]).increment(1);
        let later = [(RETRY_AFTER, HeaderValue::from_static("1"))];
        (StatusCode::TOO_MANY_REQUESTS, later, "too many requests\n").into_response()
    } else {
        match timeout(ANSWER, next.run(request)).await {
            Ok(response) => response,
            Err(_) => (StatusCode::REQUEST_TIMEOUT, "too slow\n").into_response(),
        }
    };
    let status = response.status();
    around
        .metrics
        .counter(&names::REQUESTS, &[&route, status.as_str()])
        .increment(1);
    let milliseconds = begun.elapsed().as_millis() as u64;
    debug!(request = %id, %peer, %method, route, status = status.as_u16(), milliseconds, "answered");
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_burst_and_then_its_rate() {
        let buckets = Buckets::new(2, 3);
        let [one, other] =
            ["10.0.0.1", "::ffff:10.0.0.2"].map(|text| text.parse().expect("an address"));
        let begun = Instant::now();
        let taken = |address, now| (0..10).filter(|_| buckets.take(address, now)).count();
        assert_eq!(taken(one, begun), 3);
        assert_eq!(taken(other, begun), 3);
        assert_eq!(taken(one, begun + Duration::from_secs(1)), 2);
        assert_eq!(taken(one, begun + Duration::from_secs(100)), 3);
        // A clock that goes back gives nothing.
        assert_eq!(taken(one, begun), 0);
    }

    #[test]
    fn a_network_of_version_6_is_one_address() {
        let buckets = Buckets::new(1, 1);
        let now = Instant::now();
        let take = |text: &str| buckets.take(text.parse().expect("an address"), now);
        assert!(take("2001:db8::1") && !take("2001:db8::2") && take("2001:db8:0:1::1"));
        assert!(take("10.0.0.1") && !take("::ffff:10.0.0.1"));
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let buckets = Buckets::new(1, 5);
        let now = Instant::now();
        for number in 0..2 * MOST as u32 {
            buckets.take(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(lock(&buckets.buckets).len() <= MOST + 1);
        let later = now + Duration::from_secs(10);
        assert!(buckets.take(IpAddr::from([1, 2, 3, 4]), later));
        assert_eq!(lock(&buckets.buckets).len(), 1);
    }
}
