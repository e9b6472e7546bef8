//! A front end over HTTP: sends loads to back ends, and tells what became of labels.

use base64::Engine as _;
use serde_json::{Value as Json, json};

use super::fault::Fault;
use super::http::{Head, Reply, Wire};
use super::server::{self, Goes};
use super::state::{Shared, Side, State};

/// Answers the requests of one connection.
pub(crate) async fn serve(shared: Shared, which: usize, mut wire: Wire) {
    while let Ok(Some(head)) = wire.head().await {
        let fault = server::note(&shared, Side::Fe, which, &head);
        let (fault, mut kept) = match server::before(&shared, fault, &head, wire).await {
            Goes::On(wire, fault) => (fault, wire),
            Goes::Ended => return,
        };
        let mut reply = answer(&mut shared.lock().expect("no thread panicked"), &head);
        if matches!(fault, Some(Fault::Unheard)) {
            reply = success(&json!("UNKNOWN"));
        }
        let has_body = head.header("content-length").is_some_and(|length| length != "0")
            || head.header("transfer-encoding").is_some();
        if has_body && fault.is_none() {
            // It never reads a body: it has sent the client elsewhere.
            return kept.reply_early(&reply).await;
        }
        if kept.body_of_nothing(&head).await.is_err() {
            return;
        }
        match server::after(fault, &reply, kept).await {
            Some(goes_on) => wire = goes_on,
            None => return,
        }
    }
}

/// The user that a request names.
pub(crate) fn user(head: &Head) -> String {
    credentials(head).map(|(user, _)| user).unwrap_or_default()
}

fn credentials(head: &Head) -> Option<(String, String)> {
    let text = head.header("authorization")?.strip_prefix("Basic ")?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Whether user and password are right.
pub(crate) fn is_welcome(state: &State, head: &Head) -> bool {
    let expected = (state.layout.user.clone(), state.layout.password.clone());
    credentials(head) == Some(expected)
}

fn answer(state: &mut State, head: &Head) -> Reply {
    if head.path != "/api/bootstrap" && head.path != "/api/health" && !is_welcome(state, head) {
        let text =
            format!("Access denied for user '{}@127.0.0.1' (using password: YES)", user(head));
        return Reply::json(&json!({"msg": "Unauthorized", "code": 401, "data": text, "count": 0}));
    }
    let parts = head.parts();
    match (head.method.as_str(), parts.as_slice()) {
        ("PUT", ["api", _, _, "_stream_load"]) => redirect(state, head),
        ("PUT", ["api", _, rest @ ..]) if rest.last() == Some(&"_stream_load_2pc") => {
            redirect(state, head)
        }
        ("GET", ["api", database, "get_load_state"]) => load_state(state, head, database),
        // StarRocks has no such list.
        ("GET", ["api", "backends"]) if !state.layout.starrocks => success(&backends(state, head)),
        ("GET", ["api", "bootstrap"]) => {
            success(&json!({"replayedJournalId": 0, "queryPort": 0, "rpcPort": 0, "version": ""}))
        }
        ("GET", ["api", "health"]) => {
            let up = state.backends.iter().filter(|(_, up)| *up).count();
            success(&json!({"online_backend_num": up, "total_backend_num": state.backends.len()}))
        }
        _ => Reply::of(404, "text/html", "<html><body>404</body></html>"),
    }
}

fn success(data: &Json) -> Reply {
    Reply::json(&json!({"msg": "success", "code": 0, "data": data, "count": 0}))
}

fn failed(text: &str) -> Reply {
    Reply::json(&json!({"status": "FAILED", "msg": text}))
}

/// To a back end, in turn. The address carries user and password, and ends with a `?`.
fn redirect(state: &mut State, head: &Head) -> Reply {
    if head.header("expect").is_none() {
        return failed("There is no 100-continue header");
    }
    let up: Vec<u16> = state.backends.iter().filter(|(_, up)| *up).map(|(port, _)| *port).collect();
    if up.is_empty() {
        return failed("No backend load available.");
    }
    let port = up[state.turn % up.len()];
    state.turn += 1;
    let user = escaped(&state.layout.user);
    let password = escaped(&state.layout.password);
    let path = &head.path;
    Reply::redirect(format!("http://{user}:{password}@127.0.0.1:{port}{path}?{}", head.query))
}

fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn load_state(state: &mut State, head: &Head, database: &str) -> Reply {
    if !state.databases.iter().any(|name| name == database) {
        let text = format!("unknown database, database={database}");
        return Reply::json(&json!({"msg": text, "code": 1, "data": null, "count": 0}));
    }
    let Some(label) = head.parameter("label").filter(|label| !label.is_empty()) else {
        return Reply::json(
            &json!({"msg": "No label selected", "code": 1, "data": null, "count": 0}),
        );
    };
    let name = state.ask(database, &label).map_or("UNKNOWN", |t| t.status.name());
    match state.layout.starrocks {
        true => Reply::json(&json!({"status": "OK", "msg": "Success", "state": name})),
        false => success(&json!(name)),
    }
}

fn backends(state: &State, head: &Head) -> Json {
    let wanted = head.parameter("is_alive").map(|text| text == "true");
    let told = state.backends.iter().filter(|(_, up)| wanted.is_none_or(|wanted| wanted == *up));
    let told: Vec<_> = told
        .map(|(port, up)| json!({"ip": "127.0.0.1", "http_port": port, "is_alive": up}))
        .collect();
    json!({ "backends": told })
}
