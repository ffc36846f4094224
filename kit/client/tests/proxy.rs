//! The client must not use the proxy of the machine. reqwest reads `HTTP_PROXY` when it creates a client, and a test must
//! not change the environment of its own process, so the test runs itself again in a child process.

use std::{collections::BTreeMap, env, process::Command};

use shop_client::{Request, Shop};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Set only in the child process: the base URL of the shop.
const SHOP: &str = "TEST_SHOP_URL";

#[tokio::test]
async fn the_client_ignores_http_proxy() {
    if let Ok(url) = env::var(SHOP) {
        let shop = Shop::new(&BTreeMap::from([("/".to_owned(), url)])).unwrap();
        assert_eq!(shop.send(Request::get("/products")).await.unwrap().status, 204);
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve_no_content(listener));
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["--exact", "the_client_ignores_http_proxy"])
        .env(SHOP, url)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(variable, "http://127.0.0.1:1"); // nothing listens on port 1
    }
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn serve_no_content(listener: TcpListener) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let mut request = [0; 4096];
        if connection.read(&mut request).await.is_ok_and(|length| length > 0) {
            let response = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            connection.write_all(response).await.ok();
        }
    }
}
