//! Faults that tests script do what their names say.

use serde_json::Value as Json;

use super::{JSON, LINES, TABLE, curl, load, state_of, told, with_tables};
use crate::doris::stand::{Doris, Fault, Latch, Layout, Side, When};

#[test]
fn faults_of_a_load_do_what_their_names_say() {
    let doris = with_tables();
    let put = |label: &str| {
        let url = format!("http://{}/api/shop/t/_stream_load", doris.fe());
        let user = format!("{}:{}", doris.user, doris.password);
        let label = format!("label: {label}");
        let arguments = [
            "--location-trusted",
            "-u",
            &user,
            "-H",
            "Expect: 100-continue",
            "-H",
            JSON,
            "-H",
            LINES,
            "-H",
            &label,
            "-T",
            "-",
            &url,
        ];
        curl(&arguments, b"{\"id\":1}\n")
    };
    let at_be = || When::be("_stream_load");
    doris.fault(at_be(), Fault::LoseBefore);
    assert_eq!((put("a").as_str(), state_of(&doris, "a")), ("", "UNKNOWN".to_owned()));
    doris.fault(at_be(), Fault::LoseAfter);
    assert_eq!((put("b").as_str(), state_of(&doris, "b")), ("", "VISIBLE".to_owned()));
    doris.fault(at_be(), Fault::Reset(4));
    assert_eq!((put("c").as_str(), state_of(&doris, "c")), ("", "ABORTED".to_owned()));
    doris.fault(at_be(), Fault::Die(4, 1));
    assert_eq!((put("d").as_str(), state_of(&doris, "d")), ("", "PREPARE".to_owned()));
    let busy: Json = serde_json::from_str(&put("d")).unwrap();
    assert_eq!(
        (busy["Status"].as_str(), busy["ExistingJobStatus"].as_str()),
        (Some("Label Already Exists"), Some("RUNNING"))
    );
    assert_eq!(state_of(&doris, "d"), "ABORTED");
    doris.fault(at_be(), Fault::Truncate(130));
    assert!(put("e").contains("\"TxnId\"") && state_of(&doris, "e") == "VISIBLE");
    doris.fault(at_be(), Fault::PublishTimeout(1));
    assert!(put("f").contains("\"Status\": \"Publish Timeout\""));
    let count = doris.count("t");
    assert_eq!([state_of(&doris, "f"), state_of(&doris, "f")], ["COMMITTED", "VISIBLE"]);
    assert_eq!(doris.count("t"), count.map(|n| n + 1));
    doris.fault(at_be(), Fault::TooManyVersions);
    assert!(put("g").contains("[E-235]"));
    doris.fault(at_be(), Fault::LabelTaken);
    assert!(put("h").contains("FINISHED"));
    doris.fault(When::fe("_stream_load"), Fault::Html);
    assert!(put("i").contains("<html>"));
    doris.fault(When::fe("_stream_load"), Fault::Status(503));
    assert!(put("j").contains("<html>"));
    doris.fault(When::fe("_stream_load").times(3), Fault::RedirectToSelf);
    assert!(put("k").contains("Success"));
    assert_eq!(doris.struck(), 13);
}

#[test]
fn a_request_can_be_held() {
    let doris = with_tables();
    let latch = Latch::default();
    doris.fault(When::be("_stream_load"), Fault::HoldAnswer(latch.clone()));
    std::thread::scope(|scope| {
        let load = scope.spawn(|| load(&doris, "t", &[JSON, LINES], "{\"id\":1}"));
        latch.wait_reached();
        assert_eq!(doris.count("t"), Some(1));
        latch.release();
        assert_eq!(told(&load.join().unwrap()), "Success 1/1/0");
    });
}

#[test]
fn servers_go_down_and_come_back_at_their_ports() {
    let doris = Doris::with(&Layout { fes: 2, bes: 2, ..Layout::default() });
    doris.sql(TABLE);
    let user = format!("{}:{}", doris.user, doris.password);
    let alive = |fe: usize| {
        let url = format!("http://{}/api/backends?is_alive=true", doris.fe_at(fe));
        curl(&["-u", &user, &url], b"").matches("\"ip\"").count()
    };
    assert_eq!((alive(0), alive(1)), (2, 2));
    doris.be_down(0, true);
    doris.fe_down(0);
    assert_eq!((alive(0), alive(1)), (0, 1));
    assert!(std::net::TcpStream::connect(doris.be()).is_err());
    doris.be_up(0);
    doris.fe_up(0);
    assert_eq!((alive(0), alive(1)), (2, 2));
    for _ in 0..2 {
        assert_eq!(told(&load(&doris, "t", &[JSON, LINES], "{\"id\":1}")), "Success 1/1/0");
    }
    let which: Vec<_> =
        doris.requests().iter().filter(|r| r.side == Side::Be).map(|r| r.which).collect();
    assert_eq!(which, [0, 1]);
}

#[test]
fn a_counting_cluster_counts_and_forgets() {
    let doris = Doris::with(&Layout { counting: true, ..Layout::default() });
    doris.sql(TABLE);
    assert_eq!(told(&load(&doris, "t", &[JSON, LINES], "{\"id\":1}\n{}\n")), "Success 2/2/0");
    assert_eq!(doris.count("t"), Some(0));
}
