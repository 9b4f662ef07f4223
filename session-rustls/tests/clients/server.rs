//! The example server as a process, and what it answers.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

pub(crate) struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
    folder: PathBuf,
    /// As the last answer had it.
    hits: u64,
}

/// What one connection was told.
#[derive(Debug)]
pub(crate) struct Answer(Value);

impl Answer {
    pub(crate) fn reused(&self) -> bool {
        self.0["reused"].as_bool().unwrap()
    }

    pub(crate) fn version(&self) -> &str {
        self.0["version"].as_str().unwrap()
    }

    pub(crate) fn early_data_bytes(&self) -> u64 {
        self.0["early_data_bytes"].as_u64().unwrap()
    }

    pub(crate) fn figure(&self, name: &str) -> u64 {
        self.0["statistics"][name].as_u64().unwrap()
    }
}

/// Starts the example with these arguments, built as it is now.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "session-rustls", "--example", "tls_server", "--"]);
    // What cargo tells a test of its package would make it build again what asks for these, ring for one.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    // On unix cargo becomes what it runs, so that the child is the server itself.
    cargo.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    cargo
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Server {
        let folder = folder();
        let certificate = folder.join("cert.pem");
        let key = folder.join("key.pem");
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut arguments = vec!["--listen", "127.0.0.1:0"];
        arguments.extend(["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()]);
        arguments.extend(options);
        let mut child = command(&arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(Ok(first)) = lines.next() else { panic!("{}", said(child.stderr.take())) };
        let address = first.strip_prefix("listening on ").expect("it says where").to_string();
        Server { child, lines, address, folder, hits: 0 }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Where clients may keep their files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a client to its end, with what it has to say, and returns what it printed.
    pub(crate) fn run(&self, client: &str, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(client);
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{client}: {error}; `cargo xtask test` installs what the tests need")
        });
        // A client that was refused has ended; what it printed tells.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    }

    /// Finds the answers in what a client printed, and checks that each resumption was a hit, and nothing else.
    pub(crate) fn answers(&mut self, printed: &str) -> Vec<Answer> {
        let answers = self.answers_without_hits(printed);
        for answer in &answers {
            self.hits += u64::from(answer.reused());
            assert_eq!(answer.figure("hits"), self.hits, "{answer:?}");
        }
        answers
    }

    /// As `answers`, where the hits are not the cache's.
    pub(crate) fn answers_without_hits(&self, printed: &str) -> Vec<Answer> {
        let lines = printed.lines().filter_map(|line| {
            let start = line.find("{\"reused\":")?;
            Some(Answer(serde_json::from_str(&line[start..]).unwrap()))
        });
        let answers: Vec<_> = lines.collect();
        assert!(!answers.is_empty(), "no answer in: {printed}");
        answers
    }

    /// Tells it to end, and returns its last word.
    pub(crate) fn end(mut self) -> Value {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let last = self.lines.next().expect("it says its statistics").unwrap();
        assert!(self.lines.next().is_none(), "and nothing more");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", said(self.child.stderr.take()));
        serde_json::from_str(&last).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of a test that failed; one that was told to end has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder of the test's own.
fn folder() -> PathBuf {
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let name = format!("clients-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn said(stderr: Option<ChildStderr>) -> String {
    std::io::read_to_string(stderr.unwrap()).unwrap()
}
