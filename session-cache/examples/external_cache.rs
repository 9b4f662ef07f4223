//! An external cache through the hooks: a folder with a file for each session, used by two processes at once.
//!
//! The first process negotiates sessions and keeps them outside only (`NO_INTERNAL`). Then two processes, each
//! with a cache of its own over the same folder, try to use every one of them, once: for a take the get hook
//! renames the file, which one of the two can do.
//!
//! ```console
//! $ cargo run -p session-cache --example external_cache
//! ```
//!
//! The files hold secrets as they are, readable by their owner only. In earnest, seal them.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use session_cache::{
    CacheMode, Connection, IdContext, Keep, NewSession, Payload, ProtocolVersion, Role, Seconds,
    Session, SessionCache, SessionId, Shutdown, Tickets, UnixTime, Wanted,
};

const VERSION: ProtocolVersion = ProtocolVersion::TLS13;
const SESSIONS: usize = 200;

/// A folder with a file for each session, named by its id.
#[derive(Clone)]
struct Folder(PathBuf);

impl Folder {
    fn file(&self, id: &SessionId) -> PathBuf {
        let mut name = String::new();
        for byte in id.as_bytes() {
            write!(name, "{byte:02x}").expect("writing into a string");
        }
        self.0.join(name)
    }

    /// Writes a session; an id that is there already is left alone.
    fn put(&self, session: &Session) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // Under another name first: nobody may read half a session.
        let unfinished = self.file(&session.id()).with_extension("new");
        options.open(&unfinished)?.write_all(&encode(session))?;
        let linked = fs::hard_link(&unfinished, self.file(&session.id()));
        fs::remove_file(unfinished)?;
        linked
    }

    fn lookup(&self, id: &SessionId) -> Option<Session> {
        read(File::open(self.file(id)).ok()?, id)
    }

    /// Of all that rename a file, in this process or another, one succeeds.
    fn take(&self, id: &SessionId) -> Option<Session> {
        let mine = self.file(id).with_extension(format!("taken-{}", std::process::id()));
        fs::rename(self.file(id), &mine).ok()?;
        let session = read(File::open(&mine).ok()?, id);
        // Of no more use; a file that cannot be deleted is found by nobody.
        let _ = fs::remove_file(mine);
        session
    }

    fn remove(&self, id: &SessionId) {
        // It may be gone already.
        let _ = fs::remove_file(self.file(id));
    }
}

fn encode(session: &Session) -> Vec<u8> {
    let mut bytes = session.version().0.to_be_bytes().to_vec();
    bytes.extend(session.created().0.to_be_bytes());
    bytes.extend(session.timeout().0.to_be_bytes());
    bytes.extend(session.authenticated().0.to_be_bytes());
    bytes.extend(session.verify_result().to_be_bytes());
    bytes.push(session.id_context().as_bytes().len() as u8);
    bytes.extend(session.id_context().as_bytes());
    bytes.extend(session.payload());
    bytes
}

/// Reads a session; none if the file is not one.
fn read(mut file: File, id: &SessionId) -> Option<Session> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let (version, rest) = bytes.split_first_chunk()?;
    let (created, rest) = rest.split_first_chunk()?;
    let (timeout, rest) = rest.split_first_chunk()?;
    let (authenticated, rest) = rest.split_first_chunk()?;
    let (verify_result, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first()?;
    let (id_context, payload) = rest.split_at_checked(usize::from(*length))?;
    let version = ProtocolVersion(u16::from_be_bytes(*version));
    let created = UnixTime(u64::from_be_bytes(*created));
    let new = NewSession::new(version, *id, Payload::borrowed(payload))
        .with_timeout(Seconds(u64::from_be_bytes(*timeout)))
        .with_created(created)
        .with_authenticated(UnixTime(u64::from_be_bytes(*authenticated)))
        .with_verify_result(i32::from_be_bytes(*verify_result));
    Some(new.build(IdContext::new(id_context).ok()?, created))
}

fn cache(folder: &Folder) -> Arc<SessionCache> {
    let (new, get, remove) = (folder.clone(), folder.clone(), folder.clone());
    let cache = SessionCache::builder()
        .mode(CacheMode::SERVER | CacheMode::NO_INTERNAL)
        .id_context(IdContext::new(b"example").expect("7 bytes are few enough"))
        .new_hook(move |_, session| match new.put(&session) {
            Ok(()) => Keep::Yes,
            Err(_) => Keep::No,
        })
        .get_hook(move |inquiry| match inquiry.wanted {
            Wanted::Take => get.take(inquiry.id),
            Wanted::Lookup => get.lookup(inquiry.id),
        })
        .remove_hook(move |left| remove.remove(&left.session.id()))
        .build()
        .expect("the settings are in range");
    Arc::new(cache)
}

/// A handshake that issues one stateful ticket; its id is the client's ticket.
fn handshake(cache: &Arc<SessionCache>) -> SessionId {
    let mut connection = Connection::new(cache, Role::Server);
    connection.begin(VERSION);
    connection.new_session(NewSession::new(VERSION, SessionId::EMPTY, Payload::empty()));
    connection.finish();
    let id = connection.new_id().expect("the operating system has random bytes");
    connection.attach(NewSession::new(VERSION, id, Payload::borrowed(b"resumption secret")));
    connection.established(Tickets::Stateful);
    connection.set_shutdown(Shutdown::SENT);
    id
}

/// Tries every ticket, and says on its output which it won.
fn work(folder: &Folder) {
    let cache = cache(folder);
    let ids = fs::read_to_string(folder.0.join("ids.txt")).expect("the first process wrote it");
    for line in ids.lines() {
        let bytes: Vec<u8> = (0..line.len() / 2)
            .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).expect("it wrote hex"))
            .collect();
        let mut connection = Connection::new(&cache, Role::Server);
        connection.begin(VERSION);
        let id = SessionId::new(&bytes).expect("it wrote ids");
        if connection.resume_once(&id).expect("an id context is set") {
            println!("{line}");
        }
        connection.set_shutdown(Shutdown::SENT);
    }
    assert!(cache.is_empty(), "nothing is kept inside");
}

fn conduct() {
    let folder = Folder(std::env::temp_dir().join(format!("sessions-{}", std::process::id())));
    fs::create_dir(&folder.0).expect("a folder of its own in the folder for temporary files");
    let first = cache(&folder);
    let mut ids = String::new();
    for _ in 0..SESSIONS {
        let id = handshake(&first);
        let name = folder.file(&id);
        ids.push_str(&name.file_name().expect("it has a name").to_string_lossy());
        ids.push('\n');
    }
    fs::write(folder.0.join("ids.txt"), &ids).expect("the folder is writable");
    println!("{SESSIONS} sessions kept outside; {} inside", first.len());

    let worker = |_| {
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(this);
        command.arg("--folder").arg(&folder.0).stdout(Stdio::piped());
        command.spawn().expect("this program starts once more")
    };
    let workers: Vec<_> = (0..2).map(worker).collect();
    let mut won: Vec<String> = Vec::new();
    for (number, worker) in workers.into_iter().enumerate() {
        let output = worker.wait_with_output().expect("it ends");
        assert!(output.status.success(), "process {number}: {}", output.status);
        let text = String::from_utf8(output.stdout).expect("it prints hex");
        println!("process {}: resumed {}", number + 1, text.lines().count());
        won.extend(text.lines().map(str::to_string));
    }
    fs::remove_dir_all(&folder.0).expect("the folder is ours");
    won.sort_unstable();
    let mut all: Vec<&str> = ids.lines().collect();
    all.sort_unstable();
    assert_eq!(won, all, "each was to be resumed once");
    println!("each of the {SESSIONS} was resumed once");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => conduct(),
        [flag, folder] if flag == "--folder" => work(&Folder(Path::new(folder).to_path_buf())),
        _ => {
            eprintln!("usage: external_cache (alone; it starts itself twice with --folder FOLDER)");
            std::process::exit(2);
        }
    }
}
