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

/// A service that does little, and counts how often it begins.
struct Service {
    nats: Nats,
    client: Client,
    begun: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    stopped: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let bus = Bus::connect("service", &nats.url()).await.unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
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
        let requests = Requests::take(&bus, "service", "0.8.0", web::whole(router)).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = tokio::spawn(requests.answer(async { drop(stopped.await) }));
        Self { client: Client::of("service", &nats).await, nats, begun, stop: Some(stop), stopped }
    }

    async fn get(&self, path: &str) -> testbed::Answer {
        self.client.get(path, None).await
    }

    /// What NATS's own service API says of the service.
    async fn srv(&self, verb: &str) -> Value {
        let answer = self.nats.connect().await.request(format!("$SRV.{verb}.service"), Bytes::new()).await;
        serde_json::from_slice(&answer.unwrap().payload).unwrap()
    }
}

fn headers(path: &str, deadline: SignedDuration) -> HeaderMap {
    let request = Request::get(path).body(()).unwrap();
    let nobody = Authentication(Err("there is no Authorization header".to_owned()));
    call::request_headers(&request, &nobody, Deadline(db::now() + deadline))
}

#[tokio::test]
async fn what_is_not_a_request_is_answered_400_and_the_next_one_is_answered() {
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
            // Why there is no caller is a text for people, whatever it says.
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
    assert_eq!(service.begun.load(Ordering::Relaxed), 0);
    assert_eq!(service.get("/count").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_with_no_headers_at_all_is_answered_too() {
    let service = Service::start().await;
    let answer = service.nats.connect().await.request("http.service", "hello".into()).await.unwrap();
    assert_eq!(
        call::response(&answer.headers.unwrap(), answer.payload).unwrap().status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_body_is_json_or_refused() {
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

/// Who asked does not wait any more, and will be told, or has been, that the outcome is unknown.
#[tokio::test]
async fn what_comes_after_its_deadline_is_not_begun() {
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
    assert_eq!(service.begun.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_not_done_by_its_deadline_is_given_up_and_others_are_answered_meanwhile() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    for _ in 0..600 {
        let never = headers("/never", SignedDuration::from_millis(200));
        nats.publish_with_reply_and_headers("http.service", "nowhere", never, Bytes::new()).await.unwrap();
    }
    nats.flush().await.unwrap();
    // More than are worked on at once: this one is answered when some of them have been given up.
    assert_eq!(service.get("/count").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_panic_is_answered_500_and_the_next_request_is_answered() {
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
async fn the_answer_of_a_service_that_failed_carries_its_problem() {
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
async fn nats_knows_who_is_there_and_how_often_it_failed() {
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
async fn who_stops_answers_what_is_under_way_and_takes_no_more() {
    let mut service = Service::start().await;
    let nats = service.nats.connect().await;
    let inbox = nats.new_inbox();
    let never = headers("/never", SignedDuration::from_millis(300));
    nats.publish_with_reply_and_headers("http.service", inbox, never, Bytes::new()).await.unwrap();
    nats.flush().await.unwrap();
    service.get("/count").await; // after that one has begun
    drop(service.stop.take());
    service.stopped.await.unwrap();
    let nobody = nats.request("http.service", Bytes::new()).await.unwrap_err();
    assert_eq!(nobody.kind(), async_nats::RequestErrorKind::NoResponders);
}
