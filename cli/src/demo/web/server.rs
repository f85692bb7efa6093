//! What the demo's page loads: the built site, the poll's files, wallets, and the chain as a node.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;

use axum::extract::State;
use axum::http::{header, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{json, Value};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

use crate::demo::chain::SharedNode;
use crate::failure::Failure;

/// Where it listens, if nobody else does.
const PORT: u16 = 8790;

/// Wallets for trying out, which only this page has.
const WALLET: &str = include_str!("wallet.js");

#[derive(Clone, Debug)]
struct Shown {
    site: PathBuf,
    node: SharedNode,
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Value,
}

/// Serves on this machine alone, until the process ends; where.
pub fn start(site: &Path, polls: &Path, node: SharedNode) -> Result<SocketAddr, Failure> {
    let shown = Shown {
        site: site.to_owned(),
        node,
    };
    let router = Router::new()
        .route("/", get(index))
        .route("/index.html", get(index))
        .route("/demo-wallet.js", get(wallet))
        .route("/node", post(answer))
        .nest_service("/polls", ServeDir::new(polls))
        .fallback_service(ServeDir::new(site))
        .with_state(shown);
    let listener = listen()?;
    let address = listener.local_addr().map_err(|error| internal(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(&error))?;
    thread::spawn(move || {
        runtime.block_on(async move {
            // It ends with the process.
            if let Ok(listener) = TcpListener::from_std(listener) {
                let _ = axum::serve(listener, router).await;
            }
        });
    });
    Ok(address)
}

fn listen() -> Result<std::net::TcpListener, Failure> {
    let at = |port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = at(PORT)
        .or_else(|_| at(0))
        .map_err(|error| internal(&error))?;
    listener
        .set_nonblocking(true)
        .map_err(|error| internal(&error))?;
    Ok(listener)
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::Internal(format!("the page cannot be served: {error}"))
}

/// The page, with the demo's wallets.
async fn index(State(shown): State<Shown>) -> Response {
    match std::fs::read_to_string(shown.site.join("index.html")) {
        Ok(page) => {
            let wallet = "<script src=\"./demo-wallet.js\"></script></head>";
            Html(page.replacen("</head>", wallet, 1)).into_response()
        }
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

async fn wallet() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript")], WALLET).into_response()
}

async fn answer(State(shown): State<Shown>, Json(question): Json<Question>) -> Json<Value> {
    let Question { id, method, params } = question;
    let answered = shown.node.answer(&method, &params);
    Json(match answered {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error.to_json()}),
    })
}
