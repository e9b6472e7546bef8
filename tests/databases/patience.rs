//! What tests wait for has a limit: one that waited for ever would only end with the whole run,
//! and nobody would know which one it was.

use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Many times what anything here takes, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(300);
/// How long whoever was killed may take to be gone, with everybody who writes where it wrote.
const GOING: Duration = Duration::from_secs(10);

/// Calls `command` and gives what it said when it has ended.
pub(crate) fn output(command: &mut Command) -> Output {
    let called = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|error| {
        panic!("{called} does not start: {error}; `make test` installs what tests call")
    });
    end(child, &called)
}

/// Waits for the end of `child`, called `what`, and gives what it said.
pub(crate) fn end(child: Child, what: &str) -> Output {
    end_within(LIMIT, child, what)
}

fn end_within(limit: Duration, child: Child, what: &str) -> Output {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    if let Ok(output) = told.recv_timeout(limit) {
        return output.expect("a child can be waited for");
    }
    let state = state(id);
    let _ = kill_process(id, Signal::KILL);
    let said = match told.recv_timeout(GOING) {
        Ok(output) => output.expect("a child can be waited for").stderr,
        Err(_) => b"somebody else holds its pipes".to_vec(),
    };
    let said = String::from_utf8_lossy(&said);
    panic!("not ended after {limit:?}: {what}\nits threads: {state}\nit said: {said}");
}

/// The threads of a process, and what the system does for each.
fn state(id: Pid) -> String {
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{}/task", id.as_raw_nonzero()));
    let threads = threads.into_iter().flatten().flatten().map(|thread| {
        let [name, wait] = ["comm", "wchan"].map(|file| read(&thread.path().join(file)));
        format!("{} {}", name.trim(), wait.trim())
    });
    threads.collect::<Vec<_>>().join(", ")
}

/// Waits until `what` is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "not so after {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_program_that_does_not_end_is_killed_and_named() {
    let lasting = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("sh starts");
        let told = std::panic::catch_unwind(|| {
            end_within(Duration::from_millis(200), child, "the script")
        });
        *told.expect_err("it lasts").downcast::<String>().expect("a text")
    };
    let told = lasting("echo hello >&2; exec sleep 60");
    assert!(told.starts_with("not ended after 200ms: the script\nits threads: sleep "), "{told}");
    assert!(told.ends_with("\nit said: hello\n"), "{told}");
}
