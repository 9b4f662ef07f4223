//! The rules and the conflicts, as the tables of docs/rules.md list them.

/// The rules, by ascending number without a gap.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) chapters: Vec<Chapter>,
}

/// The rules below one heading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chapter {
    pub(super) heading: String,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) number: u16,
    pub(super) statement: String,
    pub(super) sets: Sets,
    /// The row of the first table that it belongs to.
    pub(super) conflict: Option<u16>,
    pub(super) owners: Vec<Owner>,
}

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sets {
    /// In both sets alike.
    Both,
    /// In one of them only.
    One(Side),
    /// In both, in each another way.
    EachItsOwn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Documented,
    OpenSsl,
}

/// Who proves a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The TLS stack, whose tests are not here.
    Engine,
    Crate(String),
}

/// A place where the manual and the library disagree.
struct Conflict {
    number: u16,
    /// What each rule set does is written down once for each, and differs.
    has_two_sides: bool,
    rules: Vec<u16>,
}

impl Book {
    /// Reads the tables.
    ///
    /// # Errors
    /// When a row cannot be read, a number is missing or out of order, or the conflicts and the rules do
    /// not fit together.
    pub(super) fn in_document(text: &str) -> Result<Book, String> {
        let mut chapters: Vec<Chapter> = Vec::new();
        let mut conflicts = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                chapters.push(Chapter { heading: heading.to_string(), rules: Vec::new() });
            } else if is_row(line, 'R') {
                let chapter = chapters.last_mut().ok_or("a rule stands before any heading")?;
                chapter.rules.push(rule_in(line)?);
            } else if is_row(line, 'C') {
                conflicts.push(conflict_in(line)?);
            }
        }
        chapters.retain(|chapter| !chapter.rules.is_empty());
        let book = Book { chapters };
        book.check_numbers()?;
        conflicts.iter().try_for_each(|conflict| book.check_conflict(conflict))?;
        let is_listed = |number| conflicts.iter().any(|conflict| conflict.number == number);
        let astray = |rule: &&Rule| rule.conflict.is_some_and(|conflict| !is_listed(conflict));
        if let Some(rule) = book.rules().find(astray) {
            return Err(format!("R{} names a conflict that has no row", rule.number));
        }
        Ok(book)
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.chapters.iter().flat_map(|chapter| &chapter.rules)
    }

    pub(super) fn has(&self, number: u16) -> bool {
        self.rules().any(|rule| rule.number == number)
    }

    fn check_numbers(&self) -> Result<(), String> {
        let mut expected = 1;
        for rule in self.rules() {
            if rule.number != expected {
                return Err(format!("R{expected} should come, and R{} does", rule.number));
            }
            expected += 1;
        }
        if expected == 1 { Err("there are no rules".to_string()) } else { Ok(()) }
    }

    /// A conflict lists exactly the rules that name it, and both of its sides are among them.
    fn check_conflict(&self, conflict: &Conflict) -> Result<(), String> {
        let name = format!("C{}", conflict.number);
        let members: Vec<&Rule> =
            self.rules().filter(|rule| rule.conflict == Some(conflict.number)).collect();
        let numbers: Vec<u16> = members.iter().map(|rule| rule.number).collect();
        if numbers != conflict.rules {
            return Err(format!("{name} lists {:?}; its rules are {numbers:?}", conflict.rules));
        }
        let holds_on = |side| {
            let one = Sets::One(side);
            members.iter().any(|rule| rule.sets == one || rule.sets == Sets::EachItsOwn)
        };
        if conflict.has_two_sides && !(holds_on(Side::Documented) && holds_on(Side::OpenSsl)) {
            return Err(format!("{name} has two sides, and no rule for one of them"));
        }
        Ok(())
    }
}

fn is_row(line: &str, letter: char) -> bool {
    line.strip_prefix("| ")
        .and_then(|rest| rest.strip_prefix(letter))
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn cells<const N: usize>(line: &str) -> Result<[&str; N], String> {
    let inside = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    let cells: Vec<&str> = inside.unwrap_or(line).split('|').map(str::trim).collect();
    let many = cells.len();
    cells.try_into().map_err(|_| format!("`{line}` has {many} cells, not {N}"))
}

fn number_after(letter: char, cell: &str) -> Result<u16, String> {
    cell.strip_prefix(letter)
        .and_then(|digits| digits.parse().ok())
        .ok_or(format!("`{cell}` is not {letter} and a number"))
}

fn rule_in(line: &str) -> Result<Rule, String> {
    let [name, statement, source, sets, owners] = cells(line)?;
    if statement.is_empty() || source.is_empty() {
        return Err(format!("{name} has no statement or no source"));
    }
    let (sets, conflict) = match sets.split_once(" (") {
        None => (sets, None),
        Some((sets, conflict)) => (sets, Some(number_after('C', conflict.trim_end_matches(')'))?)),
    };
    let sets = match sets {
        "both" => Sets::Both,
        "DOCUMENTED" => Sets::One(Side::Documented),
        "OPENSSL" => Sets::One(Side::OpenSsl),
        "each its own" => Sets::EachItsOwn,
        other => return Err(format!("{name} holds in `{other}`, which says nothing")),
    };
    let owners = owners.split(", ").map(|owner| match owner {
        "engine" => Ok(Owner::Engine),
        name if name.starts_with("session-") => Ok(Owner::Crate(name.to_string())),
        other => Err(format!("{name} belongs to `{other}`, which is no crate")),
    });
    Ok(Rule {
        number: number_after('R', name)?,
        statement: statement.to_string(),
        sets,
        conflict,
        owners: owners.collect::<Result<_, String>>()?,
    })
}

fn conflict_in(line: &str) -> Result<Conflict, String> {
    let [name, _manual, library, documented, openssl, rules] = cells(line)?;
    if [library, documented, openssl].contains(&"") {
        return Err(format!("{name} has an empty cell"));
    }
    let rules = rules.split(", ").filter(|rule| !rule.is_empty());
    Ok(Conflict {
        number: number_after('C', name)?,
        has_two_sides: documented != openssl,
        rules: rules.map(|rule| number_after('R', rule)).collect::<Result<_, String>>()?,
    })
}
