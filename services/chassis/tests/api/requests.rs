use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_nats::HeaderMap;
use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use chassis::{
    Bus, db,
    error::Error,
    requests::Requests,
    web::{self, Body, Problem},
};
use contracts::call::{self, Authentication, Deadline};
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testbed::{Client, Nats};
use tokio::sync::oneshot;

/// A test service that counts the requests to `/count`.
struct Service {
    nats: Nats,
    client: Client,
    handled: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    stopped: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = Bus::connect("service", &nats.url()).await.unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&handled);
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { "counted" }
        };
        let router = Router::new()
            .route("/count", get(count))
            .route("/echo", post(async |body: Body| body.parse::<Value>().map(axum::Json)))
            .route("/panic", get(async || -> StatusCode { panic!("a bug") }))
            .route("/busy", get(async || -> Result<(), Error<Problem>> { Err(Error::Busy) }))
            .route(
                "/broken",
                get(async || -> Result<(), Error<Problem>> { Err(anyhow::anyhow!("secret").into()) }),
            )
            .route("/never", get(std::future::pending::<()>));
        let requests =
            Requests::subscribe(&bus, "service", "0.8.0", web::with_middleware(router)).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = tokio::spawn(requests.serve(async { drop(stopped.await) }));
        Self { client: Client::for_service("service", &nats).await, nats, handled, stop: Some(stop), stopped }
    }

    async fn get(&self, path: &str) -> testbed::Response {
        self.client.get(path, None).await
    }

    /// The reply of NATS's service API about this service.
    async fn srv(&self, verb: &str) -> Value {
        let answer = self.nats.connect().await.request(format!("$SRV.{verb}.service"), Bytes::new()).await;
        serde_json::from_slice(&answer.unwrap().payload).unwrap()
    }
}

fn headers(path: &str, deadline: SignedDuration) -> HeaderMap {
    let request = Request::get(path).body(()).unwrap();
    let anonymous = Authentication(Err("the Authorization header is missing".to_owned()));
    call::request_headers(&request, &anonymous, Deadline(db::now() + deadline))
}

#[tokio::test]
async fn a_malformed_request_gets_400_and_the_next_one_is_answered() {
    let service = Service::start().await;
    let good = headers("/count", SignedDuration::from_secs(10));
    let names: Vec<_> = good.iter().map(|(name, _)| name.to_string()).collect();
    let mut bad = vec![HeaderMap::new()];
    for name in names {
        let others = good.iter().filter(|(other, _)| other.to_string() != name);
        bad.push(
            others
                .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())))
                .collect(),
        );
        for garbage in ["", "\u{1F980}", "a b", "\u{7f}"] {
            // The reason for a missing caller is free text.
            if name != "Shop-No-Caller" {
                let mut headers = good.clone();
                headers.insert(name.as_str(), garbage);
                bad.push(headers);
            }
        }
    }
    for headers in bad {
        let refused = service.client.send_raw(headers.clone(), Bytes::from_static(b"\xff\xfe")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{headers:?}");
    }
    assert_eq!(service.handled.load(Ordering::Relaxed), 0);
    assert_eq!(service.get("/count").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_headers_gets_400() {
    let service = Service::start().await;
    let answer = service.nats.connect().await.request("http.service", "hello".into()).await.unwrap();
    assert_eq!(
        call::parse_response(&answer.headers.unwrap(), answer.payload).unwrap().status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let service = Service::start().await;
    let send = async |content_type: &str, body: &'static [u8]| {
        let request = Request::post("/echo").header("content-type", content_type);
        service.client.send(request, None, Bytes::from_static(body)).await
    };
    let echoed = send("application/json", "{\"crab\": \"🦀\"}".as_bytes()).await;
    assert_eq!((echoed.status, echoed.body), (StatusCode::OK, json!({"crab": "🦀"})));
    for not_json in [&b"\xff\xfe"[..], b"{", b"", b"\"\xc3\x28\"", b"\x00"] {
        assert_eq!(send("application/json", not_json).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(send("text/plain", b"{}").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let request = Request::post("/echo").header("content-type", "application/json");
    let huge = service.client.send(request, None, vec![b' '; call::BODY_LIMIT + 1].into()).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// The gateway has stopped waiting: it has reported that the outcome is unknown, or is about to.
#[tokio::test]
async fn a_request_that_arrives_after_its_deadline_is_dropped() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await.unwrap();
    let send = async |headers| {
        nats.publish_with_reply_and_headers("http.service", inbox.clone(), headers, Bytes::new())
            .await
            .unwrap();
    };
    send(headers("/count", SignedDuration::from_secs(-1))).await;
    send(headers("/count", SignedDuration::ZERO)).await;
    send(headers("/count", SignedDuration::from_secs(20))).await;
    let answer = futures::StreamExt::next(&mut answers).await.unwrap();
    assert_eq!(answer.payload, "counted");
    assert_eq!(service.handled.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn requests_that_time_out_free_their_capacity_for_others() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    for _ in 0..600 {
        let never = headers("/never", SignedDuration::from_millis(200));
        nats.publish_with_reply_and_headers("http.service", "nowhere", never, Bytes::new()).await.unwrap();
    }
    nats.flush().await.unwrap();
    // There are more requests than may be in flight, so this one is answered after some of them have timed out.
    assert_eq!(service.get("/count").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_panic_gets_500_and_the_next_request_is_answered() {
    let service = Service::start().await;
    for _ in 0..3 {
        let answer = service.get("/panic").await;
        assert_eq!(
            (answer.status, &answer.body["type"]),
            (StatusCode::INTERNAL_SERVER_ERROR, &json!("/problems/internal"))
        );
    }
    assert_eq!(service.get("/count").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_error_response_carries_its_problem() {
    let service = Service::start().await;
    let request = Request::get("/busy").header("x-request-id", "trace-7");
    let busy = service.client.send(request, None, Bytes::new()).await;
    assert_eq!(
        (busy.status, &busy.body["type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("/problems/busy"))
    );
    for (name, value) in
        [("retry-after", "1"), ("x-request-id", "trace-7"), ("content-type", "application/problem+json")]
    {
        assert_eq!(busy.headers[name], value);
    }
    assert_eq!(busy.body["request_id"], "trace-7");
    let broken = service.get("/broken").await;
    assert_eq!(broken.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!broken.body.to_string().contains("secret"), "{}", broken.body);
}

#[tokio::test]
async fn nats_lists_the_service_and_counts_its_errors() {
    let service = Service::start().await;
    let ping = service.srv("PING").await;
    assert_eq!((&ping["name"], &ping["version"]), (&json!("service"), &json!("0.8.0")));
    assert_eq!(service.srv("INFO").await["endpoints"][0]["subject"], "http.service");
    for path in ["/count", "/nowhere", "/panic", "/busy"] {
        service.get(path).await;
    }
    let stats = &service.srv("STATS").await["endpoints"][0];
    assert_eq!((&stats["num_requests"], &stats["num_errors"]), (&json!(4), &json!(2)), "{stats}");
}

#[tokio::test]
async fn a_shutdown_finishes_requests_in_flight_and_accepts_no_more() {
    let mut service = Service::start().await;
    let nats = service.nats.connect().await;
    let inbox = nats.new_inbox();
    let never = headers("/never", SignedDuration::from_millis(300));
    nats.publish_with_reply_and_headers("http.service", inbox, never, Bytes::new()).await.unwrap();
    nats.flush().await.unwrap();
    service.get("/count").await; // a response proves that the request before it has started
    drop(service.stop.take());
    service.stopped.await.unwrap();
    let error = nats.request("http.service", Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders);
}
