//! Which call a request is: the paths of Google's discovery document.

/// A call and what it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// As in Google's document, such as `tables.get`; empty when nothing is known by that path.
    pub(crate) name: &'static str,
    pub(crate) project: String,
    pub(crate) dataset: String,
    pub(crate) table: String,
    pub(crate) job: String,
    /// What stands behind the question mark.
    pub(crate) query: Vec<(String, String)>,
}

impl Call {
    /// The value of a parameter of the query.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    /// `is_ask` says that a PUT asks how much of an upload is there.
    pub(crate) fn of(method: &str, path: &str, is_ask: bool) -> Call {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = pairs(query);
        let segments: Vec<String> =
            path.split('/').filter(|s| !s.is_empty()).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let named = match segments.as_slice() {
            ["upload", "bigquery", "v2", "projects", project, "jobs"]
            | ["resumable", "upload", "bigquery", "v2", "projects", project, "jobs"] => {
                Call { project: (*project).to_owned(), ..upload(method, &query, is_ask) }
            }
            ["bigquery", "v2", "projects", rest @ ..] => resource(method, rest),
            ["token"] if method == "POST" => Call { name: "token", ..Call::default() },
            ["sts", "token"] if method == "POST" => Call { name: "sts", ..Call::default() },
            ["subject"] => Call { name: "subject", ..Call::default() },
            ["v1", "projects", "-", "serviceAccounts", account] if method == "POST" => {
                Call { name: "act", table: (*account).to_owned(), ..Call::default() }
            }
            ["computeMetadata", "v1", rest @ ..] => {
                Call { name: "metadata", table: rest.join("/"), ..Call::default() }
            }
            _ => Call::default(),
        };
        Call { query, ..named }
    }
}

fn upload(method: &str, query: &[(String, String)], is_ask: bool) -> Call {
    let kind = query.iter().find(|(key, _)| key == "uploadType").map_or("", |(_, kind)| kind);
    let name = match (method, kind) {
        ("POST", "multipart") => "upload.multipart",
        ("POST", "resumable") => "upload.open",
        ("PUT", _) if is_ask => "upload.ask",
        ("PUT", _) => "upload.put",
        _ => "",
    };
    Call { name, ..Call::default() }
}

fn resource(method: &str, path: &[&str]) -> Call {
    let [project, rest @ ..] = path else { return Call::default() };
    let call = |name| Call { name, project: (*project).to_owned(), ..Call::default() };
    match (method, rest) {
        ("GET", ["datasets"]) => call("datasets.list"),
        ("POST", ["datasets"]) => call("datasets.insert"),
        (_, ["datasets", dataset]) => {
            let name = match method {
                "GET" => "datasets.get",
                "DELETE" => "datasets.delete",
                "PATCH" => "datasets.patch",
                "PUT" => "datasets.update",
                _ => "",
            };
            Call { dataset: (*dataset).to_owned(), ..call(name) }
        }
        (_, ["datasets", dataset, "tables", rest @ ..]) => {
            let (name, table) = table(method, rest);
            Call { dataset: (*dataset).to_owned(), table, ..call(name) }
        }
        ("GET", ["jobs"]) => call("jobs.list"),
        ("POST", ["jobs"]) => call("jobs.insert"),
        ("GET", ["jobs", job]) => Call { job: (*job).to_owned(), ..call("jobs.get") },
        ("POST", ["jobs", job, "cancel"]) => Call { job: (*job).to_owned(), ..call("jobs.cancel") },
        ("DELETE", ["jobs", job, "delete"]) => {
            Call { job: (*job).to_owned(), ..call("jobs.delete") }
        }
        ("POST", ["queries"]) => call("jobs.query"),
        ("GET", ["queries", job]) => {
            Call { job: (*job).to_owned(), ..call("jobs.getQueryResults") }
        }
        _ => Call::default(),
    }
}

fn table(method: &str, path: &[&str]) -> (&'static str, String) {
    match (method, path) {
        ("GET", []) => ("tables.list", String::new()),
        ("POST", []) => ("tables.insert", String::new()),
        ("GET", [table]) => ("tables.get", (*table).to_owned()),
        ("PATCH", [table]) => ("tables.patch", (*table).to_owned()),
        ("PUT", [table]) => ("tables.update", (*table).to_owned()),
        ("DELETE", [table]) => ("tables.delete", (*table).to_owned()),
        ("GET", [table, "data"]) => ("tabledata.list", (*table).to_owned()),
        _ => ("", String::new()),
    }
}

/// The pairs of a query or of a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " ")))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn every_path_of_the_document_is_a_call_of_its_name() {
        let name = |method, path: &str| Call::of(method, path, false).name;
        let base = "/bigquery/v2/projects/p";
        let table = Call::of("GET", &format!("{base}/datasets/d/tables/t%24x?a=b+c"), false);
        assert_eq!(
            (table.name, table.table.as_str(), table.get("a")),
            ("tables.get", "t$x", Some("b c"))
        );
        assert_eq!(name("POST", &format!("{base}/jobs")), "jobs.insert");
        assert_eq!(name("POST", &format!("{base}/jobs/j/cancel")), "jobs.cancel");
        assert_eq!(name("GET", &format!("{base}/datasets/d/tables/t/data")), "tabledata.list");
        let upload = "/upload/bigquery/v2/projects/p/jobs?uploadType=resumable";
        assert_eq!(name("POST", upload), "upload.open");
        assert_eq!(Call::of("PUT", upload, true).name, "upload.ask");
        assert_eq!(name("GET", "/nothing"), "");
    }
}
