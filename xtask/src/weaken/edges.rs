//! What can be weakened: every ordering of session-core that publishes or observes, and the steps
//! that keep an entry until nobody can touch it.
//!
//! Orderings are found in the source text, so a new one cannot be forgotten; reclaim steps are
//! listed here by their text, and one that is not found is an error.
//!
//! Not looked at: comments, tests, models, and the ghost, which is a model of a reclaimer itself.

use std::ops::Range;

use super::source::{Call, Source};
use crate::failure::Failure;
use crate::tree::Tree;

const FOLDER: &str = "session-core/src";
const NOT_LOOKED_AT: [&str; 2] = ["session-core/src/models/", "session-core/src/reclaim/ghost.rs"];

/// Not compiled over the ghost, so its models cannot notice a change there.
const EPOCH: &str = "session-core/src/reclaim/epoch.rs";

/// A place in the source and what makes it weaker.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The file's path from the workspace's root.
    pub(crate) file: String,
    /// `file:function:what`, unique.
    pub(crate) name: String,
    pub(crate) place: Range<usize>,
    pub(crate) replacement: String,
}

/// A step of reclamation to leave out.
struct Step {
    file: &'static str,
    name: &'static str,
    text: &'static str,
    replacement: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        file: EPOCH,
        name: "reclaim/epoch.rs:retire:freed at once",
        text: "unsafe { self.0.defer_unchecked(move || release_retired(entry)) };",
        replacement: "release_retired(entry);",
    },
    Step {
        file: "session-core/src/chain.rs",
        name: "chain.rs:take_out:never retired",
        text: "unsafe { guard.retire(gone.pointer()) };",
        replacement: "let _ = (gone, guard);",
    },
    Step {
        file: "session-core/src/chain.rs",
        name: "chain.rs:publish:filter bit not added",
        text: "            self.announce();",
        replacement: "            let _ = Chain::announce;",
    },
    Step {
        file: "session-core/src/sieve.rs",
        name: "sieve.rs:add:not counted",
        text: "0 => (now < COUNT_FULL).then(|| now + COUNT_ONE),",
        replacement: "0 => Some(now),",
    },
    Step {
        file: "session-core/src/table.rs",
        name: "table.rs:replace_claimed:added to the sieve when it is linked already",
        text: "        self.add(hash);\n        let old = self.buckets.chain(hash).replace(new, guard);",
        replacement: "        let old = self.buckets.chain(hash).replace(new, guard);\n        self.add(hash);",
    },
    Step {
        file: "session-core/src/table.rs",
        name: "table.rs:unlink:taken out of the sieve while it is linked",
        text: "        let held = self.buckets.chain(hash).take(key, guard)?;\n        self.take_away(hash);",
        replacement: "        self.take_away(hash);\n        let held = self.buckets.chain(hash).take(key, guard)?;",
    },
    Step {
        file: "session-core/src/entry.rs",
        name: "entry.rs:release:freed before the last reference",
        text: "if references.fetch_sub(share as u32, Release) & !CLAIMED != share as u32 {\n            \
               return false;\n        }",
        replacement: "let _ = references.fetch_sub(share as u32, Release);",
    },
    Step {
        file: "session-core/src/handle.rs",
        name: "handle.rs:to_handle:handle not counted",
        text: "self.held.header().acquire();\n        // SAFETY: the entry is of this type by `new`",
        replacement: "// SAFETY: the entry is of this type by `new`",
    },
];

impl Edge {
    /// Whether the ghost's models compile the file.
    pub(crate) fn is_seen_by_ghost(&self) -> bool {
        self.file != EPOCH
    }

    /// The file's text with this edge weakened.
    pub(crate) fn weaken(&self, text: &str) -> String {
        let (before, after) = (&text[..self.place.start], &text[self.place.end..]);
        format!("{before}{}{after}", self.replacement)
    }
}

/// Finds all edges, file by file, the orderings in the order of the source.
///
/// # Errors
/// When an ordering stands where no name can be made for it, or a step is not found.
pub(crate) fn find(tree: &Tree) -> Result<Vec<Edge>, Failure> {
    let mut edges = Vec::new();
    for file in tree.rust_files(FOLDER)? {
        if !NOT_LOOKED_AT.iter().any(|prefix| file.starts_with(prefix)) {
            edges.extend(orderings(&file, &tree.read(&file)?)?);
        }
    }
    for step in STEPS {
        edges.push(step_in(step, &tree.read(step.file)?)?);
    }
    Ok(edges)
}

fn step_in(step: &Step, text: &str) -> Result<Edge, Failure> {
    let (Some(start), 1) = (text.find(step.text), text.matches(step.text).count()) else {
        return Err(Failure::failed(format!(
            "weaken: the step `{}` is not found once in {}: mend its text in \
             xtask/src/weaken/edges.rs",
            step.name, step.file
        )));
    };
    Ok(Edge {
        file: step.file.to_string(),
        name: step.name.to_string(),
        place: start..start + step.text.len(),
        replacement: step.replacement.to_string(),
    })
}

fn orderings(file: &str, text: &str) -> Result<Vec<Edge>, Failure> {
    let source = Source::of(text);
    let short = file.strip_prefix(FOLDER).unwrap_or(file).trim_start_matches('/');
    let mut edges: Vec<Edge> = Vec::new();
    for ordering in ["Acquire", "Release", "AcqRel", "SeqCst"] {
        for place in source.words(ordering) {
            if source.is_import(place.start) {
                continue;
            }
            let cannot_name = || {
                let line = source.line(place.start);
                let line = format!("weaken: cannot name `{ordering}` at {file}:{line}");
                Failure::failed(line)
            };
            let function = source.function(place.start).ok_or_else(cannot_name)?;
            let call = source.call(place.start).ok_or_else(cannot_name)?;
            for (removed, left) in weaker(ordering, &call) {
                let what = format!("{}({removed})", call.name());
                edges.push(edge(file, &format!("{short}:{function}:{what}"), &place, left, &call));
            }
        }
    }
    edges.sort_by_key(|edge| edge.place.start);
    number_equal_names(&mut edges);
    Ok(edges)
}

fn edge(file: &str, name: &str, place: &Range<usize>, left: &str, call: &Call) -> Edge {
    // A fence without an ordering is none.
    let (place, replacement) = if call.method == "fence" && left == "Relaxed" {
        (call.place.clone(), "()".to_string())
    } else {
        (place.clone(), format!("core::sync::atomic::Ordering::{left}"))
    };
    Edge { file: file.to_string(), name: name.to_string(), place, replacement }
}

/// What may be taken from an ordering, and what is left then.
fn weaker(ordering: &str, call: &Call) -> Vec<(&'static str, &'static str)> {
    match (ordering, call.method.as_str()) {
        ("Acquire", method) if method.starts_with("compare_exchange") && call.argument == 3 => {
            vec![("Acquire on failure", "Relaxed")]
        }
        ("Acquire", _) => vec![("Acquire", "Relaxed")],
        ("Release", _) => vec![("Release", "Relaxed")],
        ("AcqRel", _) => vec![("Acquire", "Release"), ("Release", "Acquire")],
        (_, "load") => vec![("SeqCst", "Acquire")],
        (_, "store") => vec![("SeqCst", "Release")],
        _ => vec![("SeqCst", "AcqRel")],
    }
}

/// The second of a name becomes `name #2`, and so on.
fn number_equal_names(edges: &mut [Edge]) {
    let names: Vec<String> = edges.iter().map(|edge| edge.name.clone()).collect();
    for (index, edge) in edges.iter_mut().enumerate() {
        let before = names[..index].iter().filter(|name| **name == edge.name).count();
        if before > 0 {
            edge.name = format!("{} #{}", edge.name, before + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "use crate::sync::{Acquire, Release, fence};
// A comment may say fence(Acquire) as it likes.
fn find() {
    let a = self.head.load(Acquire);
    let b = unsafe { bucket.as_ref() }.next.load(Acquire);
    held.header().next.load(Ordering::Acquire);
    let said = \"load(Acquire)\";
}
fn change() {
    if word
        .compare_exchange(null_mut(), of(a, b), AcqRel, Acquire)
        .is_err()
    {
        fence(Acquire);
    }
}
#[cfg(test)]
mod tests {
    fn test() { word.load(Acquire); }
}
";

    fn found() -> Vec<Edge> {
        orderings("session-core/src/a.rs", TEXT).expect("all can be named")
    }

    #[test]
    fn every_ordering_of_the_code_has_a_name_of_its_own() {
        let names: Vec<_> = found().into_iter().map(|edge| edge.name).collect();
        assert_eq!(
            names,
            [
                "a.rs:find:head.load(Acquire)",
                "a.rs:find:next.load(Acquire)",
                "a.rs:find:next.load(Acquire) #2",
                "a.rs:change:word.compare_exchange(Acquire)",
                "a.rs:change:word.compare_exchange(Release)",
                "a.rs:change:word.compare_exchange(Acquire on failure)",
                "a.rs:change:fence(Acquire)",
            ]
        );
    }

    #[test]
    fn weakened_text_differs_in_one_ordering() {
        let weakened = |index: usize| found()[index].weaken(TEXT);
        let relaxed = "core::sync::atomic::Ordering::Relaxed";
        let load = "self.head.load(Acquire)";
        assert_eq!(weakened(0), TEXT.replace(load, &format!("self.head.load({relaxed})")));
        let load = "held.header().next.load(Ordering::Acquire)";
        let relaxed = format!("held.header().next.load({relaxed})");
        assert_eq!(weakened(2), TEXT.replace(load, &relaxed));
        assert_eq!(weakened(6), TEXT.replace("    fence(Acquire);", "    ();"));
    }

    #[test]
    fn ordering_outside_of_a_call_is_an_error_with_its_line() {
        let failure = orderings("a.rs", "fn f() {\n    let o = Acquire;\n}\n").unwrap_err();
        assert!(failure.line().unwrap().contains("a.rs:2"), "{failure:?}");
    }

    #[test]
    fn step_that_is_not_in_the_source_is_an_error() {
        assert!(step_in(&STEPS[1], "unsafe { guard.retire(gone.pointer()) };").is_ok());
        assert!(step_in(&STEPS[1], "guard.retire(gone);").is_err());
    }
}
