//! Rust source as far as `edges` reads it: words, the calls they are arguments of, the functions
//! around them.
//!
//! Invariant: what is looked at is as long as the text, byte for byte; comments and strings are
//! blank in it, and tests are cut off. So every place found is a place in the text.

use std::ops::Range;

pub(super) struct Source {
    code: String,
}

/// A call that a word is an argument of.
#[derive(Debug)]
pub(super) struct Call {
    /// The last name before the dot, if it is a method's.
    receiver: Option<String>,
    pub(super) method: String,
    /// Which argument the word is, from 0.
    pub(super) argument: usize,
    /// From the method's name to the closing bracket.
    pub(super) place: Range<usize>,
}

impl Call {
    pub(super) fn name(&self) -> String {
        match &self.receiver {
            Some(receiver) => format!("{receiver}.{}", self.method),
            None => self.method.clone(),
        }
    }
}

impl Source {
    pub(super) fn of(text: &str) -> Source {
        let mut code = without_comments_and_strings(text);
        if let Some(tests) = code.find("#[cfg(test)]\nmod ") {
            code.truncate(tests);
        }
        Source { code }
    }

    /// Where a word stands, with `Ordering::` if that is before it.
    pub(super) fn words(&self, word: &str) -> Vec<Range<usize>> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let whole = |&(start, _): &(usize, &str)| {
            let (before, after) = (&self.code[..start], &self.code[start + word.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        };
        let place = |(start, _): (usize, &str)| {
            let path = self.code[..start].strip_suffix("Ordering::");
            path.map_or(start, str::len)..start + word.len()
        };
        self.code.match_indices(word).filter(whole).map(place).collect()
    }

    /// Counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Whether a place belongs to a `use`.
    pub(super) fn is_import(&self, at: usize) -> bool {
        let before = &self.code[..at];
        let start = before.rfind(';').map_or(0, |end| end + 1);
        before[start..].lines().any(|line| {
            let line = line.trim_start();
            ["use ", "pub use ", "pub(crate) use "].iter().any(|start| line.starts_with(start))
        })
    }

    /// The function around a place: the last whose name stands before it.
    pub(super) fn function(&self, at: usize) -> Option<&str> {
        let after = &self.code[self.code[..at].rfind("fn ")? + "fn ".len()..];
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        Some(&after[..end])
    }

    /// The call that a place is an argument of.
    pub(super) fn call(&self, at: usize) -> Option<Call> {
        let (open, argument) = self.open_bracket_before(at)?;
        let (rest, method) = split_name(&self.code[..open]);
        let receiver = rest.trim_end().strip_suffix('.').map(receiver);
        let start = open - method.len();
        let end = self.closing_bracket(open)? + 1;
        let is_call = !method.is_empty();
        is_call.then(|| Call { receiver, method: method.to_string(), argument, place: start..end })
    }

    /// The bracket that is open at a place, and how many commas follow it on its own level.
    fn open_bracket_before(&self, at: usize) -> Option<(usize, usize)> {
        let (mut depth, mut commas) = (0, 0);
        for (index, c) in self.code[..at].char_indices().rev() {
            match c {
                ')' | ']' | '}' => depth += 1,
                '(' if depth == 0 => return Some((index, commas)),
                '[' | '{' | ';' if depth == 0 => return None,
                '(' | '[' | '{' => depth -= 1,
                ',' if depth == 0 => commas += 1,
                _ => {}
            }
        }
        None
    }

    fn closing_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0;
        for (index, c) in self.code[open..].char_indices() {
            match c {
                '(' => depth += 1,
                ')' if depth == 1 => return Some(open + index),
                ')' => depth -= 1,
                _ => {}
            }
        }
        None
    }
}

/// The last name of what a method is called on: `head` of `self.head`, `top` of `yard.top()`.
fn receiver(mut before: &str) -> String {
    before = before.trim_end();
    if let Some(call) = before.strip_suffix("()") {
        before = call;
    }
    split_name(before).1.to_string()
}

/// Splits the name off that stands at the end.
fn split_name(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split_at(text.trim_end_matches(is_part).len())
}

/// Blanks out comments, strings and characters.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => string_length(rest),
            '\'' if rest.get(2..3) == Some("'") => 3,
            _ => 0,
        };
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
            code.extend(rest[..length].bytes().map(blank));
            rest = &rest[length..];
        }
    }
    code
}

/// How long the string is that the text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return index + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blank_and_nothing_moves() {
        let text = "a(\"(\\\"\"); // b(\nc('(', 'd'); fn e<'g>() {}\n";
        let code = Source::of(text).code;
        assert_eq!(code.len(), text.len());
        assert_eq!(code, "a(     );      \nc(   ,    ); fn e<'g>() {}\n");
    }

    #[test]
    fn argument_is_counted_past_brackets_of_its_own() {
        let source = Source::of("fn f() { x.y().swap(g(1, [2, 3]), Here); }");
        let at = source.words("Here")[0].start;
        let call = source.call(at).expect("it is an argument");
        assert_eq!((call.name().as_str(), call.argument), ("y.swap", 1));
        assert_eq!(&source.code[call.place], "swap(g(1, [2, 3]), Here)");
        assert_eq!(source.function(at), Some("f"));
    }
}
