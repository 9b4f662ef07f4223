//! Whether a connection trusts its server, and shows who it is, as its context says.

use std::ffi::{c_char, c_int, c_uint};
use std::net::IpAddr;
use std::ptr;

use foreign_types::ForeignTypeRef;
use openssl::ssl::{SslRef, SslVerifyMode};
use openssl::x509::X509Ref;
use openssl_sys::X509;

unsafe extern "C" {
    fn X509_check_host(
        certificate: *mut X509,
        name: *const c_char,
        length: usize,
        flags: c_uint,
        peer_name: *mut *mut c_char,
    ) -> c_int;
    fn X509_check_ip(
        certificate: *mut X509,
        address: *const u8,
        length: usize,
        flags: c_uint,
    ) -> c_int;
}

/// Whether a connection that has not begun is no stricter than its context, and shows the same certificate:
/// then it may be offered what others have kept.
pub(super) fn is_as_configured(ssl: &SslRef) -> bool {
    shows_the_same(ssl) && (context_verifies(ssl) || !verifies(ssl.verify_mode()))
}

/// Whether the session of a connection may be offered by others: it has verified its server if its context
/// says so, as one that is called `host`, and has shown the context's certificate or none.
pub(super) fn is_trusted(ssl: &SslRef, host: &str) -> bool {
    let is_verified = || {
        let is_named = |certificate: &X509Ref| is_for(certificate, host);
        verifies(ssl.verify_mode()) && ssl.peer_certificate().is_some_and(|c| is_named(&c))
    };
    shows_the_same(ssl) && (!context_verifies(ssl) || is_verified())
}

fn verifies(mode: SslVerifyMode) -> bool {
    mode.contains(SslVerifyMode::PEER)
}

fn context_verifies(ssl: &SslRef) -> bool {
    verifies(ssl.ssl_context().verify_mode())
}

/// A connection has its context's certificate itself, until it is given another.
fn shows_the_same(ssl: &SslRef) -> bool {
    let (own, contexts) = (ssl.certificate(), ssl.ssl_context().certificate());
    own.map(ForeignTypeRef::as_ptr) == contexts.map(ForeignTypeRef::as_ptr)
}

fn is_for(certificate: &X509Ref, host: &str) -> bool {
    let x509 = certificate.as_ptr();
    match host.parse::<IpAddr>() {
        // SAFETY: the certificate is live, and so many bytes are there.
        Ok(IpAddr::V4(at)) => unsafe { X509_check_ip(x509, at.octets().as_ptr(), 4, 0) == 1 },
        // SAFETY: as above.
        Ok(IpAddr::V6(at)) => unsafe { X509_check_ip(x509, at.octets().as_ptr(), 16, 0) == 1 },
        // SAFETY: as above; the name that matched is not asked for.
        Err(_) => unsafe {
            X509_check_host(x509, host.as_ptr().cast(), host.len(), 0, ptr::null_mut()) == 1
        },
    }
}
