//! The rules held against the tests: what is proved, whose it is, and what is missing.

use super::binaries::Test;
use super::book::{Book, Owner, Rule, Sets, Side};

/// All rules with what there is to say for each of their owners.
pub(super) struct Evidence {
    /// In the order of the book; in each the owners in the order of the rule.
    pub(super) findings: Vec<Finding>,
    /// Tests that name a number that is no rule's.
    strays: Vec<String>,
}

pub(super) struct Finding {
    pub(super) number: u16,
    pub(super) owners: Vec<Standing>,
    /// Tests of crates that do not own the rule.
    pub(super) elsewhere: Vec<Test>,
}

/// How a rule stands with one of its owners.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The TLS stack's: nothing is asked for here.
    Engine,
    /// Of a crate that is not in the workspace yet.
    With(String),
    Proved(Vec<Test>),
    /// What is missing, in words, and the tests that are there.
    Unproved {
        lacks: String,
        tests: Vec<Test>,
    },
}

impl Evidence {
    /// Holds the tests against the rules; `members` are the crates of the workspace.
    pub(super) fn new(book: &Book, members: &[String], tests: Vec<Test>) -> Evidence {
        let strays = tests.iter().flat_map(|test| {
            let unknown = test.claim.rules.iter().filter(|&&number| !book.has(number));
            unknown.map(|number| format!("{} names R{number}, which is no rule", test.path))
        });
        Evidence {
            strays: strays.collect(),
            findings: book.rules().map(|rule| Finding::of(rule, members, &tests)).collect(),
        }
    }

    /// What a check fails for, a line each.
    pub(super) fn gaps(&self) -> Vec<String> {
        let unproved = self.findings.iter().flat_map(|finding| {
            finding.owners.iter().filter_map(|standing| match standing {
                Standing::Unproved { lacks, .. } => Some(format!("R{}: {lacks}", finding.number)),
                _ => None,
            })
        });
        unproved.chain(self.strays.iter().cloned()).collect()
    }
}

impl Finding {
    fn of(rule: &Rule, members: &[String], tests: &[Test]) -> Finding {
        let (mut owned, mut elsewhere) = (Vec::new(), Vec::new());
        for test in tests.iter().filter(|test| test.claim.rules.contains(&rule.number)) {
            let is_owner =
                |owner: &Owner| matches!(owner, Owner::Crate(name) if *name == test.package);
            let pile = if rule.owners.iter().any(is_owner) { &mut owned } else { &mut elsewhere };
            pile.push(test.clone());
        }
        let standing = |owner: &Owner| match owner {
            Owner::Engine => Standing::Engine,
            Owner::Crate(name) if !members.contains(name) => Standing::With(name.clone()),
            Owner::Crate(name) => {
                let own = owned.iter().filter(|test| test.package == *name).cloned();
                Standing::of_member(rule, name, own.collect())
            }
        };
        Finding {
            number: rule.number,
            owners: rule.owners.iter().map(standing).collect(),
            elsewhere,
        }
    }
}

impl Standing {
    fn of_member(rule: &Rule, name: &str, tests: Vec<Test>) -> Standing {
        let lacks = if let Some(failed) = tests.iter().find(|test| !test.passed) {
            Some(format!("{} does not pass in {name}", failed.path))
        } else {
            missing(rule, &tests).map(|missing| format!("{name} has no test named {missing}"))
        };
        match lacks {
            None => Standing::Proved(tests),
            Some(lacks) => Standing::Unproved { lacks, tests },
        }
    }
}

/// How the test begins that a rule still needs.
fn missing(rule: &Rule, tests: &[Test]) -> Option<String> {
    let any = |side: Option<Side>| tests.iter().any(|test| test.claim.side == side);
    let (documented, openssl) = (any(Some(Side::Documented)), any(Some(Side::OpenSsl)));
    let number = rule.number;
    let name_on = |side: Side| match side {
        Side::Documented => format!("r{number}_documented_..."),
        Side::OpenSsl => format!("r{number}_openssl_..."),
    };
    let on_both = || match (documented, openssl) {
        (true, true) => None,
        (false, true) => Some(name_on(Side::Documented)),
        (true, false) => Some(name_on(Side::OpenSsl)),
        (false, false) if rule.sets == Sets::Both => Some(format!("r{number}_...")),
        (false, false) => {
            Some(format!("{} nor {}", name_on(Side::Documented), name_on(Side::OpenSsl)))
        }
    };
    match rule.sets {
        Sets::Both if any(None) => None,
        Sets::Both | Sets::EachItsOwn => on_both(),
        Sets::One(side) => (!any(Some(side))).then(|| name_on(side)),
    }
}
