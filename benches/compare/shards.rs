//! Two shards of SQL Server, one slower than the other: read together they take as long as the
//! slower one alone.
//!
//! The servers are the stand-ins of the tests, in this process; the proxy of the tests delays every
//! piece of what one of them sends, as a long way does.

use std::path::Path;
use std::time::Duration;

use crate::child::{Run, Tools};
use crate::{Result, Settings};

// The servers that tests start as well; most of what they can do is for them.
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
#[path = "../../tests/databases/proxy.rs"]
mod proxy;
#[path = "../../tests/databases/tds/mod.rs"]
pub(crate) mod tds;

use proxy::{Fault, Proxy};
use tds::Tds;

/// The name of the case.
const NAME: &str = "shards";
/// Rows of each shard.
pub(crate) const ROWS: usize = 20_000;
/// What is added to each piece of an answer of the slower shard.
const LATENCY: Duration = Duration::from_millis(5);

/// Reads each shard alone, then both, and prints a table.
pub(crate) fn bench(settings: &Settings) -> Result<()> {
    if !settings.wants(NAME) {
        return Ok(());
    }
    let (near, far) = (with_rows()?, with_rows()?);
    let proxy = Proxy::to(far.port());
    proxy.set(Fault::Latency(LATENCY));
    let slow = far.url("shop").replace(&format!(":{}/", far.port()), &format!(":{}/", proxy.port));
    let (near, far) = (format!("near: \"{}\"", near.url("shop")), format!("far: \"{slow}\""));
    let both = format!("{near}, {far}");
    let tools = Tools::find(&settings.folder)?;
    println!(
        "\n{ROWS} rows of each of two shards of SQL Server to Parquet, best of {} rounds\n",
        settings.rounds
    );
    println!("| shards | s | of the slower one | CPU s | peak MiB |");
    println!("|---|--:|--:|--:|--:|");
    let mut slower: f64 = 0.0;
    for (label, shards) in [("the near one", &near), ("the far one", &far), ("both", &both)] {
        let mut best: Option<Run> = None;
        for _ in 0..settings.rounds.max(1) {
            let run = dhow(&tools, &settings.folder.join(NAME), shards)?;
            best = best.filter(|old| old.seconds <= run.seconds).or(Some(run));
        }
        let Some(run) = best else { continue };
        if shards != &both {
            slower = slower.max(run.seconds);
        }
        println!(
            "| {label} | {:.2} | {:.2} | {:.2} | {:.0} |",
            run.seconds,
            run.seconds / slower,
            run.cpu_seconds,
            crate::table::float(run.peak_bytes) / 1_048_576.0
        );
    }
    Ok(())
}

/// A server with a table of logins.
pub(crate) fn with_rows() -> Result<Tds> {
    let server = Tds::start();
    server.execute(
        "shop",
        "create table logins (id int not null primary key, at datetime2(3) not null, \
         agent nvarchar(200) not null)",
    );
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    let rows: Vec<_> =
        (0..ROWS).map(|id| format!("({id}, '2026-01-02 03:04:05', N'{agent} {id}')")).collect();
    for some in rows.chunks(1_000) {
        server.execute("shop", &format!("insert into logins values {}", some.join(", ")));
    }
    Ok(server)
}

/// Runs the pipeline in an empty folder.
fn dhow(tools: &Tools, folder: &Path, shards: &str) -> Result<Run> {
    let pipeline = format!(
        "name: shards\nsources:\n  rows: {{ type: sqlserver, table: logins, tls: disable, shards: {{ {shards} }} }}\n\
         sinks:\n  out: {{ from: rows, type: parquet, path: out/logins, mode: replace }}\n"
    );
    tools.pipeline(folder, &pipeline)
}
