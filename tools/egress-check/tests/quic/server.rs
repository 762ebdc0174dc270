//! `quic-server ADDRESS:PORT` is a real QUIC server for the lab: the control of the QUIC probes, and what they
//! find where nothing is in the way. It prints a line when it is bound, and another for each handshake.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a server of a test that cannot go on fails it")]

#[path = "mod.rs"]
mod quic;

fn main() {
    let address = std::env::args().nth(1).expect("quic-server ADDRESS:PORT").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (endpoint, bound) = quic::bind(address, "h3");
        println!("bound {bound}");
        quic::serve(endpoint, quic::Manner::Welcomes, |name| println!("handshake {name}")).await;
    });
}
