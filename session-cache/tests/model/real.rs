//! The caches and connections themselves, with hooks that do what the model's do.

use std::collections::VecDeque;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use session_cache::{
    CacheMode, Connection, IdContext, Inquiry, Keep, Left, ManualClock, Negotiated, NewSession,
    Payload, PayloadObject, ProtocolVersion, Role, Rules, Seconds, Session, SessionCache,
    SessionId, Settings, Shutdown, UnixTime,
};

use crate::model::{LIFETIME_MAX, LIFETIME_MAX_TLS13, id_bytes};
use crate::operation::{
    CONNECTIONS, CONTEXTS, CacheOperation, ConnectionOperation, GeneratorPlan, GetPlan, HANDS,
    HandOperation, Making, Name, NewPlan, RemovePlan, SLOTS, START,
};

/// What hooks share with the test.
#[derive(Default)]
pub(crate) struct Book {
    made: AtomicUsize,
    hands: Mutex<[Option<Session>; HANDS]>,
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) script: Mutex<VecDeque<CacheOperation>>,
}

/// Tells sessions apart: the payload of each has a number of its own, also a duplicate's.
struct Tag {
    number: usize,
    bytes: usize,
    book: Arc<Book>,
}

impl PayloadObject for Tag {
    fn size_bytes(&self) -> usize {
        self.bytes
    }

    fn duplicate(&self) -> Box<dyn PayloadObject> {
        Box::new(tag(&self.book, self.bytes))
    }
}

fn tag(book: &Arc<Book>, bytes: usize) -> Tag {
    let number = book.made.fetch_add(1, Ordering::Relaxed);
    Tag { number, bytes, book: Arc::clone(book) }
}

fn number(session: &Session) -> usize {
    session.payload_object::<Tag>().expect("every payload is a tag").number
}

fn id(id: Option<u8>) -> SessionId {
    id.map_or(SessionId::EMPTY, |number| {
        SessionId::new(&vec![number + 1; id_bytes(id)]).expect("it is short")
    })
}

fn id_number(id: &SessionId) -> Option<u8> {
    id.as_bytes().first().map(|byte| byte - 1)
}

fn context(at: usize) -> IdContext {
    IdContext::new(CONTEXTS[at].as_bytes()).expect("it is short")
}

fn context_number(context: &IdContext) -> usize {
    CONTEXTS.iter().position(|name| name.as_bytes() == context.as_bytes()).expect("it is known")
}

fn version(name: Name) -> ProtocolVersion {
    ProtocolVersion(name.version)
}

impl Book {
    pub(crate) fn say(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }

    fn hands(&self) -> MutexGuard<'_, [Option<Session>; HANDS]> {
        self.hands.lock().unwrap()
    }

    fn hand(&self, hand: usize) -> Option<Session> {
        self.hands()[hand].clone()
    }

    fn put(&self, hand: usize, session: Option<Session>) {
        // Not under the lock: what was there may be the last of its kind.
        let old = std::mem::replace(&mut self.hands()[hand], session);
        drop(old);
    }

    fn keep(&self, session: Option<&Session>, hand: Option<usize>) {
        if let (Some(session), Some(hand)) = (session, hand) {
            self.put(hand, Some(session.clone()));
        }
    }

    fn new_session(self: &Arc<Book>, making: &Making) -> NewSession<'static> {
        let payload = Payload::object(tag(self, making.payload_bytes));
        let mut new = NewSession::new(version(making.name), id(making.name.id), payload)
            .with_verify_result(making.verify_result);
        if let Some(timeout) = making.timeout {
            new = new.with_timeout(Seconds(timeout));
        }
        if let Some(created) = making.created {
            new = new.with_created(UnixTime(created));
        }
        if let Some(authenticated) = making.authenticated {
            new = new.with_authenticated(UnixTime(authenticated));
        }
        match making.ticket {
            Some(hint) => new.with_ticket(Seconds(hint)),
            None => new,
        }
    }

    /// What a hook does next.
    fn act(self: &Arc<Book>, cache: &SessionCache, at: usize) {
        let next = self.script.lock().unwrap().pop_front();
        if let Some(operation) = next {
            let outcome = self.on_cache(cache, at, &operation);
            self.say(outcome);
        }
    }

    fn on_new(
        self: &Arc<Book>,
        plan: NewPlan,
        at: usize,
        from: Negotiated<'_>,
        session: Session,
    ) -> Keep {
        let by = from.connection.map_or("view".to_string(), |connection| {
            format!("{:?} {}", connection.session().map(number), connection.is_reused())
        });
        self.say(format!("new hook {at}: {} {} by {by}", number(&session), session.is_resumable()));
        self.keep(Some(&session), plan.hand);
        drop(session);
        self.act(from.cache, at);
        plan.keep.unwrap_or_else(|| panic_any(Meant))
    }

    fn on_left(self: &Arc<Book>, plan: RemovePlan, at: usize, left: Left<'_>) {
        let (session, len) = (left.session, left.cache.len());
        let (number, is_resumable) = (number(session), session.is_resumable());
        self.say(format!("remove hook {at}: {number} {:?} {is_resumable} of {len}", left.why));
        self.keep(Some(session), plan.hand);
        self.act(left.cache, at);
        if plan.panics {
            panic_any(Meant);
        }
    }

    fn on_get(
        self: &Arc<Book>,
        plan: &GetPlan,
        at: usize,
        inquiry: Inquiry<'_>,
    ) -> Option<Session> {
        let asked = Name { version: inquiry.version.0, id: id_number(inquiry.id) };
        let asked_context = context_number(inquiry.id_context);
        let id = asked.id.map_or("none".to_string(), |id| id.to_string());
        let by_connection = inquiry.connection.is_some();
        let wants = format!(
            "{:#x} {id} {asked_context} {:?} {by_connection}",
            asked.version, inquiry.wanted
        );
        self.say(format!("get hook {at}: {wants}"));
        self.act(inquiry.cache, at);
        match *plan {
            GetPlan::Panic => panic_any(Meant),
            GetPlan::Nothing => None,
            GetPlan::Clone(hand) => self.hand(hand),
            GetPlan::Give(hand) => self.hands()[hand].take(),
            GetPlan::Fresh { marked, .. } => {
                let (making, fresh_context) =
                    plan.fresh(asked, asked_context, inquiry.cache.now().0);
                let answer = self.new_session(&making).build(context(fresh_context), UnixTime(0));
                if marked {
                    answer.mark_not_resumable();
                }
                Some(answer)
            }
        }
    }

    fn set_hooks(
        self: &Arc<Book>,
        cache: &SessionCache,
        at: usize,
        operation: &CacheOperation,
    ) -> Arc<Settings> {
        let change = |settings: &mut Settings| {
            let book = Arc::clone(self);
            match operation.clone() {
                CacheOperation::SetNewHook(plan) => {
                    settings.new_hook = plan.map(|plan| -> Arc<session_cache::NewHook> {
                        Arc::new(move |from: Negotiated<'_>, session| {
                            book.on_new(plan, at, from, session)
                        })
                    });
                }
                CacheOperation::SetRemoveHook(plan) => {
                    settings.remove_hook = plan.map(|plan| -> Arc<session_cache::RemoveHook> {
                        Arc::new(move |left: Left<'_>| book.on_left(plan, at, left))
                    });
                }
                CacheOperation::SetGetHook(plan) => {
                    settings.get_hook = plan.map(|plan| -> Arc<session_cache::GetHook> {
                        Arc::new(move |inquiry: Inquiry<'_>| book.on_get(&plan, at, inquiry))
                    });
                }
                CacheOperation::SetGenerator(plan) => settings.generator = plan.map(generator),
                CacheOperation::SetSessionBytesMax(bytes_max) => {
                    settings.session_bytes_max = bytes_max
                }
                CacheOperation::SetIdContext(at) => settings.id_context = context(at),
                _ => unreachable!("it has a function of its own"),
            }
        };
        cache.change(change).expect("no size is changed")
    }

    pub(crate) fn on_cache(
        self: &Arc<Book>,
        cache: &SessionCache,
        at: usize,
        operation: &CacheOperation,
    ) -> String {
        let shown = |session: &Session| number(session);
        match operation {
            CacheOperation::Make { context: of, making, hand } => {
                let session = cache.context(context(*of)).session(self.new_session(making));
                let made = number(&session);
                self.put(*hand, Some(session));
                format!("{made}")
            }
            CacheOperation::Insert { context: of, making, hand } => {
                let inserted = cache.context(context(*of)).insert(self.new_session(making));
                self.keep(inserted.as_ref().ok(), *hand);
                format!("{:?}", inserted.as_ref().map(shown))
            }
            CacheOperation::Lookup { context: of, name, at, hand } => {
                let (view, id) = (cache.context(context(*of)), id(name.id));
                let found = match at {
                    Some(at) => view.lookup_at(version(*name), &id, UnixTime(*at)),
                    None => view.lookup(version(*name), &id),
                };
                self.keep(found.as_ref(), *hand);
                format!("{:?}", found.as_ref().map(shown))
            }
            CacheOperation::Take { context: of, name, hand } => {
                let taken = cache.context(context(*of)).take(version(*name), &id(name.id));
                self.keep(taken.as_ref(), *hand);
                format!("{:?}", taken.as_ref().map(shown))
            }
            CacheOperation::RemoveNamed { context: of, name } => {
                format!("{}", cache.context(context(*of)).remove(version(*name), &id(name.id)))
            }
            CacheOperation::Flush(end) => format!("{}", cache.flush(UnixTime(*end))),
            CacheOperation::FlushExpired => format!("{}", cache.flush_expired()),
            CacheOperation::ForEach => {
                let mut all = Vec::new();
                cache.for_each(|session| all.push(number(session)));
                all.sort_unstable();
                format!("{all:?}")
            }
            CacheOperation::Add(hand)
            | CacheOperation::Remove(hand)
            | CacheOperation::ExpiresHere(hand)
            | CacheOperation::SetCreated { hand, .. }
            | CacheOperation::SetTimeoutOf { hand, .. } => match self.hand(*hand) {
                Some(session) => with_session(cache, &session, operation),
                None => "empty".to_string(),
            },
            setting => self.on_settings(cache, at, setting),
        }
    }

    fn on_settings(
        self: &Arc<Book>,
        cache: &SessionCache,
        at: usize,
        operation: &CacheOperation,
    ) -> String {
        match *operation {
            CacheOperation::SetMode(bits) => {
                format!("{:#x}", cache.set_mode(CacheMode::from_bits(bits)).bits())
            }
            CacheOperation::SetSessionsMax(sessions_max) => {
                match cache.set_sessions_max(sessions_max) {
                    Ok(before) => format!("{before}"),
                    Err(_) => "refused".to_string(),
                }
            }
            CacheOperation::SetBytesMax(bytes_max) => format!("{}", cache.set_bytes_max(bytes_max)),
            CacheOperation::SetTimeout(timeout) => {
                format!("{}", cache.set_timeout(Seconds(timeout)).0)
            }
            _ => {
                let before = self.set_hooks(cache, at, operation);
                match operation {
                    CacheOperation::SetNewHook(_) => format!("{}", before.new_hook.is_some()),
                    CacheOperation::SetRemoveHook(_) => format!("{}", before.remove_hook.is_some()),
                    CacheOperation::SetGetHook(_) => format!("{}", before.get_hook.is_some()),
                    CacheOperation::SetGenerator(_) => format!("{}", before.generator.is_some()),
                    CacheOperation::SetIdContext(_) => {
                        format!("{}", context_number(&before.id_context))
                    }
                    _ => format!("{}", before.session_bytes_max),
                }
            }
        }
    }
}

fn with_session(cache: &SessionCache, session: &Session, operation: &CacheOperation) -> String {
    match *operation {
        CacheOperation::Add(_) => format!("{:?}", cache.add(session)),
        CacheOperation::Remove(_) => format!("{}", cache.remove(session)),
        CacheOperation::ExpiresHere(_) => format!("{}", cache.expires_here(session).0),
        CacheOperation::SetCreated { created, .. } => {
            format!("{}", cache.set_created(session, UnixTime(created)))
        }
        CacheOperation::SetTimeoutOf { timeout, .. } => {
            format!("{}", cache.set_timeout_of(session, Seconds(timeout)))
        }
        _ => unreachable!("it is not about one session"),
    }
}

/// What a hook panics with when it is meant to.
pub(crate) struct Meant;

fn generator(plan: GeneratorPlan) -> Arc<session_cache::Generator> {
    Arc::new(move |is_taken: &dyn Fn(&SessionId) -> bool| match plan {
        GeneratorPlan::Panic => panic_any(Meant),
        GeneratorPlan::Nothing => None,
        GeneratorPlan::Id(made) => Some(id(made)),
        GeneratorPlan::FirstFree => (0..3).map(|made| id(Some(made))).find(|id| !is_taken(id)),
    })
}

pub(crate) struct Real {
    rules: Rules,
    pub(crate) clock: ManualClock,
    pub(crate) book: Arc<Book>,
    caches_made: usize,
    slots: Vec<(usize, Arc<SessionCache>)>,
    connections: [Option<Connection>; CONNECTIONS],
}

impl Drop for Real {
    fn drop(&mut self) {
        // What a hand holds leads back to the book with the hands; and hooks that are told of the end may fill them.
        self.connections = [const { None }; CONNECTIONS];
        self.slots.clear();
        self.book.script.lock().unwrap().clear();
        (0..HANDS).for_each(|hand| self.book.put(hand, None));
    }
}

impl Real {
    pub(crate) fn new(rules: Rules, sizes: [usize; SLOTS]) -> Real {
        let mut real = Real {
            rules,
            clock: ManualClock::new(UnixTime(START)),
            book: Arc::default(),
            caches_made: 0,
            slots: Vec::new(),
            connections: [const { None }; CONNECTIONS],
        };
        for sessions_max in sizes {
            let cache = real.new_cache(sessions_max);
            real.slots.push(cache);
        }
        real
    }

    fn new_cache(&mut self, sessions_max: usize) -> (usize, Arc<SessionCache>) {
        let builder = SessionCache::builder()
            .rules(self.rules)
            .sessions_max(sessions_max)
            .lifetime_max(Seconds(LIFETIME_MAX))
            .lifetime_max_tls13(Seconds(LIFETIME_MAX_TLS13))
            .clock(self.clock.clone());
        self.caches_made += 1;
        (self.caches_made - 1, Arc::new(builder.build().expect("the settings are in range")))
    }

    pub(crate) fn replace_cache(&mut self, slot: usize, sessions_max: usize) {
        let new = self.new_cache(sessions_max);
        let old = std::mem::replace(&mut self.slots[slot], new);
        drop(old);
    }

    pub(crate) fn on_slot(&mut self, slot: usize, operation: &CacheOperation) -> String {
        let (at, cache) = &self.slots[slot];
        self.book.on_cache(cache, *at, operation)
    }

    /// Says too in which order it came by the sessions.
    pub(crate) fn remove_if_odd(&mut self, slot: usize, odd: bool) -> (String, Vec<usize>) {
        let mut met = Vec::new();
        let removed = self.slots[slot].1.remove_if(|session| {
            met.push(number(session));
            (number(session) % 2 == 1) == odd
        });
        (format!("{removed}"), met)
    }

    pub(crate) fn on_hand(&mut self, hand: usize, operation: &HandOperation) -> String {
        let book = &self.book;
        if let HandOperation::Build { making, context: of } = operation {
            let now = UnixTime(self.slots[0].1.now().0);
            let session = book.new_session(making).build(context(*of), now);
            let made = number(&session);
            book.put(hand, Some(session));
            return format!("{made}");
        }
        let Some(session) = book.hand(hand) else { return "empty".to_string() };
        match *operation {
            HandOperation::CloneTo(other) => book.put(other, Some(session.clone())),
            HandOperation::DuplicateTo(other) => book.put(other, Some(session.duplicate())),
            HandOperation::Drop => book.put(hand, None),
            HandOperation::Mark => session.mark_not_resumable(),
            HandOperation::SetCreated(created) => {
                return format!("{}", session.set_created(UnixTime(created)));
            }
            HandOperation::SetTimeout(timeout) => {
                return format!("{}", session.set_timeout(Seconds(timeout)));
            }
            HandOperation::Build { .. } => unreachable!("done above"),
        }
        "done".to_string()
    }

    pub(crate) fn on_connection(&mut self, at: usize, operation: &ConnectionOperation) -> String {
        use ConnectionOperation as Do;
        if let Do::Open { slot, is_server } = *operation {
            let role = if is_server { Role::Server } else { Role::Client };
            let new = Connection::new(&self.slots[slot].1, role);
            self.connections[at] = Some(new);
            return "done".to_string();
        }
        let book = &self.book;
        let Some(connection) = &mut self.connections[at] else { return "closed".to_string() };
        match operation {
            Do::Open { .. } => unreachable!("done above"),
            Do::Drop => drop(self.connections[at].take()),
            Do::SetIdContext(of) => connection.set_id_context(context(*of)),
            Do::SetVerifyPeer(verify) => connection.set_verify_peer(*verify),
            Do::SetGenerator(plan) => connection.set_generator(plan.map(generator)),
            Do::SetSession(hand) => {
                let session = hand.and_then(|hand| book.hand(hand));
                return format!("{:?}", connection.set_session(session));
            }
            Do::OwnSession(hand) => book.put(*hand, connection.session_owned()),
            Do::HasMatchingId(of) => return format!("{}", connection.has_matching_id(&id(*of))),
            Do::Begin(version) => connection.begin(ProtocolVersion(*version)),
            Do::SetVersion(version) => connection.set_version(ProtocolVersion(*version)),
            Do::NewSession(making) => {
                drop(connection.new_session(book.new_session(making)).clone())
            }
            Do::Attach(making) => drop(connection.attach(book.new_session(making)).clone()),
            Do::AttachNext(of) => {
                if let Some(session) = connection.session_owned() {
                    connection.attach(session.to_new().with_id(id(*of)));
                }
            }
            Do::Established(tickets) => connection.established(*tickets),
            Do::Finish => connection.finish(),
            Do::SetShutdown { sent, received } => {
                connection.set_shutdown(Shutdown { sent: *sent, received: *received });
            }
            Do::FatalAlertSent => connection.fatal_alert_sent(),
            Do::FatalAlertReceived => connection.fatal_alert_received(),
            Do::Clear => connection.clear(),
            Do::SwitchCache(slot) => connection.switch_cache(&self.slots[*slot].1),
            Do::Offer { disabled, hand } => {
                let offered = connection.offer(|version| *disabled != Some(version.0));
                book.keep(offered.as_ref(), *hand);
                return format!("{:?}", offered.as_ref().map(number));
            }
            Do::Accepted => return format!("{:?}", connection.accepted()),
            Do::Declined => connection.declined(),
            Do::Resume(of) => return format!("{:?}", connection.resume(&id(*of))),
            Do::ResumeOnce(of) => return format!("{:?}", connection.resume_once(&id(*of))),
            Do::ResumeTicket(hand) => match book.hand(*hand) {
                Some(session) => return format!("{:?}", connection.resume_ticket(session)),
                None => return "empty".to_string(),
            },
            Do::NewId => return new_id(connection),
            Do::Handshakes(count) => {
                for _ in 0..*count {
                    connection.begin(ProtocolVersion(0x0303));
                    connection.finish();
                }
            }
        }
        "done".to_string()
    }

    /// All that can be seen of it.
    pub(crate) fn view(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, cache) in &self.slots {
            let mode = cache.mode().bits();
            lines.push(format!("{at}: {} {} {mode:#x}", cache.len(), cache.bytes()));
            lines.push(crate::model::shown(&cache.statistics()));
            let mut inside = Vec::new();
            cache.for_each(|session| inside.push((number(session), shown_session(session))));
            inside.sort_unstable();
            lines.extend(inside.into_iter().map(|(_, shown)| shown));
        }
        for hand in 0..HANDS {
            let hands = self.book.hands();
            let Some(session) = &hands[hand] else { continue };
            let (shown, references) = (shown_session(session), session.references());
            let (authenticated, verify_result) =
                (session.authenticated().0, session.verify_result());
            lines.push(format!("{shown} {references} {authenticated} {verify_result}"));
        }
        lines.extend(self.connections.iter().flatten().map(shown));
        lines
    }
}

fn shown_session(session: &Session) -> String {
    let (created, timeout) = (session.created().0, session.timeout().0);
    format!("{}: {} {created} {timeout}", number(session), session.is_resumable())
}

fn shown(connection: &Connection) -> String {
    let shutdown = connection.shutdown();
    format!(
        "connection: {:?} {} {} {} {} {}",
        connection.session().map(number),
        connection.is_reused(),
        connection.verify_result(),
        context_number(&connection.id_context()),
        shutdown.sent,
        shutdown.received,
    )
}

fn new_id(connection: &Connection) -> String {
    match connection.new_id() {
        Ok(id) if id.as_bytes().len() == 32 => "random".to_string(),
        Ok(id) => format!("{:?}", id_number(&id)),
        Err(fatal) => format!("{fatal:?}"),
    }
}
