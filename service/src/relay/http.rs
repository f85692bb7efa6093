//! What is asked of a relayer by HTTP. Any page may ask: nothing here depends on who does.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request as HttpRequest, State};
use axum::http::header::{HeaderValue, ACCESS_CONTROL_ALLOW_ORIGIN, RETRY_AFTER};
use axum::http::StatusCode;
use axum::middleware::{from_fn, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
use maci_nova_sdk::relay::document::{JoinDocument, Refusal, RefusalDocument, RelayDocument};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::intake::{Intake, Taken};
use crate::progress::now;

/// Bytes of a ballot: a message has some 1,200.
const BODY: usize = 256 << 10;

/// Proofs that wait to be verified. More are refused at once.
const VERIFYING: usize = 32;

/// Seconds after which what is refused for now may be asked for again.
const SOON: u32 = 5;

/// What is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub intakes: Arc<[Arc<Intake>]>,
    verifying: Arc<Semaphore>,
}

#[derive(Debug, Serialize)]
struct RelaysDocument {
    polls: Vec<RelayDocument>,
}

impl Counter {
    pub(crate) fn new(intakes: Arc<[Arc<Intake>]>) -> Self {
        Counter {
            intakes,
            verifying: Arc::new(Semaphore::new(VERIFYING)),
        }
    }

    fn find(&self, poll: &str) -> Result<Arc<Intake>, Refusal> {
        let poll: Address = poll.parse().map_err(|_| Refusal::NoPoll)?;
        let mut intakes = self.intakes.iter();
        let found = intakes.find(|intake| intake.address == poll);
        found.cloned().ok_or(Refusal::NoPoll)
    }

    /// Milliseconds of work, on another thread.
    async fn verify(
        &self,
        work: impl FnOnce() -> Result<(), Refusal> + Send + 'static,
    ) -> Result<(), Refusal> {
        let place = Arc::clone(&self.verifying).try_acquire_owned();
        let place = place.map_err(|_| Refusal::Busy)?;
        let verified = tokio::task::spawn_blocking(move || {
            let verified = work();
            drop(place);
            verified
        });
        verified.await.map_err(|_| Refusal::Busy)?
    }
}

pub(crate) fn router(counter: Counter) -> Router {
    Router::new()
        .route("/relay", get(relays))
        .route("/relay/{poll}", get(relay).post(take))
        .route("/relay/{poll}/joins", post(take_join))
        .route("/relay/{poll}/joins/{nullifier}", get(join))
        .route("/relay/{poll}/{ballot}", get(ballot))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(for_any_page))
        .with_state(counter)
}

async fn for_any_page(request: HttpRequest, next: Next) -> Response {
    let mut response = next.run(request).await;
    let any = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

fn status_of(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Form | Refusal::Size | Refusal::Repeated | Refusal::Proof => {
            StatusCode::BAD_REQUEST
        }
        Refusal::NoPoll | Refusal::Unknown => StatusCode::NOT_FOUND,
        Refusal::TooOld | Refusal::Day | Refusal::Used => StatusCode::CONFLICT,
        Refusal::Closed | Refusal::Fee | Refusal::NoJoins => StatusCode::FORBIDDEN,
        Refusal::UnknownBlock
        | Refusal::UnknownRoot
        | Refusal::Budget
        | Refusal::Full
        | Refusal::Busy
        | Refusal::Node
        | Refusal::Disk => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refuse(refusal: Refusal) -> Response {
    let document = Json(RefusalDocument::from(refusal));
    let mut response = (status_of(refusal), document).into_response();
    if refusal.is_for_now() {
        let soon = HeaderValue::from(SOON);
        response.headers_mut().insert(RETRY_AFTER, soon);
    }
    response
}

fn answer<T: Serialize>(found: Result<T, Refusal>) -> Response {
    match found {
        Ok(document) => Json(document).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

async fn relays(State(counter): State<Counter>) -> Response {
    let (intakes, now) = (counter.intakes.iter(), now());
    let polls = intakes.map(|intake| intake.document(now)).collect();
    Json(RelaysDocument { polls }).into_response()
}

async fn relay(State(counter): State<Counter>, Path(poll): Path<String>) -> Response {
    answer(counter.find(&poll).map(|intake| intake.document(now())))
}

async fn ballot(
    State(counter): State<Counter>,
    Path((poll, ballot)): Path<(String, String)>,
) -> Response {
    let find = || {
        let intake = counter.find(&poll)?;
        let ballot: B256 = ballot.parse().map_err(|_| Refusal::Unknown)?;
        intake.ballot(&ballot).ok_or(Refusal::Unknown)
    };
    answer(find())
}

async fn join(
    State(counter): State<Counter>,
    Path((poll, nullifier)): Path<(String, String)>,
) -> Response {
    let find = || {
        let intake = counter.find(&poll)?;
        let nullifier: U256 = nullifier.parse().map_err(|_| Refusal::Unknown)?;
        intake.join(&nullifier).ok_or(Refusal::Unknown)
    };
    answer(find())
}

/// Told as taken only once it is on disk.
async fn taken<T: Serialize>(intake: &Intake, outcome: Result<(T, Taken), Refusal>) -> Response {
    let settled = match outcome {
        Ok((document, taken)) => {
            let (name, status, written) = match taken {
                Taken::Now(written) => ("taken", StatusCode::ACCEPTED, written),
                Taken::Before(written) => ("again", StatusCode::OK, written),
            };
            match written.await {
                Ok(Ok(())) => Ok((name, status, document)),
                _ => Err(Refusal::Disk),
            }
        }
        Err(refusal) => Err(refusal),
    };
    match settled {
        Ok((name, status, document)) => {
            intake.count(name);
            (status, Json(document)).into_response()
        }
        Err(refusal) => {
            intake.count(refusal.name());
            refuse(refusal)
        }
    }
}

async fn take(State(counter): State<Counter>, Path(poll): Path<String>, body: Bytes) -> Response {
    let intake = match counter.find(&poll) {
        Ok(intake) => intake,
        Err(refusal) => return refuse(refusal),
    };
    let outcome = take_ballot(&counter, &intake, &body).await;
    taken(&intake, outcome).await
}

async fn take_ballot(
    counter: &Counter,
    intake: &Arc<Intake>,
    body: &[u8],
) -> Result<(impl Serialize, Taken), Refusal> {
    let formed = Arc::new(intake.form(body)?);
    // The same again, by whoever did not get the answer.
    if let Some(known) = intake.known(&formed) {
        return Ok(known);
    }
    intake.examine(&formed, now())?;
    let work = {
        let (intake, formed) = (Arc::clone(intake), Arc::clone(&formed));
        move || intake.verify(&formed)
    };
    counter.verify(work).await?;
    intake.take(&formed, now())
}

async fn take_join(
    State(counter): State<Counter>,
    Path(poll): Path<String>,
    body: Bytes,
) -> Response {
    let intake = match counter.find(&poll) {
        Ok(intake) => intake,
        Err(refusal) => return refuse(refusal),
    };
    let outcome = take_a_join(&counter, &intake, &body).await;
    taken(&intake, outcome).await
}

async fn take_a_join(
    counter: &Counter,
    intake: &Arc<Intake>,
    body: &[u8],
) -> Result<(impl Serialize, Taken), Refusal> {
    let join: JoinDocument = serde_json::from_slice(body).map_err(|_| Refusal::Form)?;
    intake.examine_join(&join, now())?;
    let work = {
        let (intake, join) = (Arc::clone(intake), join.clone());
        move || intake.verify_join(&join)
    };
    counter.verify(work).await?;
    intake.take_join(&join, now())
}
