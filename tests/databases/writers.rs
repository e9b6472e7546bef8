//! A parallel read while others keep writing: the copy is the database at one point in time.
//!
//! Each transaction of the writers moves an amount from one account to another and books two
//! entries that cancel out, so that in every snapshot the accounts sum up to what they began with
//! and the entries to nothing. A copy that is not of one snapshot loses that.

use std::process::{Child, Command, Stdio};

use crate::cluster::SHARED;
use crate::patience;
use crate::project::Project;

const ACCOUNTS: u32 = 20_000;

/// Moves amounts until the table `stop` has a row.
fn writer(database: &str) -> Child {
    let body = format!(
        "do $$ declare a int; b int; begin
           loop
             exit when exists (select from stop);
             for i in 1 .. 20 loop
               a := 1 + floor(random() * {ACCOUNTS}); b := 1 + floor(random() * {ACCOUNTS});
               update account set balance = balance - 7 where id = a;
               update account set balance = balance + 7 where id = b;
               insert into entry (account, amount) values (a, -7), (b, 7);
               commit;
             end loop;
           end loop; end $$"
    );
    Command::new("psql")
        .args(["-X", "-q", "-U", "postgres", "-d", database, "-c", &body])
        .args(["-p", &SHARED.port.to_string(), "-h"])
        .arg(&SHARED.socket)
        .stdin(Stdio::null())
        .spawn()
        .expect("psql starts")
}

#[test]
fn a_copy_made_while_others_write_is_of_one_point_in_time() {
    let (url, database) = SHARED.url("writers");
    SHARED.psql(
        &database,
        &format!(
            "create table account (id int primary key, balance bigint not null);
             insert into account select id, 1000 from generate_series(1, {ACCOUNTS}) id;
             create table entry (id bigserial primary key, account int, amount bigint);
             create table stop ();"
        ),
    );
    let writers: Vec<Child> = (0..2).map(|_| writer(&database)).collect();
    let pipeline = format!(
        "sources:\n  account: {{ type: postgres, url: \"{url}\", table: account, split_rows: 1000 }}\n  \
         entry: {{ type: postgres, url: \"{url}\", table: entry, split_rows: 1000 }}\n\
         sinks:\n  accounts: {{ from: account, type: postgres, url: \"{url}\", table: account_copy, mode: replace }}\n  \
         entries: {{ from: entry, type: postgres, url: \"{url}\", table: entry_copy, mode: replace, allow_empty: true }}\n"
    );
    let project = Project::of(&pipeline);
    for round in 0..5 {
        let ended = project.run(None);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let accounts = "select count(*), count(distinct id), sum(balance) from account_copy";
        let expected = format!("{ACCOUNTS}|{ACCOUNTS}|{}", u64::from(ACCOUNTS) * 1000);
        assert_eq!(SHARED.psql(&database, accounts), expected, "round {round}");
        let entries = "select coalesce(sum(amount), 0), count(*) % 2, count(*) - count(distinct id) from entry_copy";
        assert_eq!(SHARED.psql(&database, entries), "0|0|0", "round {round}");
    }
    let written = SHARED.psql(&database, "select count(*) > 0 from entry");
    SHARED.psql(&database, "alter table stop add x int; insert into stop values (1)");
    for writer in writers {
        assert!(patience::end(writer, "a writer").status.success());
    }
    assert_eq!(written, "t", "nobody wrote while the copies were made");
}
