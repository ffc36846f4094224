//! Connections on which no valid request arrives, or only a part of one. They end soon, and they do not keep the shop from
//! serving others.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use shop_client::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::World;

journeys![
    a_head_over_32_kib_is_431,
    conflicting_lengths_are_400,
    a_connection_on_which_no_whole_head_arrives_is_closed,
    a_body_that_does_not_arrive_in_time_is_400,
    half_sent_heads_do_not_make_the_shop_unreachable,
];

/// The contract says 10 seconds. The limit is twice that, because the machine may be loaded.
const TIMEOUT: Duration = Duration::from_secs(20);

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: shop\r\n\r\n";
const HALF_A_HEAD: &str = "GET /health/live HTTP/1.1\r\nhost:";

async fn send(world: &World, bytes: &str) -> Result<TcpStream> {
    let mut connection = world.connect().await?;
    connection.write_all(bytes.as_bytes()).await?;
    Ok(connection)
}

/// Reads until the shop closes the connection.
async fn read_to_end(mut connection: TcpStream) -> Result<String> {
    let mut response = Vec::new();
    match timeout(TIMEOUT, connection.read_to_end(&mut response)).await {
        // The kernel resets a connection that is closed before all of its bytes were read.
        Ok(Err(error)) if error.kind() != ErrorKind::ConnectionReset => Err(error.into()),
        Ok(_) => String::from_utf8(response).context("the response is not text"),
        Err(_) => bail!("the connection is still open after {TIMEOUT:?}"),
    }
}

/// Sends bytes, and checks how the response begins. Then the shop must close the connection.
async fn ensure_response(world: &World, bytes: &str, start: &str) -> Result<()> {
    let response = read_to_end(send(world, bytes).await?).await?;
    let sent = bytes.chars().take(100).collect::<String>();
    ensure!(response.starts_with(start), "the response to {sent:?} is {response:?}, not {start}");
    Ok(())
}

async fn a_head_over_32_kib_is_431(world: World) -> Result<()> {
    let filler = format!("shop\r\nx-filler: {}", "x".repeat(32 * 1024));
    ensure_response(&world, &LIVE.replace("shop", &filler), "HTTP/1.1 431").await
}

async fn conflicting_lengths_are_400(world: World) -> Result<()> {
    let request = "POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}";
    ensure_response(&world, request, "HTTP/1.1 400").await
}

async fn a_connection_on_which_no_whole_head_arrives_is_closed(world: World) -> Result<()> {
    tokio::try_join!(
        ensure_response(&world, "", ""),
        ensure_response(&world, HALF_A_HEAD, ""),
        ensure_response(&world, LIVE, "HTTP/1.1 200"), // idle from then on
    )?;
    Ok(())
}

async fn a_body_that_does_not_arrive_in_time_is_400(world: World) -> Result<()> {
    let request = "POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\n{";
    ensure_response(&world, request, "HTTP/1.1 400").await
}

async fn half_sent_heads_do_not_make_the_shop_unreachable(world: World) -> Result<()> {
    let mut incomplete = Vec::new();
    for _ in 0..200 {
        incomplete.push(send(&world, HALF_A_HEAD).await?);
    }
    let live = timeout(TIMEOUT, world.shop.send(Request::get("/health/live"))).await;
    let live = live.context("the shop does not respond")??;
    ensure!(live.status == 200, "the status is {}", live.status);
    drop(incomplete);
    Ok(())
}
