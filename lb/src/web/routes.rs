//! From a request to its answer.
//!
//! GET and HEAD show, and change nothing; POST to the status page orders, if [`Guard`](super::guard::RequestGuard) lets it. It refuses cookies,
//! and every other method. Who may see anything is [`login`]'s to say.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::timeout;

use super::action::{self, ActionForm, ActionOutcome};
use super::listen_address::{ListenAddress, PAGE};
use super::reading::Portions;
use super::{HEAD_TIME, Site, Until, login, page};
use crate::control::{Control, Origin};
use crate::readers::{ReaderSlot, Refused};
use crate::report::{self, Overview, prometheus, stat};
use crate::topology::Shared;

/// A response.
pub(super) type PageResponse = Response<Either<Full<Bytes>, Either<Portions, Channel<Bytes, Infallible>>>>;

/// A rendering of the statistics.
type Rendered = fn(&Shared, &stat::StatQuery) -> Result<String, stat::UnknownProxy>;

/// The peer of a request, and the deadline of its response.
struct Reader<'a> {
    place: &'a Arc<ReaderSlot>,
    until: Until,
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// The text of a 404.
const PATHS: &str = "nothing here. There is:
/            status page, also /stats
/stats.json  the same as JSON
/events      what the page is kept current with, as server-sent events
/stats;csv   HAProxy's CSV; also ;json and ;typed, with ;up or ;no-maint behind
             (also at HAProxy's other addresses, such as /haproxy?stats;csv)
/metrics     Prometheus; ?scope=, ?metrics=, ?no-maint, ?extra-counters
/healthz     200 while the process answers
/readyz      200 while traffic is welcome, else 503 and why
";

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Answers a request from `peer`.
pub(super) async fn answer(
    request: Request<Incoming>,
    site: &Arc<Site>,
    peer: SocketAddr,
    connection: &Arc<ReaderSlot>,
    until: Until,
) -> PageResponse {
    let uri = request.uri().clone();
    let place = ListenAddress::of(&uri, site.guard.places());
    let is_page = place.is_page();
    let access = site.control.access();
    let is_open = place.is_for_everybody() || place.path == "/metrics" && !access.metrics;
    let user = if is_open { Ok(None) } else { login::user(&access, request.headers()) };
    let Ok(user) = user else { return refuse(&access.realm) };
    match *request.method() {
        Method::GET | Method::HEAD => {
            connection.works();
            let reader = Reader { place: connection, until };
            let answer = show(&place, &uri, site, reader).await;
            // Streamed bodies report their progress themselves.
            if matches!(answer.body(), Either::Left(_)) {
                connection.waits();
            }
            answer
        }
        Method::POST if is_page => act(request, &place.page, site, Origin::Page { peer, user }).await,
        _ => {
            let (text, methods) = if is_page {
                ("only GET, HEAD and POST\n", "GET, HEAD, POST")
            } else {
                ("only GET and HEAD\n", "GET, HEAD")
            };
            let mut answer = with(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
            answer
        }
    }
}

async fn show(place: &ListenAddress<'_>, uri: &Uri, site: &Arc<Site>, reader: Reader<'_>) -> PageResponse {
    let control = &site.control;
    // Equal addresses have equal responses for all who may see them.
    let key = || format!("GET {uri}");
    match place.path {
        PAGE => stats(place, key(), site, &reader).await,
        "/stats.css" => with(StatusCode::OK, "text/css; charset=utf-8", include_str!("assets/page.css")),
        "/stats.js" => with(StatusCode::OK, "text/javascript; charset=utf-8", include_str!("assets/page.js")),
        "/events" => events(site, reader),
        "/stats.json" => {
            let told = Arc::clone(control);
            rendered(control, key(), &reader, JSON, move || Ok(report::json(&told))).await
        }
        "/metrics" => match prometheus::ScrapeQuery::parse(uri.query().unwrap_or_default()) {
            Ok(query) => {
                let told = Arc::clone(control);
                let make = move || Ok(prometheus::text(&told, &query));
                rendered(control, key(), &reader, prometheus::CONTENT_TYPE, make).await
            }
            Err(unknown) => with(StatusCode::BAD_REQUEST, TEXT, format!("{unknown}\n")),
        },
        "/healthz" => with(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => ready(control),
        _ => with(StatusCode::NOT_FOUND, TEXT, PATHS),
    }
}

/// Responds with the rendering of `make`, when it is its turn.
async fn rendered(
    control: &Control,
    key: String,
    reader: &Reader<'_>,
    kind: &'static str,
    make: impl FnOnce() -> Result<String, String> + Send + 'static,
) -> PageResponse {
    match control.readers().rendering(key, make).await {
        Ok(rendering) => {
            let mut answer =
                Response::new(Either::Right(Either::Left(Portions::new(rendering, reader.place))));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            answer
        }
        Err(Refused::Said(unknown)) => with(StatusCode::NOT_FOUND, TEXT, unknown + "\n"),
        Err(Refused::Busy) => {
            let text = "too many ask for reports at once, or do not read them: ask again in a moment\n";
            let mut answer = with(StatusCode::SERVICE_UNAVAILABLE, TEXT, text);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            answer
        }
    }
}

async fn stats(
    place: &ListenAddress<'_>,
    key: String,
    site: &Arc<Site>,
    reader: &Reader<'_>,
) -> PageResponse {
    // HAProxy shows addresses and algorithms only on its sockets.
    let query = stat::StatQuery {
        full: false,
        up: place.has("up"),
        no_maint: place.has("no-maint"),
        ..stat::StatQuery::default()
    };
    let forms: [(&str, &str, Rendered); 3] =
        [("csv", "text/plain", stat::csv), ("typed", "text/plain", stat::typed), ("json", JSON, stat::json)];
    if let Some((_, kind, make)) = forms.into_iter().find(|(option, ..)| place.has(option)) {
        let shared = Arc::clone(site.control.shared());
        let make = move || make(&shared, &query).map_err(|unknown| unknown.to_string());
        return rendered(&site.control, key, reader, kind, make).await;
    }
    let outcome = place.option("st").and_then(ActionOutcome::of);
    let frame =
        page::PageContext { refreshing: !place.has("norefresh"), notice: outcome.map(ActionOutcome::text) };
    let told = Arc::clone(site);
    let make = move || {
        let (overview, history) = (Overview::of(&told.control), told.live.history());
        let view = page::View { overview: &overview, history: &history, token: told.token() };
        Ok(page::html(&view, &frame))
    };
    rendered(&site.control, key, reader, HTML, make).await
}

/// Carries out a form. HAProxy's clients are redirected to the page, where `st` shows the result; clients that
/// accept JSON get it as JSON.
async fn act(request: Request<Incoming>, page: &str, site: &Site, origin: Origin) -> PageResponse {
    let (parts, body) = request.into_parts();
    let wants_json =
        parts.headers.get(header::ACCEPT).is_some_and(|value| value.as_bytes() == JSON.as_bytes());
    let body = timeout(HEAD_TIME, Limited::new(body, action::LARGEST).collect()).await;
    let (outcome, text) = match body {
        Ok(Ok(body)) => {
            let form = ActionForm::parse(&body.to_bytes());
            match site.guard.admit(&parts.headers, form.token.as_deref()) {
                Ok(()) => {
                    let outcome = form.apply(&site.control, &origin);
                    (outcome, outcome.text())
                }
                Err(why) => (ActionOutcome::Denied, why),
            }
        }
        Ok(Err(_)) => (ActionOutcome::TooLarge, ActionOutcome::TooLarge.text()),
        Err(_) => return with(StatusCode::REQUEST_TIMEOUT, TEXT, "The form did not arrive in time\n"),
    };
    if wants_json {
        let status = match outcome {
            ActionOutcome::Done | ActionOutcome::Partly | ActionOutcome::Nothing => StatusCode::OK,
            ActionOutcome::Wrong => StatusCode::BAD_REQUEST,
            ActionOutcome::Denied => StatusCode::FORBIDDEN,
            ActionOutcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        return with(status, JSON, json!({ "result": outcome.word(), "text": text }).to_string());
    }
    let mut answer = with(StatusCode::SEE_OTHER, "text/plain", "");
    // Both parts are ours and contain only plain characters.
    if let Ok(location) = HeaderValue::from_str(&format!("{page};st={}", outcome.word())) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

fn events(site: &Site, reader: Reader<'_>) -> PageResponse {
    let Some(stream) = site.live.watch(reader.until) else {
        return with(StatusCode::SERVICE_UNAVAILABLE, TEXT, "Too many live viewers; poll /stats instead\n");
    };
    reader.place.sends();
    let mut answer = Response::new(Either::Right(Either::Right(stream)));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer
}

/// A 401.
fn refuse(realm: &str) -> PageResponse {
    let text = "Authentication required (see `[stats] auth`)\n";
    let mut answer = with(StatusCode::UNAUTHORIZED, TEXT, text);
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, login::challenge(realm));
    answer
}

fn ready(control: &Control) -> PageResponse {
    let problems = report::readiness(control, &control.topology());
    if problems.is_empty() {
        return with(StatusCode::OK, TEXT, "ready\n");
    }
    with(StatusCode::SERVICE_UNAVAILABLE, TEXT, problems.join("\n") + "\n")
}

fn with(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> PageResponse {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Adds headers that keep browsers from sniffing, framing, loading from elsewhere, and showing stale data.
pub(super) fn harden(mut answer: PageResponse) -> PageResponse {
    let headers = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Without a referrer the origin of forms would be unknown, and they would be rejected.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
