//! Why a job did not succeed: one line for the person, one exit status for the machine.

/// What of a job was left out because this machine lacks something for it; None: nothing.
pub(crate) type NotHere = Option<String>;

/// What ends a job early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// None when the program that ran has said it already.
    line: Option<String>,
    /// The end of what the program that failed has printed.
    last_words: Vec<String>,
    exit_status: u8,
}

impl Failure {
    /// The job was done and the answer is no.
    pub(crate) fn failed(line: impl Into<String>) -> Failure {
        Failure { line: Some(line.into()), last_words: vec![], exit_status: 1 }
    }

    /// The command line was not understood; nothing was run.
    pub(crate) fn usage(line: impl Into<String>) -> Failure {
        Failure { line: Some(line.into()), last_words: vec![], exit_status: 2 }
    }

    /// The program that ran has explained itself; its status is passed on.
    pub(crate) fn passed_on(exit_status: u8) -> Failure {
        Failure { line: None, last_words: vec![], exit_status }
    }

    pub(crate) fn with_last_words(mut self, last_words: Vec<String>) -> Failure {
        self.last_words = last_words;
        self
    }

    pub(crate) fn last_words(&self) -> &[String] {
        &self.last_words
    }

    pub(crate) fn line(&self) -> Option<&str> {
        self.line.as_deref()
    }

    pub(crate) fn exit_status(&self) -> u8 {
        self.exit_status
    }
}
