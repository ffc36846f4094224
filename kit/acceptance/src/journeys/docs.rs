//! The contract and the health checks, as the stage serves them.

use anyhow::{Result, ensure};
use shop_client::Request;

use crate::World;
use crate::contract;

journeys![
    the_stage_serves_the_contract_byte_for_byte,
    the_documentation_page_loads_nothing_from_the_internet,
    the_stage_reports_that_it_is_live_and_ready,
];

async fn the_stage_serves_the_contract_byte_for_byte(world: World) -> Result<()> {
    let response = world.shop.send(Request::get("/openapi.yaml")).await?;
    ensure!(response.status == 200);
    ensure!(response.header("content-type").is_some_and(|kind| kind.contains("yaml")));
    ensure!(
        response.body == contract::TEXT.as_bytes(),
        "the served contract differs from kit/acceptance/contract/openapi.yaml"
    );
    Ok(())
}

async fn the_documentation_page_loads_nothing_from_the_internet(world: World) -> Result<()> {
    let response = world.shop.send(Request::get("/docs")).await?;
    ensure!(response.status == 200);
    ensure!(response.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let page = String::from_utf8(response.body)?;
    for (start, _) in page.match_indices("src=").chain(page.match_indices("href=")) {
        let target: String = page[start..].chars().take(40).collect();
        let is_remote = target.contains("=\"http") || target.contains("='http") || target.contains("=\"//");
        ensure!(!is_remote, "the page references {target}");
    }
    ensure!(
        !page.contains("@import") && !page.contains("url(http"),
        "the style sheet of the page references the internet"
    );
    Ok(())
}

async fn the_stage_reports_that_it_is_live_and_ready(world: World) -> Result<()> {
    for path in ["/health/live", "/health/ready"] {
        let response = world.shop.send(Request::get(path)).await?;
        ensure!(response.status == 200, "{path} returned {}", response.status);
    }
    Ok(())
}
