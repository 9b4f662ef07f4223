//! Names the shared library, and keeps it loaded.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" || os == "freebsd" {
        // The ABI's version, see docs/c-abi.md.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsession.so.0");
        // Threads that end after a dlclose would run destructors that are no longer there.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
