//! The page for people: what the service does, on a phone as well. It is made here, needs no script
//! to be read, and shows nothing that a stranger must not see.

use std::fmt::{self, Display, Write};

use axum::extract::State;
use axum::http::header::{HeaderValue, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::Router;
use maci_nova_chain::clock::{span, utc};
use maci_nova_chain::words::count;
use maci_nova_sdk::relay::document::RelayDocument;

use crate::http::api::App;
use crate::progress::View;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Text from elsewhere, as HTML takes it.
struct Text<T>(T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The routes for people.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(page))
        .route(
            "/page.css",
            get(|| async { of_type("text/css; charset=utf-8", STYLE) }),
        )
        .route(
            "/page.js",
            get(|| async { of_type("text/javascript; charset=utf-8", SCRIPT) }),
        )
        .with_state(app)
}

fn of_type(kind: &'static str, text: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
}

async fn page(State(app): State<App>) -> Response {
    let mut html = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut html, &app);
    of_type("text/html; charset=utf-8", html)
}

fn write_page(out: &mut String, app: &App) -> fmt::Result {
    out.write_str(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>maci-nova</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\
         <link rel=\"stylesheet\" href=\"/page.css\"><script src=\"/page.js\" defer></script>\
         </head><body><header><h1>maci-nova</h1></header><main id=\"live\">",
    )?;
    let reasons = app.reasons();
    match reasons.is_empty() {
        true => out.write_str("<p class=\"state good\">Everything is as it should be.</p>")?,
        false => {
            out.write_str("<div class=\"state bad\"><p>Not everything is well.</p><ul>")?;
            for reason in &reasons {
                write!(out, "<li>{}</li>", Text(reason))?;
            }
            out.write_str("</ul></div>")?;
        }
    }
    let now = app.node.now();
    for view in app.views(false) {
        write_poll(out, &view, now)?;
    }
    for intake in app.intakes.iter() {
        write_relay(out, &intake.document(now))?;
    }
    let node = app.node.view();
    out.write_str("<footer><p>")?;
    if let Some(head) = node.head {
        write!(out, "Newest block {head}. ")?;
    }
    write!(
        out,
        "Version {}. {}.</p></footer></main></body></html>",
        env!("CARGO_PKG_VERSION"),
        utc(now)
    )
}

fn write_poll(out: &mut String, view: &View, now: u64) -> fmt::Result {
    write!(
        out,
        "<section><h2>Poll <code>{}</code></h2><p class=\"phase\">{}</p>",
        Text(&view.poll),
        Text(view.phase.words())
    )?;
    if view.insecure {
        out.write_str("<p class=\"state bad\">INSECURE: its keys are for development.</p>")?;
    }
    if let Some(trouble) = &view.last_error {
        write!(
            out,
            "<p class=\"state bad\">{}, for {}{}.</p>",
            Text(trouble.message),
            span(now.saturating_sub(trouble.since)),
            match trouble.retried {
                true => "; it is tried again",
                false => "; an administrator is needed",
            }
        )?;
    }
    let steps = view.steps;
    if steps.total > 0 {
        write!(
            out,
            "<progress aria-label=\"steps that are folded\" value=\"{0}\" max=\"{1}\">{0} of {1}</progress>",
            steps.done, steps.total
        )?;
    }
    out.write_str("<dl>")?;
    let mut line = |name: &str, value: &dyn Display| {
        write!(out, "<dt>{}</dt><dd>{}</dd>", Text(name), Text(value))
    };
    line("chain", &view.chain_id)?;
    if let Some(left) = view.time_left {
        line(left.until, &format!("in {}", span(left.seconds)))?;
    }
    line("joins", &view.joins)?;
    line("messages", &view.messages)?;
    if steps.total > 0 {
        line(
            "folded",
            &format!("about {} of {} steps", steps.done, steps.total),
        )?;
    }
    if let Some(seconds) = steps.seconds_left.filter(|_| steps.done < steps.total) {
        line("time to fold", &format!("about {}", span(seconds)))?;
    }
    for (name, time) in [
        ("starts", view.start_time),
        ("ends", view.end_time),
        ("deadline", view.deadline),
    ] {
        if let Some(time) = time {
            line(name, &utc(time))?;
        }
    }
    if let Some(block) = view.read_to {
        line("read to block", &block)?;
    }
    if let Some(transaction) = view.transaction {
        line("transaction", &transaction)?;
    }
    out.write_str("</dl></section>")
}

fn write_relay(out: &mut String, relay: &RelayDocument) -> fmt::Result {
    let words = match (&relay.reason, relay.takes) {
        (_, true) => "takes ballots".to_owned(),
        (Some(reason), false) => format!("takes no ballots now: {reason}"),
        (None, false) => "takes no ballots now".to_owned(),
    };
    write!(
        out,
        "<section><h2>Relayer for poll <code>{}</code></h2><p class=\"phase\">{}</p><dl>",
        Text(&relay.poll),
        Text(words)
    )?;
    let mut line = |name: &str, value: &dyn Display| {
        write!(out, "<dt>{}</dt><dd>{}</dd>", Text(name), Text(value))
    };
    line("chain", &relay.chain_id)?;
    line("account", &relay.account)?;
    line("waiting", &count(relay.queued as u64, "message"))?;
    line("published within", &format!("about {}", span(relay.wait)))?;
    line("joins", if relay.joins { &"taken" } else { &"not taken" })?;
    out.write_str("</dl></section>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_elsewhere_is_markup() {
        let text = Text("<script>\"a\" & 'b'</script>").to_string();
        assert_eq!(
            text,
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"
        );
    }
}
