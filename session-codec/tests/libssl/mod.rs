//! The system's libssl, opened while the test or bench runs: nothing links it, and no headers are needed.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_ulong, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use libloading::{Library, Symbol};

type New = unsafe extern "C" fn() -> *mut c_void;
type Decode = unsafe extern "C" fn(*mut *mut c_void, *mut *const c_uchar, c_long) -> *mut c_void;
type Encode = unsafe extern "C" fn(*const c_void, *mut *mut c_uchar) -> c_int;
type Free = unsafe extern "C" fn(*mut c_void);
type FreeBio = unsafe extern "C" fn(*mut c_void) -> c_int;
type NewBio = unsafe extern "C" fn(*const c_void) -> *mut c_void;
type ControlBio = unsafe extern "C" fn(*mut c_void, c_int, c_long, *mut c_void) -> c_long;
type Print = unsafe extern "C" fn(*mut c_void, *const c_void) -> c_int;
type Name = unsafe extern "C" fn(*const c_void) -> *const c_char;

/// The functions that are called.
pub(crate) struct LibSsl {
    decode: Decode,
    encode: Encode,
    free: Free,
    new: New,
    print: Print,
    print_keylog: Print,
    cipher: unsafe extern "C" fn(*const c_void) -> *const c_void,
    cipher_name: Name,
    clear_errors: unsafe extern "C" fn(),
    version: unsafe extern "C" fn() -> c_ulong,
    memory: unsafe extern "C" fn() -> *const c_void,
    new_bio: NewBio,
    control_bio: ControlBio,
    free_bio: FreeBio,
}

impl LibSsl {
    /// Opens it once for the process.
    pub(crate) fn get() -> &'static LibSsl {
        static LIBRARY: OnceLock<LibSsl> = OnceLock::new();
        LIBRARY.get_or_init(|| {
            // They stay open for as long as the process runs.
            let ssl: &'static Library = Box::leak(Box::new(open("libssl.so.3")));
            let crypto: &'static Library = Box::leak(Box::new(open("libcrypto.so.3")));
            LibSsl {
                decode: symbol(ssl, "d2i_SSL_SESSION"),
                encode: symbol(ssl, "i2d_SSL_SESSION"),
                free: symbol(ssl, "SSL_SESSION_free"),
                new: symbol(ssl, "SSL_SESSION_new"),
                print: symbol(ssl, "SSL_SESSION_print"),
                print_keylog: symbol(ssl, "SSL_SESSION_print_keylog"),
                cipher: symbol(ssl, "SSL_SESSION_get0_cipher"),
                cipher_name: symbol(ssl, "SSL_CIPHER_get_name"),
                clear_errors: symbol(crypto, "ERR_clear_error"),
                version: symbol(crypto, "OpenSSL_version_num"),
                memory: symbol(crypto, "BIO_s_mem"),
                new_bio: symbol(crypto, "BIO_new"),
                control_bio: symbol(crypto, "BIO_ctrl"),
                free_bio: symbol(crypto, "BIO_free"),
            }
        })
    }

    /// Tells whether this is OpenSSL 3.0, whose rules the codec has.
    pub(crate) fn is_3_0(&self) -> bool {
        // SAFETY: it takes nothing and reads a constant.
        let version = unsafe { (self.version)() };
        version >> 20 == 0x300
    }

    /// What `SSL_SESSION_new` makes.
    pub(crate) fn fresh(&'static self) -> Session {
        // SAFETY: it takes nothing.
        let pointer = unsafe { (self.new)() };
        assert!(!pointer.is_null(), "libssl has no memory");
        Session { library: self, pointer }
    }

    /// Decodes with `d2i_SSL_SESSION`; returns the session with the number of bytes that it took up.
    pub(crate) fn decode(&'static self, der: &[u8]) -> Option<(Session, usize)> {
        let mut at = der.as_ptr();
        let length = c_long::try_from(der.len()).expect("short");
        // SAFETY: `at` points to `length` readable bytes, and null asks for a new object.
        let pointer = unsafe { (self.decode)(null_mut(), &raw mut at, length) };
        if pointer.is_null() {
            // SAFETY: it takes nothing; the errors are this thread's.
            unsafe { (self.clear_errors)() };
            return None;
        }
        Some((Session { library: self, pointer }, at as usize - der.as_ptr() as usize))
    }

    /// Collects what `print` writes into a BIO.
    fn printed(&self, print: Print, session: &Session) -> Vec<u8> {
        // SAFETY: it takes nothing and returns a constant.
        let method = unsafe { (self.memory)() };
        // SAFETY: the method is libcrypto's own.
        let bio = unsafe { (self.new_bio)(method) };
        assert!(!bio.is_null(), "libcrypto has no memory");
        // SAFETY: both objects are live.
        unsafe { print(bio, session.pointer) };
        let mut data: *mut u8 = null_mut();
        // SAFETY: BIO_CTRL_INFO stores a pointer through the last argument and returns the length.
        let length = unsafe { (self.control_bio)(bio, BIO_CTRL_INFO, 0, (&raw mut data).cast()) };
        let length = usize::try_from(length).expect("not negative");
        let text = if length == 0 {
            Vec::new()
        } else {
            // SAFETY: the BIO says that it holds so many bytes there.
            unsafe { std::slice::from_raw_parts(data, length) }.to_vec()
        };
        // SAFETY: it was made above, and is not used any more.
        unsafe { (self.free_bio)(bio) };
        text
    }
}

const BIO_CTRL_INFO: c_int = 3;

/// A session of libssl's.
pub(crate) struct Session {
    library: &'static LibSsl,
    pointer: *mut c_void,
}

impl Session {
    /// Encodes with `i2d_SSL_SESSION`, in place of what `out` holds: once for the length, once for the
    /// bytes, as a C program does.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        // SAFETY: the session is live, and null asks for the length.
        let length = unsafe { (self.library.encode)(self.pointer, null_mut()) };
        out.clear();
        out.resize(usize::try_from(length).expect("not negative"), 0);
        let mut at = out.as_mut_ptr();
        // SAFETY: `at` points to as many bytes as it said it needs.
        unsafe { (self.library.encode)(self.pointer, &raw mut at) };
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut der = Vec::new();
        self.encode_into(&mut der);
        der
    }

    pub(crate) fn text(&self) -> Vec<u8> {
        self.library.printed(self.library.print, self)
    }

    pub(crate) fn keylog(&self) -> Vec<u8> {
        self.library.printed(self.library.print_keylog, self)
    }

    pub(crate) fn cipher_name(&self) -> String {
        // SAFETY: the session is live; the cipher is a constant of libssl's.
        let cipher = unsafe { (self.library.cipher)(self.pointer) };
        assert!(!cipher.is_null(), "none");
        // SAFETY: the cipher is not null.
        let name = unsafe { (self.library.cipher_name)(cipher) };
        // SAFETY: a name is a constant C string.
        unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the reference is this object's own, and goes with it.
        unsafe { (self.library.free)(self.pointer) }
    }
}

fn open(name: &str) -> Library {
    // SAFETY: OpenSSL's libraries do nothing when they are opened but set themselves up.
    unsafe { Library::new(name) }
        .unwrap_or_else(|error| panic!("{name} is needed (Debian: libssl3): {error}"))
}

fn symbol<T: Copy>(library: &'static Library, name: &str) -> T {
    // SAFETY: each type above is that of the function in OpenSSL's headers.
    let symbol: Symbol<'_, T> = unsafe { library.get(name.as_bytes()) }
        .unwrap_or_else(|error| panic!("libssl without {name}: {error}"));
    *symbol
}
