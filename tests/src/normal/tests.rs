//! What is taken out of an answer, and what is not.

use super::*;

#[track_caller]
fn same(sent: &str, one: &str, other: &str) {
    assert_eq!(normal(sent, one), normal(sent, other));
}

#[track_caller]
fn different(sent: &str, one: &str, other: &str) {
    assert_ne!(normal(sent, one), normal(sent, other));
}

#[test]
fn messages_are_compared_to_the_byte() {
    different("disable server", "No such server.\n\n", "No such server.\n");
    different("disable server", "\n", "\n\n");
    different("disable server", "No such server.\n\n", "No such backend.\n\n");
    assert_eq!(
        normal("a", "Commands must have at most 64 arguments.\n\n"),
        "Commands must have at most 64 arguments.\n\n"
    );
    assert_eq!(
        normal("set server", "port changed from '17010' to '40123' by 'stats socket command'\n\n"),
        "port changed from 'P' to 'P' by 'stats socket command'\n\n"
    );
    assert_eq!(normal("show version", "3.4.0-64a335366\n\n"), "OWN\n\n");
    different("show version", "3.4.0-64a335366\n\n", "3.4.0\n\n");
    different("show version", "3.4.0-64a335366\n\n", "HAProxy 3.4.0-64a335366\n\n");
}

#[test]
fn lists_and_free_texts_are_for_people() {
    let list = |about| format!("Unknown command: 'x', but maybe\n  show stat  : {about}\n\n");
    same("x", &list("one"), &list("another"));
    same("x;show version", &(list("one") + "3.4.0-a\n\n"), &(list("another") + "3.4.0-b\n\n"));
    different("x", &list("one"), &(list("one") + "\n"));
    same("show pools", "Dumping pools\n  - Pool x\n\n", "There are none.\n\n");
    different("show pools", "There are none.\n\n", "\n");
    different("show pools", "There are none.\n\n", "There are none.\n");
    different("show pools", "There are none.\n\n", "Permission denied\n\n");
    same("show sess 0x12", "0x12: a\n\n", "0x12: b\n\n");
    different("show env PATH", "PATH=a\n\n", "PATH=b\n\n");
}

#[test]
fn cells_of_show_stat() {
    let csv = |row: &str| {
        format!(
            "# pxname,svname,qcur,slim,status,weight,lastchg,check_status,check_code,last_chk,addr,-,\n{row}\n\n"
        )
    };
    let one = csv("be,s1,0,50,UP,1,2,L7OK,200,\"a, b\",127.0.0.1:17010,-,");
    same("show stat", &one, &csv("be,s1,7,50,UP,1,99,* L7OK,200,\"a, b\",127.0.0.1:40001,-,"));
    for other in [
        "be,s1,,50,UP,1,2,L7OK,200,\"a, b\",127.0.0.1:17010,-,",
        "be,s1,0,51,UP,1,2,L7OK,200,\"a, b\",127.0.0.1:17010,-,",
        "be,s1,0,50,UP 1/3,1,2,L7OK,200,\"a, b\",127.0.0.1:17010,-,",
        "be,s1,0,50,UP,2,2,L7OK,200,\"a, b\",127.0.0.1:17010,-,",
        "be,s1,0,50,UP,1,2,L4OK,200,\"a, b\",127.0.0.1:17010,-,",
        "be,s1,0,50,UP,1,2,L7OK,500,\"a, b\",127.0.0.1:17010,-,",
        "be,s1,0,50,UP,1,2,L7OK,200,\"a, c\",127.0.0.1:17010,-,",
        "be,s1,0,50,UP,1,2,L7OK,200,\"a, b\",127.0.0.2:17010,-,",
        "be,s1,0,50,UP,1,2,L7OK,200,\"a, b\",127.0.0.1:17010,-",
    ] {
        different("show stat", &one, &csv(other));
    }
}

#[test]
fn typed_lines_and_json_keep_names_types_and_tags() {
    let line = |text: &str| normal("show stat typed", text);
    assert_eq!(line("F.2.0.4.scur.1:MGPV:u32:3\n"), "F.2.0.4.scur.1:MGPV:u32:N\n");
    assert_eq!(
        line("S.3.2.17.status.1:SOPV:str:UP 1/3:\"words\"\n"),
        "S.3.2.17.status.1:SOPV:str:UP 1/3:\"DESC\"\n"
    );
    assert_eq!(line("S.3.2.73.addr.1:CGSV:str:127.0.0.1:17010\n"), "S.3.2.73.addr.1:CGSV:str:127.0.0.1:P\n");
    assert_eq!(line("0.Name.1:POSV:str:HAProxy\n"), "0.Name.1:POSV:str:HAProxy\n");
    assert_eq!(line("8.Uptime_sec.1:MDPP:u32:2\n"), "8.Uptime_sec.1:MDPP:u32:N\n");
    let stat = "[[{\"objType\":\"Server\",\"field\":{\"pos\":4,\"name\":\"scur\"},\"tags\":{},\"value\":{\"type\":\"u32\",\"value\":12}},\
        {\"field\":{\"pos\":17,\"name\":\"status\"},\"value\":{\"type\":\"str\",\"value\":\"a\\\"} 12\"}}]]";
    assert_eq!(line(stat), stat.replace("\"value\":12}", "\"value\":N}"));
    let info = "[{\"field\":{\"pos\":1,\"name\":\"Version\"},\"value\":{\"type\":\"str\",\"value\":\"lb\"}}]";
    assert_eq!(line(info), info.replace("\"lb\"", "\"OWN\""));
}

#[test]
fn lines_of_show_info() {
    let text = "Name: HAProxy\nVersion: 3.4.0-x\nPid: 1\nUptime: 0d 0h00m02s\nUptime_sec: 2.25\nMaxconn: 2000\nnode: lb-lab\n\n";
    let expected = "Name: HAProxy\nVersion: OWN\nPid: N\nUptime: UPTIME\nUptime_sec: N.N\nMaxconn: 2000\nnode: lb-lab\n\n";
    assert_eq!(normal("show info float", text), expected);
    assert_eq!(
        normal("show info desc", "Name: lb:\"words\"\nPid: 7:\"more: words\"\n"),
        "Name: lb:\"DESC\"\nPid: N:\"DESC\"\n"
    );
}

#[test]
fn states_keep_their_numbers() {
    let table = |row: &str| {
        format!(
            "1\n# be_id be_name srv_op_state srv_time_since_last_change srv_check_state srv_port srv_check_port\n{row}\n\n"
        )
    };
    same("show servers state", &table("3 be 2 5 6 17010 0"), &table("3 be 2 999 7 40000 0"));
    different("show servers state", &table("3 be 2 5 6 17010 0"), &table("3 be 0 5 6 17010 0"));
    different("show servers state", &table("3 be 2 5 6 17010 0"), &table("3 be 2 5 14 17010 0"));
    different("show servers state", &table("3 be 2 5 6 17010 0"), &table("3 be 2 5 6 17010 17010"));
    let conn = |row: &str| format!("# bkname/svname bkid/svid addr port - served idle_lim\n{row}\n\n");
    same("show servers conn", &conn("be/s 3/1 127.0.0.1 17010 - 0 -1"), &conn("be/s 3/1 127.0.0.1 9 - 4 32"));
    different(
        "show servers conn",
        &conn("be/s 3/1 127.0.0.1 17010 - 0 -1"),
        &conn("be/s 3/2 127.0.0.1 17010 - 0 -1"),
    );
}

#[test]
fn sessions_keep_their_names() {
    let line = |head: &str, age| {
        format!(
            "{head} srv=s1 ts=00 age={age} calls=2 rq[f=848000h,i=0,an=8000h,ax=] scf=[8,402h,fd=11,rex=,wex=] exp=1s rc=0 c_exp=\n\n"
        )
    };
    let one = line("0x55aa: proto=tcpv4 src=127.0.0.1:53870 fe=f be=b", "1s");
    assert_eq!(
        normal("show sess", &one),
        "0xP: proto=tcpv4 src=127.0.0.1:P fe=f be=b srv=s1 ts=N age=N calls=N rq[f=N,i=N,an=N,ax=N] scf=[N,N,fd=N,rex=N,wex=N] exp=N \
         rc=N c_exp=N\n\n"
    );
    same("show sess", &one, &line("0x1: proto=tcpv4 src=127.0.0.1:9 fe=f be=b", "2m5s"));
    different("show sess", &one, &line("0x1: proto=tcpv4 src=127.0.0.1:9 fe=f be=c", "1s"));
    different("show sess", &one, &line("0x1: proto=tcpv4 src=127.0.0.1:9 fe=f", "1s"));
}

#[test]
fn entries_of_tables_keep_what_was_set() {
    let line = |gpc0, exp| {
        format!("0x55c1: key=192.0.2.1 use=0 exp={exp} shard=0 gpc0={gpc0} conn_rate(10000)={exp}\n")
    };
    assert_eq!(
        normal("show table t", &line(5, 1_799_983)),
        "0xP: key=192.0.2.1 use=0 exp=N shard=0 gpc0=5 conn_rate(10000)=N\n"
    );
    different("show table t", &line(5, 1), &line(6, 1));
}

#[test]
fn captured_messages_keep_their_bytes() {
    let text = |date: &str, free: u32, bytes: &str| {
        format!(
            "Total events captured on [{date}] : {free}\n \n[{date}] frontend fe (#2): invalid request\n  \
             backend <NONE> (#-1), server <NONE> (#-1), event #{free}, src 127.0.0.1:{free}\n  buffer starts at 0, {free} free,\n  \
             len 42, error at position 28\n  H1 msg state MSG_HDR_NAME({free})\n  \n  00000  {bytes}\\r\\n\n\n"
        )
    };
    let one = text("22/Nov/2026:20:17:40.454", 16342, "GET / HTTP/1.1");
    same("show errors", &one, &text("25/Nov/2026:09:00:00.000", 7, "GET / HTTP/1.1"));
    different("show errors", &one, &text("22/Nov/2026:20:17:40.454", 16342, "GET /1 HTTP/1.1"));
    assert!(normal("show errors", &one).contains("[DATE] frontend fe (#2): invalid request\n"));
}

#[test]
fn prompts_and_severities_stay() {
    assert_eq!(normal("prompt", "\n> 3.4.0-a\n\n> "), "\n> OWN\n\n> ");
    assert_eq!(normal("prompt timed", "\n[0:00:00:03]> 3.4.0-a\n\n"), "\n[UPTIME]> OWN\n\n");
    assert_eq!(normal("show version", "[6]: 3.4.0-a\n\n"), "[6]: OWN\n\n");
    different("show version", "[6]: 3.4.0-a\n\n", "[info]: 3.4.0-a\n\n");
    same("prompt", "> Unknown command: 'x', but\n  a : b\n\n", "> Unknown command: 'x', but\n  a : c\n\n");
}
