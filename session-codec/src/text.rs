//! A session as people read it: what `openssl sess_id -text` prints, byte for byte.

use std::io;

use crate::session::SslSession;
use crate::verify;
use crate::version::ProtocolVersion;

impl SslSession<'_> {
    /// Writes the lines that `SSL_SESSION_print` writes. **The master key is among them.**
    ///
    /// Names and identities are written as they are, whatever bytes they have. OpenSSL stops at one that
    /// is empty, or at an empty ticket, and fails; we go on.
    ///
    /// # Errors
    ///
    /// What `out` fails with.
    pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        let is_tls13 = self.version == ProtocolVersion::TLS_1_3;
        out.write_all(b"SSL-Session:\n")?;
        writeln!(out, "    Protocol  : {}", self.version.openssl_name().unwrap_or("unknown"))?;
        match self.cipher.map(|cipher| (cipher.0, cipher.openssl_name())) {
            Some((_, Some(name))) => write!(out, "    Cipher    : {name}")?,
            Some((code, None)) => write!(out, "    Cipher    : {code:04X}")?,
            None => out.write_all(b"    Cipher    : 0000")?,
        }
        hex(out, "Session-ID: ", self.id.as_bytes())?;
        hex(out, "Session-ID-ctx: ", self.id_context.as_bytes())?;
        let key = if is_tls13 { "Resumption PSK: " } else { "Master-Key: " };
        hex(out, key, self.master_key.as_bytes())?;
        let names = [
            ("PSK identity: ", &self.psk_identity),
            ("PSK identity hint: ", &self.psk_identity_hint),
            ("SRP username: ", &self.srp_username),
        ];
        for (label, name) in names {
            write!(out, "\n    {label}")?;
            out.write_all(name.as_ref().map_or(b"None", |name| name.as_bytes()))?;
        }
        self.write_ticket(out)?;
        if self.compression != 0 {
            write!(out, "\n    Compression: {}", self.compression)?;
        }
        if self.time.0 != 0 {
            write!(out, "\n    Start Time: {}", self.time.0)?;
        }
        if self.timeout.0 != 0 {
            write!(out, "\n    Timeout   : {} (sec)", self.timeout.0)?;
        }
        let (code, words) = (self.verify_result, verify::words(self.verify_result));
        write!(out, "\n    Verify return code: {code} ({words})\n")?;
        let extended = if self.extended_master_secret() { "yes" } else { "no" };
        writeln!(out, "    Extended master secret: {extended}")?;
        if is_tls13 {
            writeln!(out, "    Max Early Data: {}", self.max_early_data_bytes)?;
        }
        Ok(())
    }

    /// Writes the line that `SSL_SESSION_print_keylog` writes, by which a dump of TLS up to 1.2 can be
    /// decrypted, and returns whether it did: nothing is written without a session id or a master key.
    ///
    /// # Errors
    ///
    /// What `out` fails with.
    pub fn write_keylog(&self, out: &mut impl io::Write) -> io::Result<bool> {
        let (id, key) = (self.id.as_bytes(), self.master_key.as_bytes());
        if id.is_empty() || key.is_empty() {
            return Ok(false);
        }
        out.write_all(b"RSA Session-ID:")?;
        upper(out, id)?;
        out.write_all(b" Master-Key:")?;
        upper(out, key)?;
        out.write_all(b"\n")?;
        Ok(true)
    }

    fn write_ticket(&self, out: &mut impl io::Write) -> io::Result<()> {
        let hint_seconds = self.ticket_lifetime_hint_seconds;
        if hint_seconds != 0 {
            // OpenSSL prints it as a `long`.
            let hint_seconds = hint_seconds as i64;
            write!(out, "\n    TLS session ticket lifetime hint: {hint_seconds} (seconds)")?;
        }
        let Some(ticket) = &self.ticket else { return Ok(()) };
        out.write_all(b"\n    TLS session ticket:\n")?;
        for (row, bytes) in ticket.as_bytes().chunks(DUMP_ROW_BYTES).enumerate() {
            write!(out, "    {:04x} - ", row * DUMP_ROW_BYTES)?;
            for column in 0..DUMP_ROW_BYTES {
                match bytes.get(column) {
                    Some(byte) if column == 7 => write!(out, "{byte:02x}-")?,
                    Some(byte) => write!(out, "{byte:02x} ")?,
                    None => out.write_all(b"   ")?,
                }
            }
            out.write_all(b"  ")?;
            for byte in bytes {
                let shown = if matches!(byte, b' '..=b'~') { *byte } else { b'.' };
                out.write_all(&[shown])?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

const DUMP_ROW_BYTES: usize = 16;

fn hex(out: &mut impl io::Write, label: &str, bytes: &[u8]) -> io::Result<()> {
    write!(out, "\n    {label}")?;
    upper(out, bytes)
}

fn upper(out: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02X}"))
}
