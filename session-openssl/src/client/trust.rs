//! Whether a connection trusts its server, and shows who it is, as its context says.
//!
//! What decides whether a certificate is accepted belongs to the connection, which has it from its context until it is
//! given its own. A session passes between connections only if that is the same for both; which of two is the laxer
//! nobody can tell.

use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::net::IpAddr;
use std::ptr;

use foreign_types::ForeignTypeRef;
use openssl::ssl::{SslRef, SslVerifyMode};
use openssl::x509::X509Ref;
use openssl_sys::{X509, X509_STORE, X509_VERIFY_PARAM};

use crate::sys;

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

/// Whether a connection that has not begun may be offered what others have kept: it shows the same certificate as its
/// context, and verifies its server as its context does, or not at all.
pub(super) fn is_as_configured(ssl: &SslRef) -> bool {
    let verifies_as_others = || context_verifies(ssl) && verifies_alike(ssl);
    shows_the_same(ssl) && (!verifies(ssl.verify_mode()) || verifies_as_others())
}

/// Whether the session of a connection may be offered by others: it has verified its server if its context
/// says so, as its context does and as one that is called `host`, and has shown the context's certificate or none.
pub(super) fn is_trusted(ssl: &SslRef, host: &str) -> bool {
    let is_verified = || {
        let is_named = |certificate: &X509Ref| is_for(certificate, host);
        verifies(ssl.verify_mode())
            && verifies_alike(ssl)
            && ssl.peer_certificate().is_some_and(|c| is_named(&c))
    };
    shows_the_same(ssl) && (!context_verifies(ssl) || is_verified())
}

fn verifies(mode: SslVerifyMode) -> bool {
    mode.contains(SslVerifyMode::PEER)
}

fn context_verifies(ssl: &SslRef) -> bool {
    verifies(ssl.ssl_context().verify_mode())
}

/// Whether a connection accepts the certificates that its context accepts: it has the same callback, store, depth,
/// flags and levels. Names are not compared: [`is_trusted`] looks at the host.
///
/// OpenSSL 1.1.1 does not tell the store: there one of a connection's own is not seen.
fn verifies_alike(ssl: &SslRef) -> bool {
    ssl.security_level() == ssl.ssl_context().security_level()
        && has_the_same_callback(ssl)
        && has_the_same_store(ssl)
        && has_the_same_terms(ssl)
}

fn has_the_same_callback(ssl: &SslRef) -> bool {
    // SAFETY: the connection is live.
    let own = unsafe { sys::SSL_get_verify_callback(ssl.as_ptr()) };
    // SAFETY: the connection holds its context.
    let contexts = unsafe { sys::SSL_CTX_get_verify_callback(ssl.ssl_context().as_ptr()) };
    own.map(|callback| callback as *const ()) == contexts.map(|callback| callback as *const ())
}

/// Both have none where the context's own store is asked, which every connection of it has.
fn has_the_same_store(ssl: &SslRef) -> bool {
    let (mut own, mut contexts) = (ptr::null_mut::<X509_STORE>(), ptr::null_mut::<X509_STORE>());
    let at = (&raw mut own).cast();
    // SAFETY: the connection is live, and a pointer is written to where one is, or nothing.
    let _ = unsafe { openssl_sys::SSL_ctrl(ssl.as_ptr(), sys::GET_VERIFY_CERT_STORE, 0, at) };
    let (context, at) = (ssl.ssl_context().as_ptr(), (&raw mut contexts).cast());
    // SAFETY: the connection holds its context; as above.
    let _ = unsafe { openssl_sys::SSL_CTX_ctrl(context, sys::GET_VERIFY_CERT_STORE, 0, at) };
    own == contexts
}

fn has_the_same_terms(ssl: &SslRef) -> bool {
    // SAFETY: the connection is live.
    let own = unsafe { openssl_sys::SSL_get0_param(ssl.as_ptr()) };
    // SAFETY: the connection holds its context.
    let contexts = unsafe { openssl_sys::SSL_CTX_get0_param(ssl.ssl_context().as_ptr()) };
    // SAFETY: the connection's, which is live.
    let own = unsafe { terms(own) };
    // SAFETY: the context's, which is live.
    let contexts = unsafe { terms(contexts) };
    own == contexts
}

/// Depth, flags and level.
///
/// # Safety
///
/// * `param` is live.
unsafe fn terms(param: *mut X509_VERIFY_PARAM) -> (c_int, c_ulong, c_int) {
    // SAFETY: live, by the caller.
    let depth = unsafe { sys::X509_VERIFY_PARAM_get_depth(param) };
    // SAFETY: as above.
    let flags = unsafe { openssl_sys::X509_VERIFY_PARAM_get_flags(param) };
    // SAFETY: as above.
    let level = unsafe { openssl_sys::X509_VERIFY_PARAM_get_auth_level(param) };
    (depth, flags, level)
}

/// A connection has its context's certificate itself, until it is given another.
fn shows_the_same(ssl: &SslRef) -> bool {
    let (own, contexts) = (ssl.certificate(), ssl.ssl_context().certificate());
    own.map(ForeignTypeRef::as_ptr) == contexts.map(ForeignTypeRef::as_ptr)
}

fn is_for(certificate: &X509Ref, host: &str) -> bool {
    if host.is_empty() {
        // libssl reads a length of 0 as that of a string that ends with a 0 byte; and it is nobody's name.
        return false;
    }
    let x509 = certificate.as_ptr();
    match host.parse::<IpAddr>() {
        // SAFETY: the certificate is live, and so many bytes are there.
        Ok(IpAddr::V4(at)) => unsafe { X509_check_ip(x509, at.octets().as_ptr(), 4, 0) == 1 },
        // SAFETY: as above.
        Ok(IpAddr::V6(at)) => unsafe { X509_check_ip(x509, at.octets().as_ptr(), 16, 0) == 1 },
        // SAFETY: as above; the name that matched is not asked for.
        Err(_) => unsafe {
            let (name, length) = (host.as_ptr().cast(), host.len());
            X509_check_host(x509, name, length, NO_PARTIAL_WILDCARDS, ptr::null_mut()) == 1
        },
    }
}

/// `X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS`: a star stands for a whole label, as it does for the `openssl` crate's
/// connector.
const NO_PARTIAL_WILDCARDS: c_uint = 0x4;
