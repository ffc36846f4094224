//! The limits of a connection. A client that sends no valid request, or a request that never ends, is not served for
//! ever and does not keep others from being served.

use std::{
    thread,
    time::{Duration, Instant},
};

use shop::server::HEAD_TIMEOUT;

use crate::program::{Program, read_to_end};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
const HALF_A_HEAD: &str = "GET /health/live HTTP/1.1\r\nhost:";

/// Longer than a timeout: the machine may be loaded.
const MARGIN: Duration = Duration::from_secs(8);

fn start() -> (Program, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Program::start(folder.path()), folder)
}

#[test]
fn a_head_over_32_kib_is_431() {
    let (program, _folder) = start();
    let head = |bytes: usize| LIVE.replace("shop", &format!("shop\r\nx-filler: {}", "x".repeat(bytes)));
    assert!(read_to_end(program.send(&head(31 * 1024))).starts_with("HTTP/1.1 200"));
    let whole = head(32 * 1024);
    for head in [whole.as_str(), whole.trim_end()] {
        let response = read_to_end(program.send(head));
        assert!(response.starts_with("HTTP/1.1 431"), "{response}");
    }
}

#[test]
fn conflicting_lengths_are_400() {
    let (program, _folder) = start();
    let head = "POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}";
    let response = read_to_end(program.send(head));
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
}

#[test]
fn a_request_that_stops_arriving_is_ended() {
    let (program, _folder) = start();
    let idle = LIVE.replace("close", "keep-alive");
    let half_a_body = "POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\n{";
    let cases = [("", ""), (HALF_A_HEAD, ""), (idle.as_str(), "HTTP/1.1 200"), (half_a_body, "HTTP/1.1 400")];
    thread::scope(|scope| {
        for (sent, expected) in cases {
            let program = &program;
            scope.spawn(move || {
                let started = Instant::now();
                let response = read_to_end(program.send(sent));
                assert!(response.starts_with(expected), "{sent:?}: {response}");
                assert!(started.elapsed() < HEAD_TIMEOUT + MARGIN, "{sent:?}: {:?}", started.elapsed());
            });
        }
    });
}

#[test]
fn more_connections_than_files_do_not_make_the_shop_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with_file_limit(folder.path(), 140);
    let _incomplete: Vec<_> = (0..70).map(|_| program.send(HALF_A_HEAD)).collect();
    let started = Instant::now();
    let response = read_to_end(program.send(LIVE));
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(started.elapsed() < HEAD_TIMEOUT + MARGIN, "{:?}", started.elapsed());
}
