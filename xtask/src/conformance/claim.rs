//! What a test claims to prove, read from its name.

use super::book::Side;

/// The rules that a test's name begins with, and the rule set that follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Not empty.
    pub(super) rules: Vec<u16>,
    /// None: the test plays under both sets.
    pub(super) side: Option<Side>,
}

impl Claim {
    /// Reads a test's path, `module::r30_r31_name`; none if its last part does not begin with a rule.
    pub(super) fn of(path: &str) -> Option<Claim> {
        let name = path.rsplit("::").next().unwrap_or(path);
        let mut words = name.split('_').peekable();
        let mut rules = Vec::new();
        while let Some(number) = words.peek().and_then(|word| number_of(word)) {
            rules.push(number);
            words.next();
        }
        let side = match words.next() {
            Some("documented") => Some(Side::Documented),
            Some("openssl") => Some(Side::OpenSsl),
            _ => None,
        };
        (!rules.is_empty()).then_some(Claim { rules, side })
    }
}

fn number_of(word: &str) -> Option<u16> {
    let digits = word.strip_prefix('r')?;
    // `parse` would take a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
