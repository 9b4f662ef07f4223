//! The example server as a process, questions put to it, and a gate before it that empties its cache.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVersion};
use serde_json::Value;

pub(crate) struct TlsServer {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

/// The certificate of all servers, and the folder in which clients keep what they are given.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
}

impl Files {
    pub(crate) fn new(test: &str) -> Files {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("programs-{test}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let files = Files { folder };
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
                     -keyout key.pem -out cert.pem";
        files.run("openssl", words, "");
        files
    }

    /// Runs a program in the folder, and returns what it printed on both ways.
    pub(crate) fn run(&self, program: &str, words: &str, input: &str) -> String {
        let mut command = Command::new(program);
        command.args(words.split_whitespace()).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{program}: {error}; `cargo xtask test` installs what the tests need")
        });
        // One that has ended does not hear it; what it printed tells.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { stdout, stderr, .. } = child.wait_with_output().unwrap();
        [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n")
    }
}

impl TlsServer {
    pub(crate) fn start(files: &Files, flags: &str) -> TlsServer {
        let mut command = Command::new(binary());
        command.args("--listen 127.0.0.1:0 --cert cert.pem --key key.pem".split(' '));
        command.args(flags.split_whitespace()).current_dir(&files.folder).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").expect("it says where it is");
        TlsServer { child, address: address.parse().unwrap(), stdout: Some(stdout) }
    }

    /// Asks for a path over a connection of its own, which has no session.
    pub(crate) fn ask(&self, path: &str) -> Value {
        ask(self.address, path)
    }

    pub(crate) fn figure(&self, name: &str) -> u64 {
        self.ask("/")["statistics"][name].as_u64().unwrap()
    }

    pub(crate) fn hits(&self) -> u64 {
        self.figure("hits")
    }

    /// How many hits there are more when `visit` has been.
    pub(crate) fn hits_of(&self, visit: impl FnOnce()) -> u64 {
        let before = self.hits();
        visit();
        self.hits() - before
    }

    pub(crate) fn empty_the_cache(&self) {
        self.ask("/flush");
    }

    /// Tells it to end, and returns what it says then.
    pub(crate) fn end(mut self) -> Value {
        self.terminate();
        let mut last = String::new();
        self.stdout.take().unwrap().read_to_string(&mut last).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        serde_json::from_str(&last).unwrap()
    }
}

impl TlsServer {
    /// Tells it to end, and listens no more.
    pub(crate) fn end_unread(mut self) -> ExitStatus {
        self.stdout = None;
        self.terminate();
        self.child.wait().unwrap()
    }

    fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // Of a test that failed; one that was told to end has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(server: SocketAddr, path: &str) -> Value {
    let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    let socket = TcpStream::connect(server).unwrap();
    let mut stream = SslStream::new(Ssl::new(&builder.build()).unwrap(), socket).unwrap();
    stream.connect().unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let told = told(&answer).pop().expect("it answers with what it knows");
    assert_eq!(told["reused"], false);
    told
}

/// The answers of the server in what a client printed.
pub(crate) fn told(printed: &str) -> Vec<Value> {
    let answers = printed.lines().filter_map(|line| line.find("{\"reused\"").map(|at| &line[at..]));
    answers.map(|answer| serde_json::from_str(answer).unwrap()).collect()
}

/// Whether each answer says that its connection was resumed.
pub(crate) fn reused(printed: &str) -> Vec<bool> {
    told(printed).iter().map(|answer| answer["reused"].as_bool().unwrap()).collect()
}

/// The example as it was built with this test. The other example server has the same name, and cargo puts what it
/// built last where both are looked for; under its full name each stays.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let deps = std::env::current_exe().unwrap();
        let examples = deps.parent().unwrap().with_file_name("examples");
        let mut built: Vec<_> = fs::read_dir(&examples)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none() && name(path).starts_with("tls_server-"))
            .collect();
        built.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
        let is_ours = |path: &PathBuf| {
            let help = Command::new(path).arg("--help").output();
            help.is_ok_and(|help| {
                String::from_utf8_lossy(&help.stdout).contains("on OpenSSL whose")
            })
        };
        let found = built.into_iter().rev().find(is_ours).unwrap_or_else(|| {
            panic!("no tls_server in {}: build the examples too", examples.display())
        });
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let changed = ["src", "examples"].map(|folder| last_change(&package.join(folder)));
        let is_old = changed.iter().any(|changed| *changed > last_change(&found));
        assert!(!is_old, "{} is older than its source: build the examples too", found.display());
        found
    })
}

/// When a file, or the newest one in a folder, was written.
fn last_change(path: &Path) -> SystemTime {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| last_change(&entry.unwrap().path()));
        return entries.max().unwrap_or(SystemTime::UNIX_EPOCH);
    }
    fs::metadata(path).unwrap().modified().unwrap()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Stands before a server, and lets a connection through when the server has done with the one before: for programs
/// that come back at once. libssl stores a session up to TLS 1.2 when it has sent its last message, and who is faster
/// than that is not resumed. Returns where it stands.
pub(crate) fn one_by_one(server: SocketAddr) -> SocketAddr {
    gate(server, || {})
}

/// Does as [`one_by_one`], and empties the server's cache in between: for programs that come back on their own.
pub(crate) fn emptied(server: SocketAddr) -> SocketAddr {
    gate(server, move || drop(ask(server, "/flush")))
}

fn gate(server: SocketAddr, between: impl Fn() + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut before: Option<JoinHandle<()>> = None;
        for client in listener.incoming() {
            if let Some(before) = before.take() {
                before.join().unwrap();
                between();
            }
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { return };
            let (there, back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(there, server));
            before = Some(thread::spawn(move || pass(back, client)));
        }
    });
    address
}

/// Passes on what one says to the other, and that he has no more to say.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}
