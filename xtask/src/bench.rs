//! The benches: ours beside its peers, and two builds of ours beside each other.
//!
//! Four ways, which share nothing but words: *measure* everything once, and report it; compare that with
//! a run that was *saved*; compare this tree with a revision *against* which it is run round by round;
//! and count *instructions*, which no noise touches.

mod against;
mod chart;
mod disturbance;
mod document;
mod figures;
mod goals;
mod instructions;
mod judge;
mod machine;
mod measure;
mod page;
mod programs;
mod progress;
mod request;
mod saved;
mod table;

use std::path::PathBuf;

use crate::failure::Failure;
use crate::workspace::Workspace;

pub(crate) use instructions::check_where_possible as check_instructions;
use request::What;
pub(crate) use request::{Request, USAGE};

/// Does what was asked.
///
/// # Errors
/// When something cannot be built or measured, and when something has become slower.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<(), Failure> {
    match &request.what {
        What::Instructions { accept: false } => instructions::check(workspace),
        What::Instructions { accept: true } => instructions::accept(workspace),
        What::Measure { against: None } => measure::run(workspace, request).map(|_| ()),
        What::Measure { against: Some(other) } => match saved::find(workspace, other)? {
            Some(before) => {
                let now = measure::run(workspace, request)?;
                saved::judge(other, &before, &now)
            }
            None => against::run(workspace, request, other),
        },
    }
}

/// Where everything that a run leaves behind is kept.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target_folder().join("bench")
}
