//! The C library as C sees it: its headers, its symbols, and the programs in session-ffi/tests/c.
//!
//! Each program runs as it is, under Valgrind, and with AddressSanitizer in the library and in the program.
//! Under Valgrind a leak counts when nothing leads to the block any more: what waits to be reclaimed at the
//! end of the process is still reachable.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, NotHere};
use crate::header;
use crate::install;
use crate::program;
use crate::san;
use crate::system_packages;
use crate::workspace::Workspace;

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];
const PROGRAMS: &str = "session-ffi/tests/c";
const SYMBOLS: &str = "session-ffi/symbols.txt";

/// A build of the library and how programs are linked and run with it.
pub(crate) struct Library {
    name: &'static str,
    folder: PathBuf,
    flags: &'static [&'static str],
}

/// Checks and runs everything: the programs as gcc compiles them, and as clang does where there is one.
///
/// # Errors
/// When a header, a symbol or a program is not as it should be.
pub(crate) fn run(workspace: &Workspace) -> Result<NotHere, Failure> {
    let missing = system_packages::provide();
    if let Some(package) = missing.first() {
        let (program, debian) = (package.program, package.debian_package);
        return Err(Failure::failed(format!("`{program}` is missing (Debian: {debian})")));
    }
    header::check(workspace)?;
    let work = workspace.target_folder().join("c");
    std::fs::create_dir_all(&work)
        .map_err(|error| Failure::failed(format!("cannot make {}: {error}", work.display())))?;
    headers_compile(workspace, &work)?;
    names_refuse_openssl(workspace, &work)?;
    let plain = plain_library(workspace)?;
    check_symbols(workspace, &plain)?;
    names_are_complete(workspace, &work)?;
    let sanitized = sanitized_library(workspace)?;
    let programs = programs(workspace)?;
    let (compilers, missing) = compilers(program::is_on_path);
    for compiler in compilers {
        for source in &programs {
            let runs = [(&plain, false), (&plain, true), (&sanitized, false)];
            // libasan of gcc fits the library's instrumentation; clang's runtime would be a second one.
            let runs =
                runs.iter().filter(|(library, _)| compiler == "gcc" || library.flags.is_empty());
            for (library, valgrind) in runs {
                run_program(workspace, &work, compiler, source, library, *valgrind)?;
            }
        }
    }
    installed(workspace, &work, &plain)?;
    eprintln!("c: {} programs", programs.len());
    Ok(missing)
}

/// Those that are there, and what is to be said of the others.
fn compilers(is_there: impl Fn(&str) -> bool) -> (Vec<&'static str>, NotHere) {
    let (there, missing): (Vec<_>, Vec<_>) =
        ["gcc", "clang"].into_iter().partition(|name| is_there(name));
    let missing = (!missing.is_empty()).then(|| {
        format!("no {} here: the programs were not compiled by it", missing.join(" and no "))
    });
    (there, missing)
}

/// The names of OpenSSL are refused where OpenSSL has them already.
fn names_refuse_openssl(workspace: &Workspace, work: &Path) -> Result<(), Failure> {
    let file = work.join("names.c");
    let text = "#include <openssl/ssl.h>\n#include <session/session_openssl_names.h>\n";
    std::fs::write(&file, text)
        .map_err(|error| Failure::failed(format!("cannot write names.c: {error}")))?;
    let mut command = workspace.command("gcc".into());
    command.args(["-fsyntax-only", "-I", header::INCLUDE_FOLDER]).arg(&file);
    program::show(&command);
    let output = command.output();
    let words = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    if words.is_ok_and(|words| words.contains("#error")) {
        return Ok(());
    }
    Err(Failure::failed("session_openssl_names.h was taken after <openssl/ssl.h>"))
}

/// Twice in one file: the guards hold. In both languages: each construct is of both.
fn headers_compile(workspace: &Workspace, work: &Path) -> Result<(), Failure> {
    let languages = [("gcc", "-std=c11", "c"), ("g++", "-std=c++17", "cc")];
    let each = header::SETS.iter().flat_map(|set| languages.map(|language| (set, language)));
    for (set, (compiler, standard, extension)) in each {
        let name = format!("headers.{extension}");
        let file = work.join(&name);
        let text: String = set.iter().map(|name| format!("#include <session/{name}>\n")).collect();
        let text = format!("{text}{text}int main(void) {{ return 0; }}\n");
        std::fs::write(&file, text)
            .map_err(|error| Failure::failed(format!("cannot write {name}: {error}")))?;
        let mut command = workspace.command(compiler.into());
        command.args([standard, "-fsyntax-only"]).args(WARNINGS);
        command.args(["-I", header::INCLUDE_FOLDER]).arg(&file);
        program::run(
            &mut command,
            "headers",
            "mend the doc comments or types that they come from",
        )?;
    }
    Ok(())
}

/// Builds the library for the programs.
///
/// # Errors
/// When it does not build.
pub(crate) fn plain_library(workspace: &Workspace) -> Result<Library, Failure> {
    let mut build = workspace.cargo();
    // Not optimised: an optimised comparison may read what it then does not use, and Valgrind reports it.
    build.args(["build", "-p", "session-ffi", "--lib"]);
    program::run(&mut build, "library", "mend the errors above")?;
    Ok(Library { name: "plain", folder: workspace.target_folder().join("debug"), flags: &[] })
}

fn sanitized_library(workspace: &Workspace) -> Result<Library, Failure> {
    let (mut build, target) = san::cargo(workspace, san::Sanitizer::Address, "build")?;
    build.args(["-p", "session-ffi", "--lib"]);
    program::run(&mut build, "library with AddressSanitizer", "mend the errors above")?;
    let folder = workspace.target_folder().join("san-asan").join(target).join("debug");
    let symbols = program::answer(Command::new("nm").arg("-D").arg(folder.join("libsession.so")));
    if !symbols.is_some_and(|symbols| symbols.contains("__asan_")) {
        return Err(Failure::failed(
            "the library has no AddressSanitizer in it: nm shows no __asan_",
        ));
    }
    Ok(Library { name: "asan", folder, flags: &["-fsanitize=address", "-g"] })
}

/// Compares what the library exports with the list.
fn check_symbols(workspace: &Workspace, library: &Library) -> Result<(), Failure> {
    let exported = exported(&library.folder.join("libsession.so"))?;
    let listed = std::fs::read_to_string(workspace.root().join(SYMBOLS)).unwrap_or_default();
    let listed: Vec<_> = listed.lines().map(str::to_string).collect();
    let too_many = exported.iter().filter(|name| !listed.contains(name));
    let too_few = listed.iter().filter(|name| !exported.contains(name));
    let differences: Vec<_> = too_many
        .map(|name| format!("+{name}"))
        .chain(too_few.map(|name| format!("-{name}")))
        .collect();
    if differences.is_empty() && listed.is_sorted() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{SYMBOLS} is not what libsession.so exports, sorted: {}",
        differences.join(" ")
    )))
}

/// What has OpenSSL's name, and other arguments or another result than OpenSSL's function: code that is ported
/// has to be looked at there, and the compiler says where.
const NAMED_OTHERWISE: [(&str, &str); 7] = [
    ("SESS_SESSION_get0_cipher", "a cipher is its two bytes"),
    ("SESS_SESSION_set_cipher", "a cipher is its two bytes"),
    ("SESS_SESSION_get0_peer", "a certificate is DER"),
    ("SESS_SESSION_print", "there are no BIOs"),
    ("SESS_SESSION_print_keylog", "there are no BIOs"),
    ("SESS_set_verify", "there is no callback"),
    ("SESS_version", "tells this library's version, not a connection's"),
];

/// Checks that `session_openssl_names.h` has each name that the system's OpenSSL has too.
fn names_are_complete(workspace: &Workspace, work: &Path) -> Result<(), Failure> {
    const NAMES: &str = "session-ffi/include/session/session_openssl_names.h";
    let read = |file: &str| {
        std::fs::read_to_string(workspace.root().join(file))
            .map_err(|error| Failure::failed(format!("cannot read {file}: {error}")))
    };
    let source = work.join("openssl.c");
    std::fs::write(&source, "#include <openssl/ssl.h>\n#include <openssl/pem.h>\n")
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", source.display())))?;
    // Declarations and macros.
    let openssl = program::answer(Command::new("cc").args(["-E", "-dD"]).arg(&source))
        .ok_or_else(|| Failure::failed("the compiler does not find <openssl/ssl.h>"))?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let known: BTreeSet<&str> = openssl.split(|c: char| !is_word(c)).collect();
    let (names, symbols) = (read(NAMES)?, read(SYMBOLS)?);
    let missing = missing_names(&symbols, &names, &known);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("{NAMES} lacks {}", missing.join(", "))))
}

fn missing_names(symbols: &str, names: &str, known: &BTreeSet<&str>) -> Vec<String> {
    let mapped: BTreeSet<&str> = names
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split([' ', '(']).next())
        .collect();
    let theirs = symbols
        .lines()
        .filter(|symbol| NAMED_OTHERWISE.iter().all(|(name, _)| name != symbol))
        .map(|symbol| symbol.replace("SESS_SESSION", "SSL_SESSION").replace("SESS_", "SSL_"))
        .map(|name| name.replace("SSL_SSL_", "SSL_"));
    theirs.filter(|name| known.contains(&**name) && !mapped.contains(&**name)).collect()
}

fn exported(library: &Path) -> Result<Vec<String>, Failure> {
    let symbols =
        program::answer(Command::new("nm").args(["-D", "--defined-only"]).arg(library))
            .ok_or_else(|| Failure::failed(format!("nm cannot read {}", library.display())))?;
    let mut names: Vec<_> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_string)
        .collect();
    names.sort();
    Ok(names)
}

fn programs(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folder = workspace.root().join(PROGRAMS);
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| Failure::failed(format!("cannot read {PROGRAMS}: {error}")))?;
    let mut programs: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    programs.sort();
    if programs.is_empty() {
        return Err(Failure::failed(format!("there is no program in {PROGRAMS}")));
    }
    Ok(programs)
}

fn run_program(
    workspace: &Workspace,
    work: &Path,
    compiler: &str,
    source: &Path,
    library: &Library,
    valgrind: bool,
) -> Result<(), Failure> {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    let binary = work.join(format!("{stem}-{compiler}-{}", library.name));
    let mut compile = compile(workspace, compiler, source, &binary, library);
    program::run(&mut compile, &stem, "the compiler's words are above")?;
    let mut command = if valgrind {
        let mut command = workspace.command("valgrind".into());
        command.args(["-q", "--error-exitcode=9", "--leak-check=full"]);
        command.args(["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]);
        command.arg(format!("--suppressions={PROGRAMS}/valgrind.supp")).arg(&binary);
        command
    } else {
        workspace.command(binary.into())
    };
    program::run(&mut command, &stem, "its words, or the checker's, are above")
}

fn compile_flags() -> Vec<&'static str> {
    [&["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-pthread", "-g"][..], &WARNINGS].concat()
}

/// Compiles one file against a library.
pub(crate) fn compile(
    workspace: &Workspace,
    compiler: &str,
    source: &Path,
    binary: &Path,
    library: &Library,
) -> Command {
    let mut command = workspace.command(compiler.into());
    command.args(compile_flags()).args(library.flags);
    command.args(["-I", header::INCLUDE_FOLDER]).arg(source).arg("-o").arg(binary);
    command.arg("-L").arg(&library.folder).arg("-lsession");
    // The file has its link's name only where it is installed.
    command.arg(format!("-Wl,-rpath,{}", soname_folder(&library.folder).display()));
    command
}

/// Programs ask for the library by its soname, under which cargo does not build it.
fn soname_folder(folder: &Path) -> PathBuf {
    let with_soname = folder.join("c-soname");
    let _ = std::fs::create_dir_all(&with_soname);
    let _ = std::fs::copy(folder.join("libsession.so"), with_soname.join("libsession.so.0"));
    with_soname
}

/// After an install, pkg-config alone is enough; also when it was moved, and to where a name has a blank.
fn installed(workspace: &Workspace, work: &Path, library: &Library) -> Result<(), Failure> {
    let (first, prefix) = (work.join("prefix"), work.join("moved prefix"));
    let _ = std::fs::remove_dir_all(&prefix);
    install::into(workspace, &library.folder, &first)?;
    std::fs::rename(&first, &prefix)
        .map_err(|error| Failure::failed(format!("cannot move {}: {error}", first.display())))?;
    let source = workspace.root().join(PROGRAMS).join("SSL_get_session.c");
    let binary = work.join("installed");
    // As a makefile would: the shell takes what pkg-config says apart.
    let with_flags = "flags=$(pkg-config --cflags --libs session) && \
                      eval \"set -- \\\"\\$@\\\" $flags\" && exec \"$@\"";
    let mut compile = workspace.command("sh".into());
    compile.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    compile.args(["-c", with_flags, "sh", "gcc"]).args(compile_flags());
    compile.arg(&source).arg("-o").arg(&binary);
    program::run(&mut compile, "installed", "the words of pkg-config or the compiler are above")?;
    let mut command = workspace.command(binary.into());
    command.env("LD_LIBRARY_PATH", prefix.join("lib"));
    program::run(&mut command, "installed", "its words are above")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiler_that_is_not_there_is_named() {
        assert_eq!(compilers(|_| true), (vec!["gcc", "clang"], None));
        let (there, missing) = compilers(|name| name == "gcc");
        assert_eq!(there, ["gcc"]);
        assert!(missing.is_some_and(|line| line.starts_with("no clang here")));
    }

    #[test]
    fn name_that_openssl_has_too_must_be_mapped() {
        let known = BTreeSet::from(["SSL_CTX_free", "SSL_SESSION_up_ref", "SSL_version"]);
        let symbols = "SESS_CTX_each\nSESS_CTX_free\nSESS_SESSION_up_ref\nSESS_version\n";
        let names = "#define SSL_CTX_free SESS_CTX_free\n";
        assert_eq!(missing_names(symbols, names, &known), ["SSL_SESSION_up_ref"]);
    }
}
