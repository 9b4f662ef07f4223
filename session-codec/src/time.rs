//! Time in whole seconds, signed as OpenSSL's structure holds it.

/// Is a point in time: seconds since 1970-01-01 00:00:00 UTC, before it when negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

/// Is a span of time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub i64);
