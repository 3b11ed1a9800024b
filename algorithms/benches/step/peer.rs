use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::subject::Subject;

/// PyTorch in a process of its own (`benches/peers/step.py`).
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(python: &str, subject: &Subject) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/step.py");
        let given = std::env::temp_dir().join(format!("fleetune-step-{}.json", std::process::id()));
        std::fs::write(&given, subject.json()).expect("the temporary directory can be written");
        let mut process = Command::new(python)
            .args([script.as_ref(), given.as_os_str()])
            .env("OMP_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{python} does not start: {error}"));
        let questions = process.stdin.take().expect("it is piped");
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, questions, answers }
    }

    /// What the peer answers.
    pub(crate) fn say(&mut self, what: &str) -> String {
        writeln!(self.questions, "{what}").expect("the peer listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the peer answers");
        line.trim().to_owned()
    }

    /// The number that the peer answers.
    pub(crate) fn ask(&mut self, what: &str) -> f64 {
        let said = self.say(what);
        said.parse().unwrap_or_else(|_| panic!("the peer says {said:?} to {what}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself when nobody asks any more; a peer that hangs is not to outlive this.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
