//! A copy of the workspace, to be changed and built without touching the person's own files.
//!
//! Its crates carry another version than the workspace's own (`0.1.0+copy`). That tells cargo the
//! two apart where they share a target folder, and so share what was built of their dependencies;
//! without it one would pass for the other.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::program;
use crate::workspace::Workspace;

pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Copies what git tracks, or would, as it is in the working folder, to the target folder's
    /// `name/tree`.
    ///
    /// # Errors
    /// When git does not know the workspace, or a file cannot be copied.
    pub(crate) fn copy(workspace: &Workspace, name: &str) -> Result<Tree, Failure> {
        let root = workspace.target_folder().join(name).join("tree");
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let files =
            program::answer(workspace.command("git".into()).args(list)).ok_or_else(|| {
                Failure::failed(format!(
                    "{name}: git does not list the files here; is this a clone?"
                ))
            })?;
        if root.exists() {
            fs::remove_dir_all(&root).map_err(|error| cannot("empty", &root, &error))?;
        }
        for file in files.split_terminator('\0') {
            let (from, to) = (workspace.root().join(file), root.join(file));
            // Listed and not there: removed, and the removal not yet committed.
            if from.is_file() {
                let folder = to.parent().expect("the root is above every file");
                fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
                fs::copy(&from, &to).map_err(|error| cannot("copy", &from, &error))?;
            }
        }
        let tree = Tree { root };
        tree.change_version(workspace)?;
        Ok(tree)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads a file by its path from the root.
    pub(crate) fn read(&self, path: &str) -> Result<String, Failure> {
        let path = self.root.join(path);
        fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        let path = self.root.join(path);
        fs::write(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    /// The paths from the root of all Rust files below a folder, sorted.
    pub(crate) fn rust_files(&self, folder: &str) -> Result<Vec<String>, Failure> {
        let path = self.root.join(folder);
        let entries = fs::read_dir(&path).map_err(|error| cannot("list", &path, &error))?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| cannot("list", &path, &error))?;
            let below = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                files.extend(self.rust_files(&below)?);
            } else if below.ends_with(".rs") {
                files.push(below);
            }
        }
        files.sort();
        Ok(files)
    }

    fn change_version(&self, workspace: &Workspace) -> Result<(), Failure> {
        let version =
            workspace.metadata.packages.first().map(|package| package.version.to_string());
        let line = |suffix: &str| {
            format!("\nversion = \"{}{suffix}\"\n", version.as_deref().unwrap_or_default())
        };
        let manifest = self.read("Cargo.toml")?;
        if manifest.matches(&line("")).count() != 1 {
            let line = line("");
            let line = line.trim();
            return Err(Failure::failed(format!("Cargo.toml has no line `{line}`, or two")));
        }
        self.write("Cargo.toml", &manifest.replace(&line(""), &line("+copy")))
    }
}

fn cannot(act: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot {act} {}: {error}", path.display()))
}
