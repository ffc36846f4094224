//! The contract as the stage serves it, and its health.

use anyhow::{Result, ensure};
use shop_client::Request;

use crate::World;
use crate::contract;

journeys![
    the_stage_serves_the_contract_byte_for_byte,
    the_contract_for_people_needs_no_internet,
    the_stage_says_that_it_is_alive_and_ready,
];

async fn the_stage_serves_the_contract_byte_for_byte(world: World) -> Result<()> {
    let answer = world.shop.send(Request::get("/openapi.yaml")).await?;
    ensure!(answer.status == 200);
    ensure!(answer.header("content-type").is_some_and(|kind| kind.contains("yaml")));
    ensure!(answer.body == contract::TEXT.as_bytes(), "it differs from kit/acceptance/contract/openapi.yaml");
    Ok(())
}

async fn the_contract_for_people_needs_no_internet(world: World) -> Result<()> {
    let answer = world.shop.send(Request::get("/docs")).await?;
    ensure!(answer.status == 200);
    ensure!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let page = String::from_utf8(answer.body)?;
    for (start, _) in page.match_indices("src=").chain(page.match_indices("href=")) {
        let target: String = page[start..].chars().take(40).collect();
        let leads_away = target.contains("=\"http") || target.contains("='http") || target.contains("=\"//");
        ensure!(!leads_away, "the page references {target}");
    }
    ensure!(
        !page.contains("@import") && !page.contains("url(http"),
        "the page's style references the internet"
    );
    Ok(())
}

async fn the_stage_says_that_it_is_alive_and_ready(world: World) -> Result<()> {
    for path in ["/health/live", "/health/ready"] {
        let answer = world.shop.send(Request::get(path)).await?;
        ensure!(answer.status == 200, "{path} was answered {}", answer.status);
    }
    Ok(())
}
