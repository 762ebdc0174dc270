//! A small server on loopback.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// One that does this to everybody who connects, each on a thread.
pub(crate) fn serving(then: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let then = Arc::new(then);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, then) = (stream.unwrap(), Arc::clone(&then));
            thread::spawn(move || then(stream));
        }
    });
    address
}
