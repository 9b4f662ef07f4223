//! Counts what libssl asked for and announced, for one attached context.

use std::fmt;

use session_core::Counter;

macro_rules! figures {
    ($($(#[$doc:meta])* $field:ident $label:literal,)*) => {
        /// Is a snapshot of the figures of one attached context. None ever falls.
        ///
        /// What became of the sessions in the cache is in
        /// [`SessionCache::statistics`](session_cache::SessionCache::statistics), for all contexts that share it:
        /// hits, misses, evictions, sessions of another context, id collisions and so on.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct AttachmentStatistics {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl fmt::Display for AttachmentStatistics {
            /// Writes one aligned line for each figure.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut line_break = "";
                $(
                    write!(f, "{line_break}{:<20} {:>12}", $label, self.$field)?;
                    line_break = "\n";
                )*
                let _ = line_break;
                Ok(())
            }
        }

        #[derive(Default)]
        pub(crate) struct Counters {
            $(pub(crate) $field: Counter,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> AttachmentStatistics {
                AttachmentStatistics { $($field: self.$field.sum(),)* }
            }
        }
    };
}

figures! {
    /// Sessions that libssl announced, one for each ticket in TLS 1.3.
    negotiated "negotiated",
    /// Those of them that were not stored, because the client has the session itself in its ticket.
    in_tickets "in tickets",
    /// Those that were not stored, because the connection has another id context than the context that it is
    /// of, or that context is not attached.
    other_context "other context",
    /// Lookups by libssl. With [`Wiring::ObserveOnly`](crate::Wiring::ObserveOnly) those that its own cache
    /// could not answer. After a HelloRetryRequest libssl looks up once more for what was taken by the first lookup: both
    /// count, here and as answered, and the cache counts one hit.
    asked "asked",
    /// Lookups that were answered with a session. libssl may still turn it down.
    answered "answered",
    /// Sessions that libssl could not encode or decode.
    undecodable "undecodable",
    /// Panics that were caught on their way to libssl: of a clock, or of a session's own code.
    panics "panics",
}
