//! Client connections are spread over the data workers evenly, also when there are few.

use tests::{Lab, Origin, eventually};

/// Breaks when the kernel's hash decides which worker gets a connection, or when closed ones stay counted.
#[tokio::test]
async fn five_connections_are_three_and_two() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    for _ in 0..10 {
        let mut clients = Vec::new();
        for _ in 0..5 {
            let mut client = lab.connect().await;
            assert_eq!(client.get("/").await.status(), 200);
            clients.push(client);
        }
        let mut spread = lab.connections();
        spread.sort_unstable();
        assert_eq!(spread, [2, 3]);
        drop(clients);
        eventually("nobody connected", async || lab.connections() == [0, 0]).await;
    }
}

/// Breaks when arrivals in the same instant are placed by a count that is not yet taken.
#[tokio::test]
async fn a_burst_is_spread_too() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().section("process", "threads = 4").server("a", origin.address()).start().await;
    let frontend = lab.frontend();
    let burst: Vec<_> = (0..40).map(|_| tokio::spawn(tests::Wire::connect(frontend))).collect();
    let mut clients = Vec::new();
    for client in burst {
        clients.push(client.await.unwrap().unwrap());
    }
    eventually("ten each", async || lab.connections() == [10; 4]).await;
    for client in &mut clients {
        assert_eq!(client.get("/").await.status(), 200);
    }
}
