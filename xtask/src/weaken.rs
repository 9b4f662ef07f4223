//! Proof that the models prove something: each edge of the memory model is weakened, alone, and a
//! model has to notice.
//!
//! This happens in a copy of the workspace. For each edge the models are built over the ghost, and
//! all of them run; if none fails, over the real crossbeam-epoch. An edge that no model notices is a
//! survivor, and stands in docs/memory-model.md with the reason why loom cannot see it.
//!
//! Invariant: with nothing weakened all models pass, or the job ends. So one that fails does so
//! because of the one change.

mod edges;
mod source;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::clock;
use crate::failure::Failure;
use crate::loom::{self, Defect, Reclaimer};
use crate::survivors::{self, Survivors};
use crate::tree::Tree;
use crate::workspace::Workspace;
use edges::Edge;

/// All models take seconds; a weakened one that takes longer has not noticed anything.
const MODEL_TIMEOUT: Duration = Duration::from_secs(60);
const DOCUMENT: &str = "docs/memory-model.md";

/// The three of `--quick`, each in a file of its own: one that publishes, one that observes, and one
/// step of reclamation.
const QUICK: [&str; 3] = [
    "chain.rs:publish:before.compare_exchange(Release)",
    "buckets.rs:is_ready:range.load(Acquire)",
    "entry.rs:release:freed before the last reference",
];

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    All,
    /// The edges whose name contains this.
    Named(String),
    Quick,
}

impl Request {
    /// Reads `[EDGE | --quick]`.
    ///
    /// # Errors
    /// On any other option, or a second word.
    pub(crate) fn parse(arguments: &[String]) -> Result<Request, Failure> {
        match arguments {
            [] => Ok(Request::All),
            [option] if option == "--quick" => Ok(Request::Quick),
            [name] if !name.starts_with('-') => Ok(Request::Named(name.clone())),
            [.., last] => {
                let line = format!("weaken does not know `{last}`; it takes [EDGE | --quick]");
                Err(Failure::usage(line))
            }
        }
    }

    fn asks_for(&self, name: &str) -> bool {
        match self {
            Request::All => true,
            Request::Named(part) => name.contains(part),
            Request::Quick => QUICK.contains(&name),
        }
    }

    /// The three of `--quick` are noticed over the ghost, which saves building the other.
    fn reclaimers(&self) -> &'static [Reclaimer] {
        match self {
            Request::Quick => &[Reclaimer::Ghost],
            _ => &Reclaimer::ALL,
        }
    }
}

/// A copy of the workspace whose models run.
struct Workbench<'a> {
    workspace: &'a Workspace,
    tree: Tree,
    /// Over which the models run, in this order, until one notices.
    reclaimers: &'static [Reclaimer],
    log_folder: PathBuf,
}

/// What became of a weakened edge.
struct Row {
    name: String,
    /// The models that failed, as a person reads them; None: it survived.
    noticed_by: Option<String>,
    undecided: usize,
    elapsed: Duration,
}

/// Weakens the edges asked for.
///
/// # Errors
/// When one survives that is not listed, one is listed that does not survive, the list cannot be
/// read, a model fails with nothing weakened, or a weakened source does not compile.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<(), Failure> {
    let tree = Tree::copy(workspace, "weaken")?;
    let mut edges = edges::find(&tree)?;
    let document = tree.read(DOCUMENT)?;
    let survivors = Survivors::in_document(&document)
        .map_err(|reason| survivors::defect("weaken", DOCUMENT, &reason))?;
    let names: Vec<String> = edges.iter().map(|edge| edge.name.clone()).collect();
    if let Some(name) = survivors.unknown(&names) {
        return Err(survivors::defect("weaken", DOCUMENT, &format!("`{name}` is no edge")));
    }
    if let Some(name) = QUICK.iter().find(|quick| !names.iter().any(|name| name == *quick)) {
        return Err(Failure::failed(format!("weaken: `{name}` of --quick is no edge")));
    }
    edges.retain(|edge| request.asks_for(&edge.name));
    if edges.is_empty() {
        let every = names.join("\n  ");
        return Err(Failure::failed(format!("weaken: no edge has that name; all are\n  {every}")));
    }
    let reclaimers = request.reclaimers();
    let log_folder = workspace.target_folder().join("weaken").join("models");
    let workbench = Workbench { workspace, tree, reclaimers, log_folder };
    let start = Instant::now();
    let mut rows = Vec::new();
    for reclaimer in reclaimers {
        workbench.check_unweakened(*reclaimer)?;
    }
    for edge in &edges {
        rows.push(workbench.weaken(edge)?);
    }
    report(&rows, &survivors, start.elapsed())
}

impl Workbench<'_> {
    /// All models must pass before anything is weakened.
    fn check_unweakened(&self, reclaimer: Reclaimer) -> Result<(), Failure> {
        let start = Instant::now();
        let (failed, undecided) = self.failed(reclaimer)?;
        if let Some(name) = failed.iter().chain(&undecided).next() {
            return Err(Failure::failed(format!(
                "weaken: {name} ({}) fails with nothing weakened; see `cargo xtask loom {name}`",
                reclaimer.name()
            )));
        }
        let elapsed = clock::shown(start.elapsed());
        eprintln!("  nothing weakened ({}): all models pass, {elapsed}", reclaimer.name());
        Ok(())
    }

    fn weaken(&self, edge: &Edge) -> Result<Row, Failure> {
        let start = Instant::now();
        let text = self.tree.read(&edge.file)?;
        self.tree.write(&edge.file, &edge.weaken(&text))?;
        let noticed = self.first_to_notice(edge);
        self.tree.write(&edge.file, &text)?;
        let (noticed_by, undecided) = noticed.map_err(|failure| {
            let reason = failure.line().unwrap_or("failed");
            Failure::failed(format!("weaken: {} could not be tried: {reason}", edge.name))
        })?;
        let row = Row { name: edge.name.clone(), noticed_by, undecided, elapsed: start.elapsed() };
        eprintln!("  {}: {}, {}", row.name, row.result(), clock::shown(row.elapsed));
        Ok(row)
    }

    /// Who notices over the first reclaimer over which anybody does; and how many models ran out of
    /// time without.
    fn first_to_notice(&self, edge: &Edge) -> Result<(Option<String>, usize), Failure> {
        let mut undecided_in_all = 0;
        for &reclaimer in self.reclaimers {
            if reclaimer == Reclaimer::Ghost && !edge.is_seen_by_ghost() {
                continue;
            }
            let (failed, undecided) = self.failed(reclaimer)?;
            undecided_in_all += undecided.len();
            if let Some(first) = failed.first() {
                let more = match failed.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let names = format!("{first}{more} ({})", reclaimer.name());
                return Ok((Some(names), undecided_in_all));
            }
        }
        Ok((None, undecided_in_all))
    }

    /// The models that fail over a reclaimer as the copy is now, and those that cannot tell.
    fn failed(&self, reclaimer: Reclaimer) -> Result<(Vec<String>, Vec<String>), Failure> {
        let jobs = loom::build_copy(self.tree.root(), self.workspace, reclaimer)?;
        let outcomes = loom::run_in_silence(&jobs, &self.log_folder, MODEL_TIMEOUT);
        let (mut failed, mut undecided) = (Vec::new(), Vec::new());
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            match outcome {
                Ok(_) => {}
                Err(Defect::Broken(_)) => failed.push(job.name().to_string()),
                Err(Defect::Undecided(_)) => undecided.push(job.name().to_string()),
            }
        }
        Ok((failed, undecided))
    }
}

impl Row {
    fn result(&self) -> String {
        match (&self.noticed_by, self.undecided) {
            (Some(names), _) => names.clone(),
            (None, 0) => "SURVIVED".to_string(),
            (None, many) => format!("SURVIVED ({many} models ran out of time)"),
        }
    }
}

fn report(rows: &[Row], survivors: &Survivors, elapsed: Duration) -> Result<(), Failure> {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    println!("{:<width$}  {:>12}  noticed by", "edge", "time");
    for row in rows {
        println!("{:<width$}  {:>12}  {}", row.name, clock::shown(row.elapsed), row.result());
    }
    let survived = rows.iter().filter(|row| row.noticed_by.is_none()).count();
    eprintln!("  weaken: {}", clock::shown(elapsed));
    println!(
        "{} edges weakened, {} noticed, {survived} survived",
        rows.len(),
        rows.len() - survived
    );
    let wrong = wrong(rows, survivors);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(format!("weaken failed:\n  {}", wrong.join("\n  "))))
    }
}

/// Where the rows and the list disagree.
fn wrong(rows: &[Row], survivors: &Survivors) -> Vec<String> {
    let disagreement = |row: &Row| match (&row.noticed_by, survivors.contains(&row.name)) {
        (None, false) => Some(format!(
            "`{}` survived: write a model that notices, lower the ordering, or say in {DOCUMENT} \
             why no model can",
            row.name
        )),
        (Some(_), true) => {
            Some(format!("`{}` is noticed now: take it off the list in {DOCUMENT}", row.name))
        }
        _ => None,
    };
    rows.iter().filter_map(disagreement).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, noticed_by: Option<&str>) -> Row {
        let noticed_by = noticed_by.map(str::to_string);
        Row { name: name.to_string(), noticed_by, undecided: 0, elapsed: Duration::ZERO }
    }

    #[test]
    fn survivors_and_the_list_must_agree() {
        let text = "## Survivors\nNumber: 2.\n| `a` | a static |\n| `b` | another |\n";
        let listed = Survivors::in_document(text).unwrap();
        assert!(wrong(&[row("a", None), row("c", Some("m"))], &listed).is_empty());
        assert!(wrong(&[row("c", None)], &listed)[0].contains("`c` survived"));
        assert!(wrong(&[row("b", Some("m"))], &listed)[0].contains("`b` is noticed now"));
    }

    #[test]
    fn edge_and_quick_exclude_each_other() {
        let parse = |line: &[&str]| {
            Request::parse(&line.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["double"]).unwrap(), Request::Named("double".to_string()));
        assert_eq!(parse(&["--quick"]).unwrap(), Request::Quick);
        assert_eq!(parse(&["double", "--quick"]).unwrap_err().exit_status(), 2);
        assert_eq!(parse(&["--slow"]).unwrap_err().exit_status(), 2);
    }
}
