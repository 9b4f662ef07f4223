//! Puts the C library where a C compiler looks: headers, libraries, and the files by which pkg-config and
//! CMake find them.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::header;
use crate::program;
use crate::workspace::Workspace;

/// The number in the shared library's name; session-ffi/build.rs has it too.
const ABI_VERSION: &str = "0";

/// Where to install.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    prefix: PathBuf,
}

impl Request {
    /// Reads `--prefix DIR`.
    ///
    /// # Errors
    /// On anything else.
    pub(crate) fn parse(arguments: &[String]) -> Result<Request, Failure> {
        match arguments {
            [option, folder] if option == "--prefix" && !folder.is_empty() => {
                Ok(Request { prefix: folder.into() })
            }
            _ => Err(Failure::usage("install takes --prefix DIR")),
        }
    }
}

/// Builds the library and installs it.
///
/// # Errors
/// When it does not build, or a file cannot be written.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<(), Failure> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "-p", "session-ffi", "--lib"]);
    program::run(&mut build, "install", "mend the errors above")?;
    let built = workspace.target_folder().join("release");
    into(workspace, &built, &request.prefix)?;
    println!("installed into {}", request.prefix.display());
    Ok(())
}

/// Installs what was built into `built`. Nothing of it names the prefix: it may be moved as a whole.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn into(workspace: &Workspace, built: &Path, prefix: &Path) -> Result<(), Failure> {
    let version = version(workspace)?;
    let (include, lib) = (prefix.join("include/session"), prefix.join("lib"));
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake/session"));
    for folder in [&include, &pkgconfig, &cmake] {
        std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    }
    let headers = workspace.root().join(header::INCLUDE_FOLDER).join("session");
    for name in header::INSTALLED {
        copy(&headers.join(name), &include.join(name))?;
    }
    let shared = format!("libsession.so.{version}");
    copy(&built.join("libsession.so"), &lib.join(&shared))?;
    copy(&built.join("libsession.a"), &lib.join("libsession.a"))?;
    let soname = format!("libsession.so.{ABI_VERSION}");
    link(&shared, &lib.join(&soname))?;
    link(&soname, &lib.join("libsession.so"))?;
    write(&pkgconfig.join("session.pc"), &pkg_config(&version))?;
    write(&cmake.join("session-config.cmake"), &cmake_config(&version))?;
    write(&cmake.join("session-config-version.cmake"), &cmake_version(&version))
}

fn version(workspace: &Workspace) -> Result<String, Failure> {
    let packages = workspace.metadata.workspace_packages();
    let package = packages.into_iter().find(|package| *package.name == "session-ffi");
    let package = package.ok_or_else(|| Failure::failed("there is no crate session-ffi"))?;
    Ok(package.version.to_string())
}

fn pkg_config(version: &str) -> String {
    // Not quoted: pkg-config escapes the blanks of its own folder.
    format!(
        "prefix=${{pcfiledir}}/../..\nexec_prefix=${{prefix}}\nlibdir=${{exec_prefix}}/lib\n\
         includedir=${{prefix}}/include\n\nName: session\n\
         Description: The TLS session cache\nVersion: {version}\n\
         Libs: -L${{libdir}} -lsession\nLibs.private: -lpthread -lm -ldl -lgcc_s\n\
         Cflags: -I${{includedir}}\n"
    )
}

fn cmake_config(version: &str) -> String {
    format!(
        "# find_package(session) gives the target session::session.\n\
         get_filename_component(_session_prefix \"${{CMAKE_CURRENT_LIST_DIR}}/../../..\" ABSOLUTE)\n\
         if(NOT TARGET session::session)\n  \
         add_library(session::session SHARED IMPORTED)\n  \
         set_target_properties(session::session PROPERTIES\n    \
         IMPORTED_LOCATION \"${{_session_prefix}}/lib/libsession.so.{version}\"\n    \
         IMPORTED_SONAME \"libsession.so.{ABI_VERSION}\"\n    \
         INTERFACE_INCLUDE_DIRECTORIES \"${{_session_prefix}}/include\")\n\
         endif()\nunset(_session_prefix)\n"
    )
}

/// A version before 1.0 goes with itself and later patches only.
fn cmake_version(version: &str) -> String {
    let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
    format!(
        "set(PACKAGE_VERSION \"{version}\")\n\
         if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION\n   \
         OR NOT PACKAGE_FIND_VERSION MATCHES \"^{minor}(\\\\.|$)\")\n  \
         set(PACKAGE_VERSION_COMPATIBLE FALSE)\nelse()\n  \
         set(PACKAGE_VERSION_COMPATIBLE TRUE)\n  \
         if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)\n    \
         set(PACKAGE_VERSION_EXACT TRUE)\n  endif()\nendif()\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    // Not onto itself: a program that runs keeps the old one.
    let _ = std::fs::remove_file(to);
    std::fs::copy(from, to).map(|_| ()).map_err(|error| {
        Failure::failed(format!("cannot copy {} to {}: {error}", from.display(), to.display()))
    })
}

#[cfg(unix)]
fn link(target: &str, at: &Path) -> Result<(), Failure> {
    let _ = std::fs::remove_file(at);
    std::os::unix::fs::symlink(target, at).map_err(|error| cannot_write(at, &error))
}

#[cfg(not(unix))]
fn link(_target: &str, _at: &Path) -> Result<(), Failure> {
    Err(Failure::failed("install knows shared libraries of Unix only"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_has_to_be_named() {
        let parse = |line: &[&str]| {
            Request::parse(&line.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["--prefix", "p"]).unwrap(), Request { prefix: "p".into() });
        for wrong in [&[][..], &["--prefix"], &["--prefix", ""], &["p"]] {
            assert_eq!(parse(wrong).unwrap_err().exit_status(), 2, "{wrong:?}");
        }
    }
}
