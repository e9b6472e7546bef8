//! That the gate is what it stands in for: Google's own client for Python is told nothing of it, and
//! does all that it does with BigQuery.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::gate::{Fault, Gate, When, python};
use crate::patience;

#[test]
fn googles_own_client_cannot_tell_the_gate_from_bigquery() {
    let gate = Gate::start();
    gate.require_tokens();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/databases/bigquery/proof.py");
    let mut child = Command::new(python())
        .arg(script)
        .arg(gate.url())
        .arg(gate.write_credentials(folder.path()))
        .arg("spoil")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut answers = child.stdin.take().expect("piped");
    let mut steps = Vec::new();
    for step in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let step = step.expect("text");
        match step.as_str() {
            "spoil" => {
                gate.order(When::call("upload.put").nth(2).times(2), Fault::unavailable());
                gate.order(When::call("upload.put").nth(5), Fault::ResetAfter(300_000));
                gate.order(When::call("upload.put").nth(6), Fault::LostAfter);
            }
            "refuse" => gate.refuse_grants(),
            _ => {
                steps.push(step);
                continue;
            }
        }
        writeln!(answers).expect("Python listens");
    }
    let ended = patience::end(child, "the proof");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(steps.last().map(String::as_str), Some("proven"), "after {steps:?}: {said}");
    assert_eq!(gate.open_orders(), 0, "every fault that was ordered has come");
    assert_eq!(gate.rows("proof.large").len(), 6_000);
}
