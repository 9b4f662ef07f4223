//! What no test can notice, as a document lists it with the reasons: weakened edges in
//! docs/memory-model.md, mutants in docs/mutants.md.
//!
//! Below the heading `## Survivors` stands a line `Number: N.` and a table whose rows begin with a name in
//! backticks and go on with an argument.

use crate::failure::Failure;

const HEADING: &str = "## Survivors";

/// The names that are listed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Survivors {
    names: Vec<String>,
}

impl Survivors {
    /// Reads the list.
    ///
    /// # Errors
    /// When there is none, a row has no argument, or the number is not that of the rows.
    pub(crate) fn in_document(text: &str) -> Result<Survivors, String> {
        let (_, section) = text.split_once(HEADING).ok_or(format!("there is no `{HEADING}`"))?;
        let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
        let number = section
            .lines()
            .find_map(|line| line.strip_prefix("Number: "))
            .and_then(|rest| rest.split(['.', ',', ' ']).next()?.parse::<usize>().ok())
            .ok_or(format!("`{HEADING}` has no line `Number: N.`"))?;
        let names = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .map(|row| {
                let (name, rest) = row.split_once('`').ok_or(format!("cannot read `{row}`"))?;
                let has_argument = rest.split('|').nth(1).is_some_and(|cell| cell.trim() != "");
                // In a table a bar that is text is written `\|`.
                has_argument
                    .then(|| name.replace(r"\|", "|"))
                    .ok_or(format!("`{name}` has no argument"))
            })
            .collect::<Result<Vec<_>, String>>()?;
        if names.len() == number {
            Ok(Survivors { names })
        } else {
            Err(format!("it lists {} survivors and says {number}", names.len()))
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|listed| listed == name)
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// A listed one that is none of `all` (any more).
    pub(crate) fn unknown(&self, all: &[String]) -> Option<&str> {
        self.names.iter().find(|name| !all.contains(name)).map(String::as_str)
    }
}

/// Names the document before what is wrong with it.
pub(crate) fn defect(job: &str, document: &str, reason: &str) -> Failure {
    Failure::failed(format!("{job}: {document}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(number: usize, rows: &str) -> String {
        format!(
            "# Model\n| `a.rs:f:x` | row of another table |\n## Survivors\n\nNumber: {number}.\n\n| edge | argument |\n| --- | --- |\n{rows}\n## Next\n| `b` | c |\n"
        )
    }

    #[test]
    fn only_rows_of_its_section_are_survivors() {
        let text = document(1, "| `a.rs:f:load(Acquire) #2` | a static |");
        let bars = Survivors::in_document(&document(1, r"| `\|\| with &&` | a |")).unwrap();
        assert!(bars.contains("|| with &&"));
        let survivors = Survivors::in_document(&text).unwrap();
        assert!(survivors.contains("a.rs:f:load(Acquire) #2") && !survivors.contains("a.rs:f:x"));
        assert_eq!(survivors.unknown(&["b".to_string()]), Some("a.rs:f:load(Acquire) #2"));
    }

    #[test]
    fn row_without_argument_and_wrong_number_are_refused() {
        assert!(Survivors::in_document(&document(1, "| `a` | |")).is_err());
        assert!(Survivors::in_document(&document(2, "| `a` | a static |")).is_err());
        assert!(Survivors::in_document("# Model\n").is_err());
    }
}
