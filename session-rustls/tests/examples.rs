//! The examples, run: what they print they assert too.

#[path = "../examples/https.rs"]
mod https;
#[path = "../examples/quic.rs"]
mod quic;

#[test]
fn https_client_comes_back() {
    https::main().unwrap();
}

#[test]
fn quic_client_comes_back_and_its_early_data_is_accepted() {
    quic::main().unwrap();
}
