//! The types of a real MariaDB, with the values at their ends.

use super::*;

/// A session with a table `t` of these columns and rows.
async fn table(columns: &str, rows: &str) -> Connection {
    let (mut connection, _) = session("types").await;
    // What older servers and careless settings have let in.
    connection.execute("set sql_mode = 'ALLOW_INVALID_DATES'").await.unwrap();
    connection.execute(&format!("create table t ({columns})")).await.unwrap();
    connection.execute(&format!("insert into t values {rows}")).await.unwrap();
    connection
}

async fn plain(columns: &str, rows: &str) -> Read {
    read(&mut table(columns, rows).await, "select * from t", &Policies::default()).await
}

#[tokio::test]
async fn probe() {
    let mut c = table("a uuid, b inet6, c inet4, d json, e point, f geometry, g bit(1), h bit(64), i year, j enum('a','b'), k set('x','y'), l time(3), m decimal(65,30), n char(5) charset latin1, o binary(3), p float, q tinyint(1), r timestamp(6) null", "(uuid(), '::1', '1.2.3.4', '{\"a\": 1}', point(1,2), point(3,4), 1, 5, 2000, 'a', 'x,y', '-838:59:59.999', 1.5, 'é', 'ab', 0.1, 2, now())").await;
    for col in c
        .describe("select *, 1+1 as x, 1.5 as y, sum(m) as z, null as zz, avg(q) as zzz from t")
        .await
        .unwrap()
    {
        println!("{col:?}");
    }
    let r = read(&mut c, "select * from t", &Policies::default()).await;
    println!("{:?}\n{:?}\n{:?}", r.types(), r.sources(), r.rows());
}
