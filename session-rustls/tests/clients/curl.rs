//! `curl`, one process that connects anew for each URL.

use crate::server::Server;

fn fetch(server: &mut Server, version: &str, paths: &[&str]) -> Vec<bool> {
    let (at_least, at_most) = (format!("--tlsv{version}"), version);
    let mut arguments: Vec<String> =
        ["-s", "-k", &at_least, "--tls-max", at_most, "-H", "Connection: close"]
            .map(str::to_string)
            .to_vec();
    arguments.extend(paths.iter().map(|path| format!("https://{}{path}", server.address())));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let printed = server.run("curl", &arguments, "");
    let answers = server.answers(&printed);
    assert!(answers.iter().all(|answer| answer.version() == format!("TLSv{version}")));
    answers.iter().map(|answer| answer.reused()).collect()
}

#[test]
fn second_url_is_fetched_with_the_session_of_the_first() {
    let mut server = Server::start(&["--no-ticket"]);
    for version in ["1.2", "1.3"] {
        assert_eq!(fetch(&mut server, version, &["/", "/", "/any?thing"]), [false, true, true]);
        assert_eq!(fetch(&mut server, version, &["/"]), [false], "a new process has no session");
    }
    server.end();
}

#[test]
fn url_is_fetched_with_a_full_handshake_after_the_cache_was_emptied() {
    let mut server = Server::start(&["--no-ticket"]);
    for version in ["1.2", "1.3"] {
        let expected = [false, true, false, true];
        assert_eq!(fetch(&mut server, version, &["/", "/flush", "/", "/"]), expected);
    }
    server.end();
}
