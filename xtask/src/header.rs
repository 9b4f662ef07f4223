//! The C headers that are generated from the functions themselves.
//!
//! Invariant: what is committed is what the functions say; `cargo xtask c` compares.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::workspace::Workspace;

/// Where the headers are, under the root: `#include <session/session.h>`.
pub(crate) const INCLUDE_FOLDER: &str = "session-ffi/include";

/// What a program may include together.
pub(crate) const SETS: [&[&str]; 3] = [
    &["session.h", "session_engine.h"],
    &["session_openssl_names.h"],
    &["session_openssl.h", "session_engine.h"],
];

/// All that is installed.
pub(crate) const INSTALLED: [&str; 4] =
    ["session.h", "session_engine.h", "session_openssl.h", "session_openssl_names.h"];

/// A header and the sources that are in it, in this order.
struct Header {
    file: &'static str,
    sources: &'static [&'static str],
    preamble: &'static str,
    includes: &'static [&'static str],
}

const HEADERS: [Header; 2] = [
    Header {
        file: "session/session.h",
        sources: &[
            "fault",
            "memory",
            "ex_data",
            "session",
            "attributes",
            "encoding",
            "context",
            "settings",
            "hooks",
            "connection",
            "plain",
        ],
        preamble: PREAMBLE,
        includes: &["<stddef.h>", "<stdint.h>", "<stdio.h>", "<time.h>"],
    },
    Header {
        file: "session/session_engine.h",
        sources: &["engine"],
        preamble: ENGINE_PREAMBLE,
        includes: &["\"session.h\""],
    },
];

const PREAMBLE: &str = "\
/* The TLS session cache for C. Generated from session-ffi/src; do not edit.
 *
 * What OpenSSL calls SSL_x is SESS_x here, with the same arguments, results and reference counts.
 *
 * Ownership: a get0 function, and one without a digit, lends: the pointer stays the library's. A get1
 * function gives the caller a reference of his own. A set1 function copies. What the library allocates and
 * hands over is freed with SESS_mem_free(), references are given up with the function that ends in _free.
 *
 * Threads: contexts are shared by all threads; a session may be read by all, while nobody sets its fields; a
 * connection belongs to one thread at a time.
 *
 * Failure: NULL, 0 or what the function says, and SESS_last_error() tells why. Outputs are untouched then,
 * unless the function says otherwise. NULL, wrong lengths and numbers out of range are failures. A pointer
 * to what was freed is not noticed: run your tests with the AddressSanitizer build (docs/c-abi.md).
 *
 * Callbacks run on the calling thread with no lock held, and may call anything here. They must return: no
 * longjmp, no exception.
 */";

const ENGINE_PREAMBLE: &str = "\
/* The TLS session cache for C: what a TLS engine calls. Generated from session-ffi/src; do not edit.
 *
 * The rules of session.h hold here too. The order of calls is in docs/c-abi.md.
 */";

/// Writes the headers anew.
///
/// # Errors
/// When the sources cannot be read, or a header not be written.
pub(crate) fn write(workspace: &Workspace) -> Result<(), Failure> {
    for header in &HEADERS {
        let path = workspace.root().join(INCLUDE_FOLDER).join(header.file);
        std::fs::write(&path, header.text(workspace)?).map_err(|error| {
            Failure::failed(format!("cannot write {}: {error}", path.display()))
        })?;
        eprintln!("header: wrote {}", path.display());
    }
    Ok(())
}

/// Compares what is committed with what the functions say.
///
/// # Errors
/// When they differ.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    for header in &HEADERS {
        let path = workspace.root().join(INCLUDE_FOLDER).join(header.file);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        if committed != header.text(workspace)? {
            return Err(Failure::failed(format!(
                "{}/{} is not what the functions say: run `cargo xtask header`",
                INCLUDE_FOLDER, header.file
            )));
        }
    }
    Ok(())
}

impl Header {
    fn text(&self, workspace: &Workspace) -> Result<String, Failure> {
        let mut builder = cbindgen::Builder::new().with_config(self.config());
        for source in self.sources {
            builder = builder.with_src(source_file(workspace.root(), source));
        }
        let bindings = builder
            .generate()
            .map_err(|error| Failure::failed(format!("cannot generate {}: {error}", self.file)))?;
        let mut text = Vec::new();
        bindings.write(&mut text);
        String::from_utf8(text).map_err(|_| Failure::failed("a header is not UTF-8"))
    }

    fn config(&self) -> cbindgen::Config {
        let guard = self.file.replace(['/', '.'], "_").to_uppercase();
        cbindgen::Config {
            language: cbindgen::Language::C,
            cpp_compat: true,
            header: Some(self.preamble.to_string()),
            include_guard: Some(guard),
            no_includes: true,
            after_includes: Some(self.include_lines()),
            line_length: 100,
            tab_width: 4,
            documentation_style: cbindgen::DocumentationStyle::C99,
            style: cbindgen::Style::Both,
            usize_is_size_t: true,
            ..cbindgen::Config::default()
        }
    }

    /// Of our own making: `no_includes` keeps cbindgen from adding what is not needed.
    fn include_lines(&self) -> String {
        self.includes.iter().map(|name| format!("\n#include {name}")).collect()
    }
}

fn source_file(root: &Path, name: &str) -> PathBuf {
    root.join("session-ffi/src").join(name).with_extension("rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_says_its_threads_and_what_null_does() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(INCLUDE_FOLDER);
        let mut functions = 0;
        for header in &HEADERS {
            let text = std::fs::read_to_string(root.join(header.file)).unwrap();
            let text = text.split_once("extern \"C\" {").unwrap().1;
            for block in text.split("\n\n").filter(|block| block.trim_end().ends_with(");")) {
                let last_of_doc = block.rsplit_once("//").unwrap().1;
                let declaration = last_of_doc.split_once('\n').unwrap().1;
                let doc = &block[..block.len() - declaration.len()];
                assert!(doc.contains("Threads: "), "{block}");
                let takes_pointers = declaration.split_once('(').unwrap().1.contains('*');
                assert!(!takes_pointers || doc.contains("NULL"), "{block}");
                functions += 1;
            }
        }
        assert!(functions > 150, "{functions}");
    }
}
