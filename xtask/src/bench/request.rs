//! The command line of `cargo xtask bench`.

use std::path::PathBuf;

use crate::failure::Failure;

pub(crate) const USAGE: &str = "\
Ours beside its peers, measured; or two builds of ours, judged.

Usage: cargo xtask bench [ROWS] [--quick] [--peers] [--trace FILE]... [--save NAME] [--json]
       cargo xtask bench [ROWS] [--quick] --against NAME|REVISION
       cargo xtask bench --instructions [--accept]

  ROWS                 only the rows whose name contains this: lookup_hit/20480, /moka, stall_flush
  --quick              shorter: a few minutes instead of half an hour
  --peers              OpenSSL, rustls, dashmap, papaya, scc, moka and quick_cache too; with it, and
                       without ROWS, docs/performance.md is written anew
  --trace FILE         hit ratios over this trace too: a key a line, or ARC's .lis; plain, .gz or .zst
  --save NAME          keep the figures under this name
  --against NAME       compare with the figures kept under this name
  --against REVISION   build that revision too, run both by turns, and fail on a loss over 10 %
  --json               figures as one JSON object on stdout
  --instructions       count instructions, and fail where they are 3 % above the accepted ones, or where
                       none were accepted for this compiler and system
  --accept             accept the instructions as they are now

Exit status: 0 done, 1 failed or slower, 2 not understood.";

/// What is to be done, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) what: What,
    /// Rows whose name contains this; all when empty.
    pub(crate) rows: String,
    pub(crate) quick: bool,
    pub(crate) peers: bool,
    pub(crate) json: bool,
    pub(crate) traces: Vec<PathBuf>,
    pub(crate) save: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `against`: a name or a revision.
    Measure {
        against: Option<String>,
    },
    Instructions {
        accept: bool,
    },
}

impl Request {
    /// Reads the command line; None: help was asked for.
    ///
    /// # Errors
    /// When it is not understood.
    pub(crate) fn parse(arguments: &[String]) -> Result<Option<Request>, Failure> {
        let mut request = Request {
            what: What::Measure { against: None },
            rows: String::new(),
            quick: false,
            peers: false,
            json: false,
            traces: Vec::new(),
            save: None,
        };
        let (mut against, mut instructions, mut accept) = (None, false, false);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words.next().cloned().ok_or_else(|| {
                    Failure::usage(format!("`{word}` needs a value; `cargo xtask bench --help`"))
                })
            };
            match word.as_str() {
                "-h" | "--help" => return Ok(None),
                "--quick" => request.quick = true,
                "--peers" => request.peers = true,
                "--json" => request.json = true,
                "--instructions" => instructions = true,
                "--accept" => accept = true,
                "--trace" => request.traces.push(existing(value()?)?),
                "--save" => request.save = Some(file_name(value()?)?),
                "--against" => against = Some(value()?),
                option if option.starts_with('-') => {
                    return Err(Failure::usage(format!(
                        "unknown option `{option}`; `cargo xtask bench --help` lists them"
                    )));
                }
                rows if request.rows.is_empty() => request.rows = rows.to_string(),
                second => {
                    return Err(Failure::usage(format!(
                        "rows are one word, `{}` or `{second}`",
                        request.rows
                    )));
                }
            }
        }
        if accept && !instructions {
            return Err(Failure::usage("`--accept` goes with `--instructions`"));
        }
        if instructions {
            if arguments.len() != 1 + usize::from(accept) {
                return Err(Failure::usage("`--instructions` goes with `--accept` alone"));
            }
            request.what = What::Instructions { accept };
            return Ok(Some(request));
        }
        request.what = What::Measure { against };
        Ok(Some(request))
    }
}

fn existing(path: String) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(path);
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(Failure::usage(format!("{}: is no file", path.display()))),
        Err(error) => Err(Failure::usage(format!("{}: {error}", path.display()))),
    }
}

fn file_name(name: String) -> Result<String, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(plain) {
        Ok(name)
    } else {
        Err(Failure::usage(format!("`--save {name}`: a name is letters, digits, `-`, `_` and `.`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Request>, u8> {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        Request::parse(&words).map_err(|failure| failure.exit_status())
    }

    #[test]
    fn options_come_in_any_order() {
        let request = parsed("--quick lookup_hit --against main").unwrap().unwrap();
        assert_eq!(request, parsed("--against main --quick lookup_hit").unwrap().unwrap());
        assert_eq!(request.rows, "lookup_hit");
        assert_eq!(request.what, What::Measure { against: Some("main".into()) });
        assert_eq!(parsed("--quick --help"), Ok(None));
    }

    #[test]
    fn what_is_not_understood_exits_with_2() {
        for line in [
            "--fast",
            "--save",
            "--save ../x",
            "--against",
            "one two",
            "--accept",
            "--instructions --quick",
            "--instructions --against x",
            "--trace /no/such/file",
            "--trace /",
        ] {
            assert_eq!(parsed(line), Err(2), "{line}");
        }
    }
}
