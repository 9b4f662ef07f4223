//! The cache and the system's libssl, side by side.
//!
//! Two parts: random sequences of the cache's own functions ([`functions`]), and scripts of handshakes. On
//! both sides the same must be seen after each step; what may differ is in one table.

#[cfg(target_os = "linux")]
mod differences;
#[cfg(target_os = "linux")]
mod functions;
#[cfg(target_os = "linux")]
mod handshakes;
#[cfg(target_os = "linux")]
mod libssl;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod report;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    report::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("parity compares with the system's libssl, which it looks for on Linux alone");
    ExitCode::FAILURE
}
