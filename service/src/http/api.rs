//! What programs ask: health, metrics, polls; and what an administrator says.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{HeaderValue, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maci_nova_contracts::alloy_primitives::Address;
use serde::Serialize;
use tracing::info;

use crate::http::token::Token;
use crate::metrics::Metrics;
use crate::node::{NodeBoard, NodeView};
use crate::progress::{sentence, Board, Phase, View};
use crate::relay::intake::Intake;
use crate::worker::Desk;

/// Bytes of a request's body: nothing is said in one.
const BODY: usize = 1 << 10;

/// What is asked about.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub node: Arc<NodeBoard>,
    pub polls: Arc<[(Arc<Board>, Arc<Desk>)]>,
    /// The polls that are relayed.
    pub intakes: Arc<[Arc<Intake>]>,
    pub metrics: Arc<Metrics>,
    /// With none, nothing can be changed.
    pub token: Option<Token>,
    /// Whether there is a node to be asked.
    pub has_node: bool,
}

/// `/api/polls`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PollsDocument {
    now: u64,
    node: NodeView,
    polls: Vec<View>,
}

/// `/readyz`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadyDocument {
    ready: bool,
    /// Why not.
    reasons: Vec<String>,
}

/// An error.
#[derive(Debug, Serialize)]
struct ErrorDocument {
    error: &'static str,
}

impl App {
    /// Whether the request comes from an administrator.
    fn is_administrator(&self, headers: &HeaderMap) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.is_in(headers))
    }

    fn find(&self, poll: &str) -> Option<&(Arc<Board>, Arc<Desk>)> {
        let poll: Address = poll.parse().ok()?;
        self.polls.iter().find(|(board, _)| board.poll == poll)
    }

    /// What is shown of all polls.
    pub(crate) fn views(&self, is_administrator: bool) -> Vec<View> {
        let (boards, now) = (self.polls.iter(), self.node.now());
        boards
            .map(|(board, _)| board.view(now, is_administrator))
            .collect()
    }

    /// Why nobody should rely on the service now: in words that are for everybody.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.has_node && !self.node.view().up {
            reasons.push("the node does not answer".to_owned());
        }
        for view in self.views(false) {
            match (&view.last_error, view.phase) {
                (Some(trouble), _) => {
                    reasons.push(format!("poll {}: {}", view.poll, trouble.message));
                }
                (None, Phase::Connecting) => {
                    reasons.push(format!("poll {}: {}", view.poll, view.phase.words()));
                }
                _ => {}
            }
        }
        for intake in self.intakes.iter() {
            if let Some(trouble) = intake.trouble() {
                let what = sentence(trouble.kind);
                reasons.push(format!("relaying for poll {}: {what}", intake.address));
            }
        }
        reasons
    }
}

fn refuse(status: StatusCode, error: &'static str) -> Response {
    (status, Json(ErrorDocument { error })).into_response()
}

/// The routes for programs. Another part of the service merges its own with these.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/polls", get(polls))
        .route("/api/polls/{poll}", get(poll))
        .route("/api/polls/{poll}/finalize", post(finalize))
        .route("/api/polls/{poll}/retry", post(retry))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(app)
}

async fn ready(State(app): State<App>) -> Response {
    let reasons = app.reasons();
    let status = match reasons.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let ready = reasons.is_empty();
    (status, Json(ReadyDocument { ready, reasons })).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let head = app.node.view().head;
    for (board, _) in app.polls.iter() {
        board.refresh(head);
    }
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, text)], app.metrics.render()).into_response()
}

async fn polls(State(app): State<App>, headers: HeaderMap) -> Response {
    let polls = app.views(app.is_administrator(&headers));
    let node = app.node.view();
    let now = app.node.now();
    Json(PollsDocument { now, node, polls }).into_response()
}

async fn poll(State(app): State<App>, Path(poll): Path<String>, headers: HeaderMap) -> Response {
    match app.find(&poll) {
        Some((board, _)) => {
            Json(board.view(app.node.now(), app.is_administrator(&headers))).into_response()
        }
        None => no_such_poll(),
    }
}

fn no_such_poll() -> Response {
    refuse(StatusCode::NOT_FOUND, "no such poll is followed here")
}

/// What is said to who is no administrator, and nothing else.
fn refusal(app: &App, headers: &HeaderMap) -> Option<Response> {
    if app.token.is_none() {
        let text = "nothing can be changed: the service has no administrator's token";
        return Some(refuse(StatusCode::FORBIDDEN, text));
    }
    if !app.is_administrator(headers) {
        let mut response = refuse(
            StatusCode::UNAUTHORIZED,
            "the administrator's token is needed",
        );
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        return Some(response);
    }
    None
}

/// The proof that was made is to be sent. Answered when that is on disk.
async fn finalize(
    State(app): State<App>,
    Path(poll): Path<String>,
    headers: HeaderMap,
    _: Bytes,
) -> Response {
    if let Some(refused) = refusal(&app, &headers) {
        return refused;
    }
    let Some((board, desk)) = app.find(&poll) else {
        return no_such_poll();
    };
    if board.phase() != Phase::Asking {
        return refuse(
            StatusCode::CONFLICT,
            "there is no proof that waits to be sent",
        );
    }
    match desk.approve() {
        Ok(()) => {
            info!(poll = %board.poll, "an administrator has agreed to send the proof");
            (StatusCode::ACCEPTED, Json(board.view(app.node.now(), true))).into_response()
        }
        Err(_) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "it cannot be written down",
        ),
    }
}

/// What failed is to be tried again now.
async fn retry(
    State(app): State<App>,
    Path(poll): Path<String>,
    headers: HeaderMap,
    _: Bytes,
) -> Response {
    if let Some(refused) = refusal(&app, &headers) {
        return refused;
    }
    let Some((board, desk)) = app.find(&poll) else {
        return no_such_poll();
    };
    if board.view(app.node.now(), false).last_error.is_none() {
        return refuse(StatusCode::CONFLICT, "nothing has failed");
    }
    desk.retry();
    info!(poll = %board.poll, "an administrator asks for another try");
    (StatusCode::ACCEPTED, Json(board.view(app.node.now(), true))).into_response()
}
