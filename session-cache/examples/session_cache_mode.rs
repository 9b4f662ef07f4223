//! What `SSL_CTX_set_session_cache_mode(3)` promises, done and printed, one mode after the other.
//!
//! ```console
//! $ cargo run -p session-cache --example session_cache_mode
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_cache::{
    CacheMode, Connection, IdContext, Keep, ManualClock, NewSession, Payload, ProtocolVersion,
    Role, Seconds, Session, SessionCache, SessionId, Shutdown, Tickets, UnixTime,
};

const VERSION: ProtocolVersion = ProtocolVersion::TLS12;

/// A cache whose hooks stand for an outside cache of one session, and count.
struct Scene {
    cache: Arc<SessionCache>,
    clock: ManualClock,
    new_calls: Arc<AtomicU64>,
    get_calls: Arc<AtomicU64>,
}

fn scene(mode: CacheMode) -> Scene {
    let clock = ManualClock::new(UnixTime(1_000));
    let (new_calls, get_calls) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (new, get) = (Arc::clone(&new_calls), Arc::clone(&get_calls));
    let cache = SessionCache::builder()
        .mode(mode)
        .clock(clock.clone())
        .id_context(IdContext::new(b"example").expect("7 bytes are few enough"))
        .new_hook(move |_, _| {
            new.fetch_add(1, Ordering::Relaxed);
            Keep::Yes
        })
        .get_hook(move |inquiry| {
            get.fetch_add(1, Ordering::Relaxed);
            (*inquiry.id == outside_id()).then(|| outside(*inquiry.id_context))
        })
        .build()
        .expect("the settings are in range");
    Scene { cache: Arc::new(cache), clock, new_calls, get_calls }
}

fn outside_id() -> SessionId {
    SessionId::new(b"kept outside").expect("12 bytes are few enough")
}

fn outside(id_context: IdContext) -> Session {
    NewSession::new(VERSION, outside_id(), Payload::borrowed(b"secret"))
        .build(id_context, UnixTime(1_000))
}

/// A full handshake, closed cleanly; the id of its session.
fn handshake(cache: &Arc<SessionCache>, role: Role) -> SessionId {
    let mut connection = Connection::new(cache, role);
    connection.begin(VERSION);
    let id = connection.new_id().expect("the operating system has random bytes");
    connection.new_session(NewSession::new(VERSION, id, Payload::borrowed(b"secret")));
    connection.established(Tickets::None);
    connection.finish();
    connection.set_shutdown(Shutdown::SENT);
    id
}

fn resumes(cache: &Arc<SessionCache>, id: &SessionId) -> bool {
    let mut connection = Connection::new(cache, Role::Server);
    connection.begin(VERSION);
    connection.resume(id).expect("an id context is set")
}

struct Row {
    mode: CacheMode,
    server_stored: bool,
    client_stored: bool,
    found_inside: bool,
    new_calls: u64,
    outside_used: bool,
    outside_copied: bool,
}

fn row(mode: CacheMode) -> Row {
    let scene = scene(mode);
    let Scene { cache, .. } = &scene;
    let id = handshake(cache, Role::Server);
    let server_stored = cache.len() == 1;
    let found_inside = resumes(cache, &id);
    handshake(cache, Role::Client);
    let client_stored = cache.len() == usize::from(server_stored) + 1;
    let before = cache.len();
    let outside_used = resumes(cache, &outside_id());
    Row {
        mode,
        server_stored,
        client_stored,
        found_inside,
        new_calls: scene.new_calls.load(Ordering::Relaxed),
        outside_used,
        outside_copied: cache.len() > before,
    }
}

pub(crate) fn main() {
    let cache = SessionCache::builder().build().expect("the settings are in range");
    assert_eq!(cache.mode(), CacheMode::SERVER);
    println!("the default mode: {:?}", cache.mode());
    assert_eq!(cache.set_mode(CacheMode::BOTH), CacheMode::SERVER);
    println!("setting a mode returns the previous one: {:?}\n", CacheMode::SERVER);

    println!(
        "                                            server  client  found   new    outside  outside"
    );
    println!(
        "mode                                        stored  stored  inside  calls  used     copied"
    );
    let modes = [
        CacheMode::OFF,
        CacheMode::CLIENT,
        CacheMode::SERVER,
        CacheMode::BOTH,
        CacheMode::SERVER | CacheMode::NO_INTERNAL_LOOKUP,
        CacheMode::SERVER | CacheMode::NO_INTERNAL_STORE,
        CacheMode::SERVER | CacheMode::NO_INTERNAL,
    ];
    for mode in modes {
        let row = row(mode);
        let name = format!("{:?}", row.mode);
        println!(
            "{name:<43} {:<7} {:<7} {:<7} {:<6} {:<8} {}",
            row.server_stored,
            row.client_stored,
            row.found_inside,
            row.new_calls,
            row.outside_used,
            row.outside_copied
        );
        let serves = mode.contains(CacheMode::SERVER);
        let stores = !mode.contains(CacheMode::NO_INTERNAL_STORE);
        let looks = !mode.contains(CacheMode::NO_INTERNAL_LOOKUP);
        assert_eq!(row.server_stored, serves && stores);
        assert_eq!(row.client_stored, mode.contains(CacheMode::CLIENT) && stores);
        assert_eq!(row.found_inside, serves && stores && looks);
        let sides = u64::from(serves) + u64::from(mode.contains(CacheMode::CLIENT));
        assert_eq!(row.new_calls, sides);
        assert!(row.outside_used, "the get hook is always asked");
        assert_eq!(row.outside_copied, serves && stores);
    }

    println!("\nexpired sessions are cleared after 255 connections, unless NO_AUTO_CLEAR is set:");
    for mode in [CacheMode::SERVER, CacheMode::SERVER | CacheMode::NO_AUTO_CLEAR] {
        let scene = scene(mode);
        (0..200).for_each(|_| _ = handshake(&scene.cache, Role::Server));
        scene.clock.advance(Seconds(301));
        (0..55).for_each(|_| _ = handshake(&scene.cache, Role::Server));
        println!("{:<43} {} of 255 sessions left", format!("{mode:?}"), scene.cache.len());
        let clears = !mode.contains(CacheMode::NO_AUTO_CLEAR);
        assert_eq!(scene.cache.len(), if clears { 55 } else { 255 });
        assert_eq!(scene.cache.flush_expired(), if clears { 0 } else { 200 });
        assert_eq!(scene.get_calls.load(Ordering::Relaxed), 0);
    }
}
