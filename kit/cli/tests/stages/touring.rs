//! `kit tour` at a terminal, which shows one step at a time.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use stage::RunFolder;
use tokio::runtime::Runtime;

use crate::harness::{Course, KIT, open_terminal, until};

const PROMPT: &str = "Enter for the next step";

/// A shop that logs in, adds a product, and fails at everything else. For `kit`, it is the running stage of a course.
struct Shop {
    course: Course,
    requests: Arc<Mutex<Vec<String>>>,
    _run: RunFolder,
}

/// A running tour, and the terminal that it runs at.
struct Tour {
    kit: Child,
    keyboard: File,
    shown: Arc<Mutex<String>>,
}

impl Shop {
    fn open() -> Self {
        let course = Course::new();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let status = json!({
            "chapter": 1, "routes": {"/": format!("http://{}", listener.local_addr().unwrap())},
            "staff": {"email": "staff@shop.example", "password": "secret"}, "payments": null, "nats": null, "processes": [],
            "workspace": course.root(), "databases": [], "settings": {},
        });
        let run_dir = course.root().join(".run");
        let run = Runtime::new().unwrap().block_on(RunFolder::claim(&run_dir, 1, KIT.as_ref())).unwrap();
        course.write(".run/status.json", &status.to_string());
        std::fs::create_dir_all(run.data(1)).unwrap();
        let received = Arc::clone(&requests);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream, &received)));
        Self { course, requests, _run: run }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn tour(&self, more: &[&str]) -> Tour {
        let (keyboard, terminal) = open_terminal();
        let mut tour = self.course.command(&[&["tour"], more].concat());
        tour.stdin(terminal.try_clone().unwrap()).stdout(terminal).stderr(Stdio::null());
        let kit = tour.spawn().unwrap();
        drop(tour); // it has the terminal open, so the screen would never end
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut screen, text) = (keyboard.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                text.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Tour { kit, keyboard, shown }
    }
}

impl Tour {
    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn prompts(&self) -> usize {
        self.shown.lock().unwrap().matches(PROMPT).count()
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        self.kit.kill().ok();
        self.kit.wait().ok();
    }
}

/// Answers one request, and records its method and path.
fn serve(mut stream: TcpStream, requests: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != "\r\n") {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        lines.push(line);
    }
    let length = lines
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.trim().parse().ok());
    reader.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
    let request = lines[0].rsplit_once(' ').unwrap().0.to_owned();
    let (status, body) = answer(&request);
    requests.lock().unwrap().push(request);
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    stream.write_all(format!("{head}content-type: application/json\r\n\r\n{body}").as_bytes()).ok();
}

fn answer(request: &str) -> (&'static str, Value) {
    let time = "2026-11-27T12:00:00Z";
    match request {
        "POST /sessions" => {
            ("201 Created", json!({"token": "a token", "token_type": "Bearer", "expires_at": time}))
        }
        "POST /products" => {
            let product = json!({
                "id": "018bcfe5-6800-7000-8000-000000000000", "name": "Tea kettle", "description": "", "available": 3,
                "price": {"amount": 2499, "currency": "EUR"}, "created_at": time, "updated_at": time,
            });
            ("201 Created", product)
        }
        _ => ("500 Internal Server Error", json!({})),
    }
}

#[test]
fn at_a_terminal_the_tour_waits_for_enter_after_each_step_and_after_ctrl_d_no_longer() {
    let shop = Shop::open();
    let mut tour = shop.tour(&[]);
    until("the first step is shown", || tour.prompts() == 1);
    assert_eq!(shop.requests(), ["POST /sessions"]);

    tour.press("\n");
    until("the second step is shown", || tour.prompts() == 2);
    assert_eq!(shop.requests(), ["POST /sessions", "POST /products"]);

    tour.press("\u{4}"); // Ctrl-D
    until("the next steps are made", || tour.kit.try_wait().unwrap().is_some());
    assert_eq!(shop.requests()[2..], ["POST /users"]);
    assert_eq!(tour.prompts(), 2);
}

#[test]
fn a_fast_tour_waits_for_nothing() {
    let shop = Shop::open();
    let mut tour = shop.tour(&["--fast"]);
    until("the steps are made", || tour.kit.try_wait().unwrap().is_some());
    assert_eq!(shop.requests(), ["POST /sessions", "POST /products", "POST /users"]);
    assert_eq!(tour.prompts(), 0);
}
