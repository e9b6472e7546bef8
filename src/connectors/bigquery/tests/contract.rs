//! The contract of a sink, in every mode.

use super::*;
use crate::connectors::bigquery::gather::{Staged, gathered};
use crate::connectors::bigquery::target::Planned;
use crate::error::Kind;

#[tokio::test]
async fn each_mode_changes_the_table_as_it_says_and_leaves_its_mark_and_nothing_else() {
    for mode in modes() {
        for repeatable in [true, false] {
            let yard = Yard::new();
            let load = Load { repeatable, ..load("l1", mode.clone()) };
            let mark = yard.load(&load, PARTS).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode}");
            assert_eq!((mark.rows, &mark.watermarks), (3, &high("w")), "{mode}");
            let target = yard.sink().inspect(&load).await.unwrap();
            assert_eq!(target.mark, Some(mark), "{mode}");
            assert_eq!(target.watermarks, high("w"), "{mode}");
            assert_eq!(yard.left(), Vec::<String>::new(), "{mode}");
        }
    }
}

#[tokio::test]
async fn a_missing_table_is_made_with_types_partitions_clusters_and_labels() {
    for mode in modes() {
        let yard = Yard::empty().option("cluster_by", "word").option("labels", "team: sales");
        let load = load("l1", mode.clone());
        assert_eq!(yard.sink().inspect(&load).await.unwrap().schema, None);
        assert_eq!(yard.gate.tables("d"), Vec::<String>::new(), "inspect changes nothing");
        yard.load(&load, PARTS).await.unwrap();
        assert_eq!(yard.rows(), "2=new 3=new 4=new", "{mode}");
        assert_eq!(yard.gate.columns("d.t"), ["id INTEGER NOT NULL", "word STRING"], "{mode}");
        let table = yard.gate.table("d.t").unwrap();
        assert_eq!(table["clustering"], json!({ "fields": ["word"] }), "{mode}");
        assert_eq!(table["labels"], json!({ "team": "sales" }), "{mode}");
        assert_eq!(table.get("expirationTime"), None, "{mode}");
    }
}

#[tokio::test]
async fn sink_1_inspect_changes_nothing_and_knows_an_empty_table() {
    for mode in modes() {
        let yard = Yard::new();
        let sink = yard.sink();
        let target = sink.inspect(&load("l1", mode.clone())).await.unwrap();
        assert_eq!(target.rows, Some(2), "{mode}");
        assert_eq!(target.schema, Some(load("l1", mode.clone()).schema), "{mode}");
        assert_eq!(target.part_bytes, Some(512_000_000));
        let question = Load::question("l1".parse().unwrap(), &mode);
        let target = sink.inspect(&question).await.unwrap();
        assert_eq!((target.mark, target.schema.is_some()), (None, true));
        assert_eq!(yard.gate.tables("d"), ["t"]);
    }
}

#[tokio::test]
async fn sink_2_parts_are_not_seen_before_the_commit_and_are_the_same_when_written_again() {
    for mode in modes() {
        let yard = Yard::new();
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let first = stage(&sink, &load, PARTS).await.unwrap();
        assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
        let uploads = yard.gate.calls("upload");
        assert_eq!(stage(&sink, &load, PARTS).await.unwrap(), first, "{mode}");
        assert_eq!(yard.gate.calls("upload"), uploads, "what is there is not sent again");
        sink.commit(&load, &first, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn sink_3_writes_without_a_receipt_are_not_published() {
    for mode in modes() {
        let yard = Yard::new();
        let load = Load { repeatable: false, ..load("l1", mode.clone()) };
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        stage(&sink, &load, &[&[(7, "lost")], &[(8, "lost")]]).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        stage(&sink, &load, &[&[(9, "lost")]]).await.unwrap();
        sink.commit(&load, &staged, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn sink_4_a_second_commit_changes_nothing_and_answers_the_first_mark() {
    for mode in modes() {
        let yard = Yard::new();
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        let mark = sink.commit(&load, &staged, &high("w")).await.unwrap();
        yard.sql("UPDATE d.t SET word = 'later' WHERE id = 3");
        let rows = yard.rows();
        assert_eq!(yard.sink().commit(&load, &staged, &high("x")).await.unwrap(), mark, "{mode}");
        // After six months nobody remembers the job.
        yard.gate.forget_jobs();
        assert_eq!(yard.sink().commit(&load, &staged, &high("x")).await.unwrap(), mark, "{mode}");
        assert_eq!(yard.rows(), rows, "{mode}");
    }
}

#[tokio::test]
async fn sink_5_two_commits_at_once_publish_once_and_two_loads_publish_both() {
    for mode in modes() {
        let yard = Yard::new();
        let (one, two) = (load("l1", mode.clone()), load("l2", mode.clone()));
        let sink = yard.sink();
        for load in [&one, &two] {
            sink.prepare(load).await.unwrap();
        }
        let first = stage(&sink, &one, PARTS).await.unwrap();
        let second = stage(&sink, &two, &[&[(5, "two")]]).await.unwrap();
        let (w, again) = (high("w"), yard.sink());
        let (one, same, other) = tokio::join!(
            sink.commit(&one, &first, &w),
            again.commit(&one, &first, &w),
            sink.commit(&two, &second, &w),
        );
        assert_eq!(one.unwrap(), same.unwrap(), "{mode}");
        match other.as_ref().map(|mark| mark.rows).map_err(|error| error.kind()) {
            Ok(1) | Err(Kind::Unavailable) => {}
            wrong => panic!("{mode}: {wrong:?}"),
        }
        assert_eq!(sink.commit(&two, &second, &w).await.unwrap().rows, 1);
        let ends = match mode {
            Mode::Truncate | Mode::Replace => vec!["5=two".to_owned(), after(&mode).to_owned()],
            _ => vec![format!("{} 5=two", after(&mode))],
        };
        assert!(ends.contains(&yard.rows()), "{mode}: {}", yard.rows());
    }
}

#[tokio::test]
async fn sink_6_a_sweep_takes_everything_back_and_a_late_write_cannot_bring_it_back() {
    for mode in modes() {
        for repeatable in [true, false] {
            let yard = Yard::new();
            let load = Load { repeatable, ..load("l1", mode.clone()) };
            let sink = yard.sink();
            sink.sweep(&load).await.unwrap();
            sink.prepare(&load).await.unwrap();
            let staged = stage(&sink, &load, PARTS).await.unwrap();
            // A later process knows nothing but the id.
            let question = Load::question("l1".parse().unwrap(), &mode);
            yard.sink().sweep(&question).await.unwrap();
            yard.sink().sweep(&question).await.unwrap();
            assert_eq!((yard.rows(), yard.left()), ("1=old 2=old".to_owned(), vec![]), "{mode}");
            let late = sink.write(&load, part("p9", &[(9, "late")])).await.unwrap_err();
            assert_eq!(late.kind(), Kind::Conflict, "{mode}");
            let late = sink.commit(&load, &staged, &high("w")).await.unwrap_err();
            assert_eq!(late.kind(), Kind::Conflict, "{mode}");
            assert_eq!((yard.rows(), yard.left()), ("1=old 2=old".to_owned(), vec![]), "{mode}");
        }
    }
}

#[tokio::test]
async fn started_over_from_another_snapshot_only_its_rows_are_there() {
    for mode in modes() {
        let yard = Yard::new();
        let first = load("l1", mode.clone());
        let second = under(&first, "s2");
        let sink = yard.sink();
        sink.prepare(&first).await.unwrap();
        let stale = stage(&sink, &first, &[&[(7, "gone")], &[(8, "gone")]]).await.unwrap();
        let other = yard.sink();
        other.prepare(&second).await.unwrap();
        // The first process wakes up.
        let late = sink.write(&first, part("p1", &[(7, "late")])).await.unwrap_err();
        assert_eq!(late.kind(), Kind::Conflict, "{mode}");
        let late = sink.commit(&first, &stale, &high("w")).await.unwrap_err();
        assert_eq!(late.kind(), Kind::Conflict, "{mode}");
        let staged = stage(&other, &second, PARTS).await.unwrap();
        other.commit(&second, &staged, &high("w")).await.unwrap();
        other.sweep(&second).await.unwrap();
        assert_eq!((yard.rows().as_str(), yard.left()), (after(&mode), vec![]), "{mode}");
    }
}

#[tokio::test]
async fn a_load_without_rows_leaves_its_mark() {
    for mode in modes() {
        let yard = Yard::new();
        let load = load("l1", mode.clone());
        let mark = yard.load(&load, &[&[]]).await.unwrap();
        assert_eq!(mark.rows, 0, "{mode}");
        let empties = matches!(mode, Mode::Truncate | Mode::Replace);
        assert_eq!(yard.rows(), if empties { "" } else { "1=old 2=old" }, "{mode}");
        assert_eq!(yard.sink().inspect(&load).await.unwrap().mark, Some(mark));
        assert_eq!(yard.left(), Vec::<String>::new(), "{mode}");
    }
}

#[tokio::test]
async fn stage_tables_and_marks_may_be_in_a_dataset_of_their_own() {
    let mut yard = Yard::new().option("staging_dataset", "stage");
    yard.gate = yard.gate.with_dataset("stage", "EU");
    for mode in modes() {
        yard.sql("DELETE FROM d.t WHERE TRUE");
        yard.sql("INSERT INTO d.t (id, word) VALUES (1, 'old'), (2, 'old')");
        yard.load(&load(&format!("l-{}", mode.name().replace('+', "-")), mode.clone()), PARTS)
            .await
            .unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
    assert_eq!(yard.gate.tables("d"), ["t"]);
    assert_eq!(yard.gate.tables("stage"), ["_dhow_mark"]);
}

#[tokio::test]
async fn the_newest_mark_of_the_table_gives_the_watermarks() {
    let yard = Yard::new();
    let sink = yard.sink();
    for (id, word) in [("l1", "a"), ("l2", "b"), ("l3", "c")] {
        let load = load(id, Mode::Append);
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        sink.commit(&load, &staged, &high(word)).await.unwrap();
    }
    // The last one has not been noted as published, because its process was killed.
    yard.sql("DELETE FROM d._dhow_mark WHERE `load` = 'l3' AND state = 'published'");
    let target = yard.sink().inspect(&load("l9", Mode::Append)).await.unwrap();
    assert_eq!((target.watermarks, target.mark), (high("c"), None));
    // An intention that came to nothing does not count.
    yard.sql("UPDATE d._dhow_mark SET job = 'none' WHERE `load` = 'l3'");
    let target = yard.sink().inspect(&load("l9", Mode::Append)).await.unwrap();
    assert_eq!(target.watermarks, high("b"));
}

#[tokio::test]
async fn many_parts_are_put_together_first_and_only_once() {
    let yard = Yard::new();
    let (sink, load) = (yard.open(), load("l1", Mode::Append));
    sink.prepare(&load).await.unwrap();
    let mut stages = Vec::new();
    for (index, rows) in PARTS.iter().enumerate() {
        let receipt = sink.write(&load, part(&format!("p{index}"), rows)).await.unwrap();
        stages.push(Staged { table: sink.staging(receipt.token), rows: receipt.rows });
    }
    let (jobs, names) = (sink.jobs().await.unwrap(), sink.names(&load));
    let planned = Planned::of(&sink, &load).await.unwrap();
    let all = async |most| gathered(&sink, (&jobs, &names), &planned, &stages, most).await.unwrap();
    let apart: Vec<_> = stages.iter().map(|stage| stage.table.clone()).collect();
    assert_eq!(all(2).await, apart);
    let together = all(1).await;
    assert_eq!(together.len(), 1);
    assert_eq!(yard.gate.count(&format!("d.{}", together[0].table)), 3);
    let copies = yard.gate.jobs().len();
    assert_eq!(all(1).await, together);
    assert_eq!(yard.gate.jobs().len(), copies, "what is there is not copied again");
    // Its rows are gone, and its job is not.
    yard.drop(&together[0].table);
    assert_eq!(all(1).await, together);
    assert_eq!(yard.gate.count(&format!("d.{}", together[0].table)), 3);
    sink.sweep(&load).await.unwrap();
    assert_eq!(yard.left(), Vec::<String>::new());
}

#[tokio::test]
async fn keys_that_a_table_declares_outlive_its_rows() {
    let yard = Yard::empty();
    let keys = json!({ "primaryKey": { "columns": ["id"] } });
    yard.gate.make_table(
        "d.t",
        &json!({
            "schema": { "fields": [
                { "name": "id", "type": "INTEGER", "mode": "REQUIRED" },
                { "name": "word", "type": "STRING" },
            ] },
            "tableConstraints": keys,
        }),
    );
    for (id, mode) in [("l1", Mode::Append), ("l2", Mode::Truncate)] {
        yard.load(&load(id, mode.clone()), PARTS).await.unwrap();
        assert_eq!(yard.gate.table("d.t").unwrap()["tableConstraints"], keys, "{mode}");
        assert_eq!(yard.rows(), "2=new 3=new 4=new", "{mode}");
    }
}
