//! The cache mode: who stores, and where is looked.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// Says which sessions are stored, where they are looked for, and whether they are cleared of themselves.
///
/// A set of bits with OpenSSL's values, so that a mode can be handed through as a number. Bits without a
/// meaning are kept.
///
/// Source: the manual page `SSL_CTX_set_session_cache_mode(3)`.
///
/// # Examples
///
/// ```
/// use session_cache::CacheMode;
///
/// let mode = CacheMode::SERVER | CacheMode::NO_AUTO_CLEAR;
/// assert!(mode.contains(CacheMode::SERVER) && !mode.contains(CacheMode::CLIENT));
/// assert_eq!(mode.bits(), 0x82);
/// assert_eq!(format!("{mode:?}"), "CacheMode(SERVER | NO_AUTO_CLEAR)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheMode(u32);

impl CacheMode {
    /// No session caching takes place.
    pub const OFF: CacheMode = CacheMode(0);
    /// Sessions of clients are stored. Nobody but the application chooses one to come back with.
    pub const CLIENT: CacheMode = CacheMode(0x1);
    /// Sessions of servers are stored, and looked up when a client comes back. The default.
    pub const SERVER: CacheMode = CacheMode(0x2);
    /// [`CLIENT`](CacheMode::CLIENT) and [`SERVER`](CacheMode::SERVER).
    pub const BOTH: CacheMode = CacheMode(0x3);
    /// Expired sessions are not cleared of themselves; [`flush_expired`](crate::SessionCache::flush_expired)
    /// still does.
    pub const NO_AUTO_CLEAR: CacheMode = CacheMode(0x80);
    /// Servers do not look inside; every lookup goes to the get hook.
    pub const NO_INTERNAL_LOOKUP: CacheMode = CacheMode(0x100);
    /// Negotiated sessions, and answers of the get hook, are not stored inside.
    pub const NO_INTERNAL_STORE: CacheMode = CacheMode(0x200);
    /// Neither looked up nor stored inside: the hooks are the cache.
    pub const NO_INTERNAL: CacheMode = CacheMode(0x300);
    /// A session's time is that of its last use; see [`Rules`](crate::Rules) for what counts as use.
    pub const UPDATE_TIME: CacheMode = CacheMode(0x400);

    /// Makes a mode of any bits.
    pub const fn from_bits(bits: u32) -> CacheMode {
        CacheMode(bits)
    }

    /// Returns the bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: CacheMode) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns this mode without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: CacheMode) -> CacheMode {
        CacheMode(self.0 & !other.0)
    }
}

impl Default for CacheMode {
    fn default() -> CacheMode {
        CacheMode::SERVER
    }
}

impl BitOr for CacheMode {
    type Output = CacheMode;

    fn bitor(self, other: CacheMode) -> CacheMode {
        CacheMode(self.0 | other.0)
    }
}

impl BitOrAssign for CacheMode {
    fn bitor_assign(&mut self, other: CacheMode) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for CacheMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            ("CLIENT", CacheMode::CLIENT),
            ("SERVER", CacheMode::SERVER),
            ("NO_AUTO_CLEAR", CacheMode::NO_AUTO_CLEAR),
            ("NO_INTERNAL_LOOKUP", CacheMode::NO_INTERNAL_LOOKUP),
            ("NO_INTERNAL_STORE", CacheMode::NO_INTERNAL_STORE),
            ("UPDATE_TIME", CacheMode::UPDATE_TIME),
        ];
        let mut named: Vec<String> = names
            .iter()
            .filter(|(_, mode)| self.contains(*mode))
            .map(|(name, _)| name.to_string())
            .collect();
        let unnamed = names.iter().fold(*self, |rest, (_, mode)| rest.without(*mode));
        if unnamed != CacheMode::OFF {
            named.push(format!("{:#x}", unnamed.0));
        }
        if named.is_empty() {
            named.push("OFF".to_string());
        }
        write!(f, "CacheMode({})", named.join(" | "))
    }
}
