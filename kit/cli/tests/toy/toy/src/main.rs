//! A service that answers every request with 200 and its process id.
//! `TOY_DIES` makes it print that text and exit with an error. `TOY_CHATTY` makes it print lines without a
//! pause. `TOY_SLEEPS` delays its start by so many seconds, and `TOY_SLEEPS_LATER` every start after the first one.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process, thread,
    time::Duration,
};

fn main() -> std::io::Result<()> {
    if let Ok(words) = env::var("TOY_DIES") {
        eprintln!("{words}");
        process::exit(7);
    }
    if env::var("TOY_CHATTY").is_ok() {
        thread::spawn(|| (0_u64..).for_each(|line| println!("line {line}")));
    }
    let has_started = env::var("DATABASE").is_ok_and(|database| Path::new(&database).exists());
    let delay = if has_started { "TOY_SLEEPS_LATER" } else { "TOY_SLEEPS" };
    if let Some(seconds) = env::var(delay).ok().and_then(|seconds| seconds.parse().ok()) {
        thread::sleep(Duration::from_secs(seconds));
    }
    for name in ["NATS_URL", "TOY_FILE", "HTTP_PROXY"] {
        println!("{name} is {}", env::var(name).unwrap_or_default());
    }
    let address = env::var("LISTEN").expect("LISTEN is set");
    let listener = TcpListener::bind(&address)?;
    println!("listening on {address}");
    if let Ok(database) = env::var("DATABASE") {
        std::fs::File::options().create(true).append(true).open(database)?.write_all(b"started\n")?;
    }
    for stream in listener.incoming() {
        let mut stream = stream?;
        thread::spawn(move || {
            let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let body = process::id().to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes())
        });
    }
    Ok(())
}
