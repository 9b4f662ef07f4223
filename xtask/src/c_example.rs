//! The example server in C on the system's OpenSSL, and real clients that come back to it; and the header that it is
//! made with in a module that is unloaded.
//!
//! A resumption counts only if the cache's hit counter rose by one for it.

use std::io::{BufRead, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::c::{self, Library};
use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

/// Runs every scene.
///
/// # Errors
/// When the server does not build or start, or a client is not served as it should be.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let example = Example::build(workspace)?;
    let mut server = example.start(&[])?;
    six_connections_of_tls12(&mut server)?;
    session_file(&mut server, "-tls1_2", true)?;
    session_file(&mut server, "-tls1_3", false)?;
    server.quit()?;
    for options in [&["early"][..], &["early", "switch"]] {
        let mut server = example.start(options)?;
        early_data_once(&mut server)?;
        server.quit()?;
    }
    for options in [&["retry"][..], &["retry", "early"], &["retry", "early", "switch"]] {
        let mut server = example.start(options)?;
        second_client_hello(&mut server)?;
        server.quit()?;
    }
    module(workspace, &example)?;
    println!(
        "c-example: sessions of TLS 1.2 and 1.3 came back from the cache, and only from there"
    );
    Ok(())
}

/// The server, built, and what it is started with.
struct Example {
    library: Library,
    binary: PathBuf,
    folder: PathBuf,
}

struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
    folder: PathBuf,
    hits: u64,
}

/// What the server says about a connection.
#[derive(Debug, PartialEq, Eq)]
struct Served {
    resumed: bool,
    early_bytes: u64,
}

impl Example {
    fn build(workspace: &Workspace) -> Result<Example, Failure> {
        let folder = workspace.target_folder().join("c-example");
        std::fs::create_dir_all(&folder).map_err(|error| cannot("make a folder", &error))?;
        let library = c::plain_library(workspace)?;
        let binary = folder.join("tls_server");
        compile(workspace, &library, "session-ffi/examples/tls_server.c", &binary, &[])?;
        let mut certificate = workspace.command("openssl".into());
        certificate.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        certificate.args(["-nodes", "-days", "2", "-subj", "/CN=localhost"]);
        certificate.arg("-keyout").arg(folder.join("key.pem"));
        certificate.arg("-out").arg(folder.join("cert.pem")).stderr(Stdio::null());
        program::run(&mut certificate, "certificate", "is that an OpenSSL?")?;
        Ok(Example { library, binary, folder })
    }

    fn start(&self, options: &[&str]) -> Result<Server, Failure> {
        let mut command = Command::new(&self.binary);
        command.args([self.folder.join("cert.pem"), self.folder.join("key.pem")]).args(options);
        program::show(&command);
        let spawned = command.stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| cannot("start tls_server", &error))?;
        let stdout =
            child.stdout.take().ok_or_else(|| Failure::failed("tls_server has no stdout"))?;
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let address = first.strip_prefix("listening on ").map(str::to_string);
        let address =
            address.ok_or_else(|| Failure::failed("tls_server does not say where it is"))?;
        Ok(Server { child, lines, address, folder: self.folder.clone(), hits: 0 })
    }
}

impl Server {
    /// Runs a client that says one line, to its end.
    fn client(&self, line: &str, options: &[&str]) -> Result<(), Failure> {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &self.address, "-ign_eof"]).args(options);
        command.current_dir(&self.folder);
        program::show(&command);
        let quiet = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().map_err(|error| cannot("start openssl", &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A client that was refused has ended; the server's line tells.
            let _ = writeln!(stdin, "{line}");
        }
        child.wait().map(|_| ()).map_err(|error| cannot("wait for openssl", &error))
    }

    /// Reads what the server says about the next connection, and checks the hit counter.
    fn served(&mut self) -> Result<Served, Failure> {
        let line = self.lines.next().and_then(Result::ok);
        let line = line.ok_or_else(|| Failure::failed("tls_server has ended"))?;
        eprintln!("  {line}");
        let number = |name: &str| {
            let word = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            word.and_then(|word| word.parse::<u64>().ok())
        };
        let (Some(hits), Some(early_bytes)) = (number("hits="), number("early=")) else {
            return Err(Failure::failed(format!("tls_server says `{line}`")));
        };
        let resumed = line.contains(" resumed ");
        if hits != self.hits + u64::from(resumed) {
            return Err(Failure::failed(format!("hits were {}, and then `{line}`", self.hits)));
        }
        self.hits = hits;
        Ok(Served { resumed, early_bytes })
    }

    /// Serves one client and checks what the server says.
    fn expect(&mut self, line: &str, options: &[&str], expected: &Served) -> Result<(), Failure> {
        self.client(line, options)?;
        self.is_next(expected)
    }

    fn is_next(&mut self, expected: &Served) -> Result<(), Failure> {
        let served = self.served()?;
        if served == *expected {
            return Ok(());
        }
        Err(Failure::failed(format!("expected {expected:?}, the server says {served:?}")))
    }

    fn quit(mut self) -> Result<(), Failure> {
        self.client("quit", &[])?;
        let status = self.child.wait().map_err(|error| cannot("wait for tls_server", &error))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::failed(format!("tls_server ended with {status}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Of a scene that failed; one that quit has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const FULL: Served = Served { resumed: false, early_bytes: 0 };
const RESUMED: Served = Served { resumed: true, early_bytes: 0 };

fn six_connections_of_tls12(server: &mut Server) -> Result<(), Failure> {
    server.client("hello", &["-reconnect", "-tls1_2", "-no_ticket"])?;
    server.is_next(&FULL)?;
    (0..5).try_for_each(|_| server.is_next(&RESUMED))
}

/// A client keeps its session in a file, comes back with it, and again, and when the cache was emptied.
fn session_file(
    server: &mut Server,
    version: &str,
    as_often_as_it_likes: bool,
) -> Result<(), Failure> {
    let file = "session.pem";
    let again = if as_often_as_it_likes { RESUMED } else { FULL };
    server.expect("hello", &[version, "-no_ticket", "-sess_out", file], &FULL)?;
    server.expect("hello", &[version, "-no_ticket", "-sess_in", file], &RESUMED)?;
    server.expect("hello", &[version, "-no_ticket", "-sess_in", file], &again)?;
    server.expect("flush", &[version, "-no_ticket", "-sess_out", file], &FULL)?;
    server.expect("hello", &[version, "-no_ticket", "-sess_in", file], &FULL)
}

fn early_data_once(server: &mut Server) -> Result<(), Failure> {
    let data = "early data";
    write(&server.folder.join("early.txt"), data)?;
    let with_early_data = ["-tls1_3", "-sess_in", "session.pem", "-early_data", "early.txt"];
    let accepted = Served { resumed: true, early_bytes: data.len() as u64 };
    server.expect("hello", &["-tls1_3", "-sess_out", "session.pem"], &FULL)?;
    server.expect("hello", &with_early_data, &accepted)?;
    // The same again is a replay.
    server.expect("hello", &with_early_data, &FULL)
}

/// The server asks for another group than the client guesses, and looks for its session twice.
fn second_client_hello(server: &mut Server) -> Result<(), Failure> {
    let hello = ["-tls1_3", "-groups", "X25519:P-256"];
    let with = |more: &[&'static str]| [&hello, more].concat();
    server.expect("hello", &with(&["-sess_out", "session.pem"]), &FULL)?;
    server.expect("hello", &with(&["-sess_in", "session.pem"]), &RESUMED)?;
    // It was used.
    server.expect("hello", &with(&["-sess_in", "session.pem"]), &FULL)
}

/// A library with the header in it is loaded, used, and unloaded while its `SSL_CTX` lives on.
fn module(workspace: &Workspace, example: &Example) -> Result<(), Failure> {
    let Example { library, folder, .. } = example;
    let (plugin, binary) = (folder.join("plugin.so"), folder.join("module"));
    let shared = ["-shared", "-fPIC"];
    compile(workspace, library, "session-ffi/tests/openssl/plugin.c", &plugin, &shared)?;
    compile(workspace, library, "session-ffi/tests/openssl/module.c", &binary, &["-ldl"])?;
    let mut command = workspace.command(binary.into());
    command.arg(plugin).args([folder.join("cert.pem"), folder.join("key.pem")]);
    program::run(&mut command, "module", "its words are above")
}

/// Compiles a file that uses OpenSSL.
fn compile(
    workspace: &Workspace,
    library: &Library,
    source: &str,
    binary: &Path,
    more: &[&str],
) -> Result<(), Failure> {
    let source = workspace.root().join(source);
    let mut compile = c::compile(workspace, "gcc", &source, binary, library);
    compile.args(["-lssl", "-lcrypto"]).args(more);
    program::run(&mut compile, &source.display().to_string(), "the compiler's words are above")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| cannot("write", &error))
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::failed(format!("c-example cannot {what}: {error}"))
}
