use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{HeaderMap, Message, RequestError, RequestErrorKind};
use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use chassis::{
    Bus,
    error::Error,
    requests::Requests,
    web::{self, Body, Problem},
};
use contracts::call::{self, Authentication, TimeLeft};
use futures::StreamExt;
use http::Request;
use serde_json::{Value, json};
use testbed::{Client, Nats, TIMEOUT, wait_for};
use tokio::{
    sync::{Semaphore, oneshot},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// A test service that counts the requests to `/count` and `/slow`.
struct Service {
    nats: Arc<Nats>,
    client: Client,
    handled: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    stopped: JoinHandle<()>,
}

impl Service {
    async fn start() -> Self {
        Self::start_on(Arc::new(Nats::start().await)).await
    }

    async fn second_instance(&self) -> Self {
        Self::start_on(Arc::clone(&self.nats)).await
    }

    async fn start_on(nats: Arc<Nats>) -> Self {
        let bus = Bus::connect("service", &nats.url()).await.unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let (counted, slow) = (Arc::clone(&handled), Arc::clone(&handled));
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { "counted" }
        };
        let slow = move || {
            slow.fetch_add(1, Ordering::Relaxed);
            async { tokio::time::sleep(Duration::from_millis(50)).await }
        };
        let router = Router::new()
            .route("/count", get(count))
            .route("/slow", get(slow))
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

    /// The reply of NATS's service API about this service. None if there is no instance.
    async fn srv(&self, verb: &str) -> Option<Value> {
        let answer = self.nats.connect().await.request(format!("$SRV.{verb}.service"), Bytes::new()).await;
        answer.ok().map(|answer| serde_json::from_slice(&answer.payload).unwrap())
    }

    /// Requests a shutdown, and waits until it is complete.
    async fn stop(&mut self) {
        drop(self.stop.take());
        let stopped = timeout(TIMEOUT, &mut self.stopped).await;
        stopped.expect("the shutdown is complete").unwrap();
    }
}

fn headers(path: &str, time: Duration) -> HeaderMap {
    let request = Request::get(path).body(()).unwrap();
    let anonymous = Authentication(Err("the Authorization header is missing".to_owned()));
    call::request_headers(&request, &anonymous, TimeLeft(time))
}

#[tokio::test]
async fn a_malformed_request_gets_400_and_the_next_one_is_answered() {
    let service = Service::start().await;
    let good = headers("/count", Duration::from_secs(10));
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
async fn a_request_without_time_left_is_dropped() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await.unwrap();
    let send = async |headers| {
        nats.publish_with_reply_and_headers("http.service", inbox.clone(), headers, Bytes::new())
            .await
            .unwrap();
    };
    send(headers("/count", Duration::ZERO)).await;
    send(headers("/count", Duration::from_secs(20))).await;
    let answer = answers.next().await.unwrap();
    assert_eq!(answer.payload, "counted");
    assert_eq!(service.handled.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn requests_that_time_out_free_their_capacity_for_others() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    for _ in 0..600 {
        let never = headers("/never", Duration::from_millis(200));
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
async fn nats_lists_the_running_instances() {
    let mut service = Service::start().await;
    let ping = service.srv("PING").await.unwrap();
    assert_eq!((&ping["name"], &ping["version"]), (&json!("service"), &json!("0.8.0")));
    service.stop().await;
    assert_eq!(service.srv("PING").await, None);
}

#[tokio::test]
async fn a_request_that_waits_for_capacity_loses_time() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    for _ in 0..600 {
        let never = headers("/never", Duration::from_secs(2));
        nats.publish_with_reply_and_headers("http.service", "nowhere", never, Bytes::new()).await.unwrap();
    }
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await.unwrap();
    for path in ["/count", "/echo"] {
        // The first of them has no time left when it is its turn.
        let time = Duration::from_secs(if path == "/count" { 1 } else { 10 });
        let headers = headers(path, time);
        nats.publish_with_reply_and_headers("http.service", inbox.clone(), headers, Bytes::new())
            .await
            .unwrap();
    }
    let answer = answers.next().await.unwrap();
    let answer = call::parse_response(&answer.headers.unwrap(), answer.payload).unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "the answer to the second request");
    assert_eq!(service.handled.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn above_its_capacity_a_service_answers_503_at_once() {
    let service = Service::start().await;
    let nats = service.nats.connect().await;
    for _ in 0..9000 {
        let never = headers("/never", Duration::from_secs(20));
        nats.publish_with_reply_and_headers("http.service", "nowhere", never, Bytes::new()).await.unwrap();
    }
    nats.flush().await.unwrap();
    let busy = timeout(Duration::from_secs(10), service.get("/count")).await.unwrap();
    assert_eq!(
        (busy.status, &busy.body["type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("/problems/busy"))
    );
    assert_eq!(busy.headers["retry-after"], "1");
}

/// When the instance stops, requests are on their way to it: in its buffer, in the connection, and in the server.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stops_loses_no_request() {
    for _ in 0..5 {
        let mut stopping = Service::start().await;
        let staying = stopping.second_instance().await;
        let client = stopping.nats.connect().await;
        let is_over = Arc::new(AtomicBool::new(false));
        let sender = tokio::spawn(send_until(Arc::clone(&is_over), client));
        let started = async || (stopping.handled.load(Ordering::Relaxed) > 100).then_some(());
        wait_for("the first requests", started).await;
        stopping.stop().await;
        is_over.store(true, Ordering::Relaxed);

        let answers = sender.await.unwrap();
        let lost: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert!(lost.is_empty(), "{} of {} requests: {}", lost.len(), answers.len(), lost[0]);
        let handled = [&stopping, &staying].map(|instance| instance.handled.load(Ordering::Relaxed));
        assert_eq!(handled.iter().sum::<usize>(), answers.len(), "each request is handled once: {handled:?}");
    }
}

/// Keeps a thousand requests in flight until it is over, and then sends one more. Returns all answers.
async fn send_until(
    is_over: Arc<AtomicBool>,
    client: async_nats::Client,
) -> Vec<Result<Message, RequestError>> {
    let permits = Arc::new(Semaphore::new(1000));
    let mut requests = JoinSet::new();
    let mut is_last = false;
    while !is_last {
        is_last = is_over.load(Ordering::Relaxed);
        let (client, permit) = (client.clone(), Arc::clone(&permits).acquire_owned().await);
        requests.spawn(async move {
            let _until_answered = permit;
            let request =
                async_nats::Request::new().headers(headers("/slow", TIMEOUT)).timeout(Some(TIMEOUT));
            client.send_request("http.service", request).await
        });
    }
    requests.join_all().await
}

#[tokio::test]
async fn a_shutdown_is_noticed_while_requests_wait_for_capacity() {
    let mut service = Service::start().await;
    let nats = service.nats.connect().await;
    for _ in 0..600 {
        let never = headers("/never", Duration::from_secs(2));
        nats.publish_with_reply_and_headers("http.service", "nowhere", never, Bytes::new()).await.unwrap();
    }
    nats.flush().await.unwrap();
    drop(service.stop.take());
    let left = async || {
        let answer =
            timeout(Duration::from_secs(1), nats.request("http.service", Bytes::new())).await.ok()?;
        (answer.err()?.kind() == RequestErrorKind::NoResponders).then_some(())
    };
    wait_for("the instance to leave the queue group", left).await;
    assert!(!service.stopped.is_finished(), "the requests are still in flight");
    service.stop().await;
}
