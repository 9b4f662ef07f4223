//! `gnutls-cli`, which connects, and then again with the session of the first time.

use crate::server::Server;

#[test]
fn gnutls_comes_back_with_its_session() {
    for version in ["1.2", "1.3"] {
        let mut server = Server::start(&["--no-ticket"]);
        let priority = format!("--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}:%NO_TICKETS_TLS12");
        let port = server.port().to_string();
        let arguments = ["--insecure", "--resume", "--waitresumption", &priority, "-p", &port];
        let printed = server.run(
            "gnutls-cli",
            &[&arguments[..], &["127.0.0.1"]].concat(),
            "GET / HTTP/1.0\r\n\r\n",
        );
        assert!(printed.contains("*** This is a resumed session"), "{printed}");
        let answers = server.answers(&printed);
        assert_eq!((answers.len(), answers[0].reused()), (1, true));
        assert_eq!(answers[0].version(), format!("TLSv{version}"));
        server.end();
    }
}
