//! As much of TLS's handshake messages as says what is offered, chosen and issued.

/// A ClientHello.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientHello {
    pub(crate) session_id: Vec<u8>,
    /// What a client up to TLS 1.2 offers in the ticket extension; empty if it only asks for one.
    pub(crate) ticket: Vec<u8>,
    /// TLS 1.3: the tickets that it offers.
    pub(crate) identities: Vec<Vec<u8>>,
}

/// A ServerHello.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerHello {
    pub(crate) session_id: Vec<u8>,
    /// TLS 1.3: it resumes one of the tickets.
    pub(crate) has_psk: bool,
}

/// A NewSessionTicket.
#[derive(Clone, Debug)]
pub(crate) struct NewTicket {
    pub(crate) lifetime_seconds: u32,
    pub(crate) ticket: Vec<u8>,
}

pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const NEW_SESSION_TICKET: u8 = 4;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;

impl ClientHello {
    pub(crate) fn parse(message: &[u8]) -> Option<ClientHello> {
        // Type and length, version, random.
        let mut rest = message.get(4 + 2 + 32..)?;
        let session_id = vector(&mut rest, 1)?.to_vec();
        vector(&mut rest, 2)?;
        vector(&mut rest, 1)?;
        let mut hello = ClientHello { session_id, ..ClientHello::default() };
        for (kind, mut body) in extensions(rest)? {
            match kind {
                SESSION_TICKET => hello.ticket = body.to_vec(),
                PRE_SHARED_KEY => {
                    let mut identities = vector(&mut body, 2)?;
                    while !identities.is_empty() {
                        hello.identities.push(vector(&mut identities, 2)?.to_vec());
                        // The age.
                        identities = identities.get(4..)?;
                    }
                }
                _ => {}
            }
        }
        Some(hello)
    }
}

impl ServerHello {
    pub(crate) fn parse(message: &[u8]) -> Option<ServerHello> {
        let mut rest = message.get(4 + 2 + 32..)?;
        let session_id = vector(&mut rest, 1)?.to_vec();
        // Cipher suite and compression.
        let rest = rest.get(3..)?;
        let has_psk = extensions(rest)?.iter().any(|(kind, _)| *kind == PRE_SHARED_KEY);
        Some(ServerHello { session_id, has_psk })
    }
}

impl NewTicket {
    pub(crate) fn parse(message: &[u8], is_tls13: bool) -> Option<NewTicket> {
        let mut rest = message.get(4..)?;
        let lifetime_seconds = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        rest = rest.get(4..)?;
        if is_tls13 {
            // What is added to the age; the nonce.
            rest = rest.get(4..)?;
            vector(&mut rest, 1)?;
        }
        Some(NewTicket { lifetime_seconds, ticket: vector(&mut rest, 2)?.to_vec() })
    }
}

/// Takes a vector whose length stands in so many bytes before it.
fn vector<'a>(rest: &mut &'a [u8], length_bytes: usize) -> Option<&'a [u8]> {
    let length =
        rest.get(..length_bytes)?.iter().fold(0, |length, &b| length << 8 | usize::from(b));
    let vector = rest.get(length_bytes..length_bytes + length)?;
    *rest = &rest[length_bytes + length..];
    Some(vector)
}

fn extensions(mut rest: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    if rest.is_empty() {
        return Some(found);
    }
    let mut all = vector(&mut rest, 2)?;
    while !all.is_empty() {
        let kind = u16::from_be_bytes(all.get(..2)?.try_into().ok()?);
        all = &all[2..];
        found.push((kind, vector(&mut all, 2)?));
    }
    Some(found)
}
