//! The dashboard without a terminal: tests send keys and read a buffer.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::model::{Effect, KeyMode, Model, PendingOrder, Poll, Sort};
use super::{rows, view};

const STAT: &str = "# pxname,svname,qcur,scur,status,weight,lastchg,type,rate,check_status,check_code,check_duration,hrsp_5xx,req_rate,last_chk,rtime,ttime,econ,eresp,ereq,uweight,
fe_api,FRONTEND,,3,OPEN,,,0,9,,,,2,12,,,,,,1,,
api_nodes,api0,0,2,UP,1,7,2,8,L7OK,200,1,0,,,4,5,0,0,,1,
api_nodes,api1,0,0,DOWN,1,12,2,0,* L7STS,500,3,2,,\"Internal \"\"x\"\", Error\",0,0,1,0,,1,
api_nodes,api2,0,0,MAINT,2,200,2,0,,,,0,,,0,0,0,0,,2,
api_nodes,BACKEND,1,2,UP,3,40,1,8,,,,2,,,4,5,1,0,,3,

";
const INFO: &str = "Name: lb\nVersion: 3.4.0-lb\nUptime: 0d 0h00m02s\nMaxconn: 2000\nCurrConns: 3\nConnRate: 9\nnode: edge-1\nStopping: 0\n\n";

fn model() -> Model {
    let mut model = Model::new(vec!["lb.sock".to_owned()], false, false);
    model.polled(0, Ok(Poll::read(INFO, STAT, "")));
    model
}

fn lines(stat: &str) -> Vec<rows::TopRow> {
    rows::lines(&crate::ctl::stat::rows(stat), "")
}

fn press(model: &mut Model, keys: &str) -> Effect {
    let mut effect = Effect::None;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            '\x02' => KeyCode::Home,
            letter => KeyCode::Char(letter),
        };
        effect = model.key(KeyEvent::new(code, KeyModifiers::NONE));
    }
    effect
}

fn drawn(model: &Model) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(140, 20)).unwrap();
    terminal.draw(|frame| view::draw(model, frame)).unwrap();
    terminal
}

fn text(model: &Model) -> String {
    drawn(model).backend().to_string()
}

#[test]
fn one_look_tells_what_is_wrong_and_why() {
    let text = text(&model());
    assert!(text.contains("edge-1  3.4.0-lb  up 0d 0h00m02s  connections 3/2000  12 requests/s"), "{text}");
    assert!(
        text.contains("! api_nodes/api1 is DOWN for 12s: L7STS 500 Internal \"x\", Error in 3ms"),
        "{text}"
    );
    let row = |name: &str| text.lines().find(|line| line.contains(&format!("  {name} "))).unwrap();
    let words = |name: &str| {
        row(name).trim_matches(['"', '>', ' ']).split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words("api0"), ["api0", "UP", "7s", "1", "2", "8", "█", "4/5", "L7OK", "200", "in", "1ms"]);
    assert_eq!(words("api2"), ["api2", "MAINT", "3m", "2", "0", "0/0"]);
    let at = |name: &str| text.lines().position(|line| line.contains(name)).unwrap();
    assert!(
        at("fe_api (frontend)") < at("api_nodes (backend)") && at("api_nodes (backend)") < at("  api0 "),
        "{text}"
    );
}

#[test]
fn a_narrow_terminal_keeps_what_matters() {
    let model = model();
    for (width, titles) in [
        (80, "NAME STATE SINCE NOW QUEUE RATE ERRORS WHY"),
        (110, "NAME STATE SINCE WEIGHT NOW QUEUE RATE ERRORS MS WHY"),
    ] {
        let mut terminal = Terminal::new(TestBackend::new(width, 20)).unwrap();
        terminal.draw(|frame| view::draw(&model, frame)).unwrap();
        let text = terminal.backend().to_string();
        let header = text.lines().find(|line| line.contains("STATE")).unwrap();
        assert_eq!(header.trim_matches('"').split_whitespace().collect::<Vec<_>>().join(" "), titles);
        assert!(
            text.lines()
                .any(|line| line.contains("  api1") && line.contains("DOWN") && line.contains("L7STS 500")),
            "{text}"
        );
    }
}

#[test]
fn states_have_colors_unless_nobody_wants_them() {
    let colors = |model: &Model| {
        let terminal = drawn(model);
        let buffer = terminal.backend().buffer();
        buffer.content().iter().map(|cell| cell.fg).filter(|color| *color != Color::Reset).count()
    };
    let mut model = model();
    assert!(colors(&model) > 0);
    let with = text(&model);
    model.plain = true;
    assert_eq!(colors(&model), 0);
    assert_eq!(text(&model), with, "the words are the same");
}

#[test]
fn an_order_is_asked_for_and_given_once() {
    let mut model = model();
    assert_eq!(press(&mut model, "\x02d"), Effect::None, "a frontend cannot be drained");
    assert!(text(&model).contains("Select a server first"));
    assert_eq!(press(&mut model, "jjjd"), Effect::None);
    let asked = text(&model);
    assert!(asked.contains("Drain api_nodes/api1? No new requests except from sticky clients."), "{asked}");
    assert!(asked.contains("nothing in flight; 1 of 3 servers of api_nodes left."), "{asked}");
    assert_eq!(press(&mut model, "x"), Effect::None, "a slip is no answer");
    assert!(matches!(model.mode, KeyMode::Confirm(_)));
    let Effect::Give(PendingOrder { socket: 0, command, said, .. }) = press(&mut model, "y") else {
        panic!("an order")
    };
    assert_eq!(command, "set server api_nodes/api1 state drain");
    assert_eq!(press(&mut model, "y"), Effect::None);
    model.done(Ok(said));
    assert!(text(&model).contains("api_nodes/api1 is in drain"));
    assert_eq!(press(&mut model, "mn"), Effect::None);
    assert_eq!(model.mode, KeyMode::Looking, "no is no");
    model.done(Err("Permission denied".to_owned()));
    assert!(text(&model).contains("Permission denied"));
}

#[test]
fn the_worst_server_is_selected_until_somebody_presses_a_key() {
    let mut before = Model::new(vec!["lb.sock".to_owned()], false, false);
    assert!(text(&before).contains("lb.sock: asked, no answer yet"));
    press(&mut before, "d");
    let well = STAT.replace("DOWN", "UP");
    let poll = |stat: &str| Ok(Poll::read(INFO, stat, ""));
    let mut model = Model::new(vec!["lb.sock".to_owned()], false, false);
    model.polled(0, poll(&well));
    assert_eq!(model.selected_at(), Some(2), "nothing is wrong: the first server");
    model.polled(0, poll(STAT));
    assert_eq!(press(&mut model, "d"), Effect::None);
    let Effect::Give(action) = press(&mut model, "y") else { panic!("two keys drain it") };
    assert_eq!(action.command, "set server api_nodes/api1 state drain");
    press(&mut model, "k");
    model.polled(0, poll(STAT));
    assert_eq!(model.selected_at(), Some(2), "it stays where somebody has put it");
}

#[test]
fn a_weight_is_written_and_asked_for() {
    let mut model = model();
    let effect = press(&mut model, "\x02jjw5z\x08\x0870%\n");
    assert_eq!(effect, Effect::None);
    assert!(text(&model).contains("Give api_nodes/api0 the weight 70%?"), "{}", text(&model));
    let Effect::Give(action) = press(&mut model, "\n") else { panic!("an order") };
    assert_eq!(action.command, "set server api_nodes/api0 weight 70%");
    press(&mut model, "w\x1b");
    assert_eq!(model.mode, KeyMode::Looking);
}

#[test]
fn nothing_is_changed_with_read_only() {
    let mut model = model();
    model.read_only = true;
    for key in ["jjd", "m", "r", "w"] {
        assert_eq!(press(&mut model, key), Effect::None);
        assert_eq!(model.mode, KeyMode::Looking);
    }
    assert!(text(&model).contains("--read-only"));
    press(&mut model, "k");
    assert!(text(&model).contains("read only  / filter"));
}

#[test]
fn filter_and_order() {
    let mut model = model();
    press(&mut model, "/l7sts");
    assert_eq!(model.visible().len(), 1, "what a check said is searched, too");
    assert!(text(&model).contains("filter by text: l7sts_"));
    press(&mut model, "\n");
    assert_eq!(model.selected_at(), Some(0), "what is hidden is not selected");
    press(&mut model, "\x1bs");
    assert_eq!((model.sort, model.visible().len()), (Sort::State, 5));
    assert_eq!(model.visible()[0].1.name, "api1", "the worst first");
    press(&mut model, "s");
    assert_eq!(model.visible()[0].1.name, "FRONTEND");
    assert_eq!(press(&mut model, "?"), Effect::None);
    assert!(text(&model).contains("Any key closes this."));
    assert_eq!(press(&mut model, "q"), Effect::None);
    assert_eq!(press(&mut model, "q"), Effect::Quit);
}

#[test]
fn a_balancer_that_is_gone_says_so_and_keeps_its_lines() {
    let mut model = model();
    model.polled(0, Err("lb: lb.sock: nobody\n  = start lb".to_owned()));
    let dim = |model: &Model| {
        let terminal = drawn(model);
        let buffer = terminal.backend().buffer();
        buffer.content().iter().filter(|cell| cell.modifier.contains(Modifier::DIM)).count()
    };
    assert!(dim(&model) > 0, "what is old is dimmed");
    let text = text(&model);
    assert!(
        text.contains("edge-1: no answer for ") && text.contains("s, values below are that old: nobody"),
        "{text}"
    );
    assert!(text.contains("api0"), "{text}");
    model.polled(0, Ok(Poll::read(INFO, STAT, "")));
    assert_eq!(dim(&model), 0);
}

#[test]
fn the_last_usable_server_is_only_taken_out_with_force() {
    // api0 is the only one that is up.
    for keys in ["d", "m", "w0\n", "w0%\n"] {
        let mut model = model();
        press(&mut model, "\x02jj");
        assert_eq!(press(&mut model, keys), Effect::None);
        let asked = text(&model);
        let objection = "api_nodes/api0 is the last usable server of api_nodes: without it clients get 503 there (2 in flight).";
        assert!(asked.contains(objection) && asked.contains("f  force"), "{keys}: {asked}");
        assert_eq!(press(&mut model, "y\n"), Effect::None, "{keys}: the usual yes is not enough");
        assert!(matches!(press(&mut model, "f"), Effect::Give(_)), "{keys}");
    }
    let mut model = model();
    press(&mut model, "\x02jjr");
    assert!(matches!(press(&mut model, "y"), Effect::Give(_)), "nothing is lost by it");
    press(&mut model, "jd");
    assert_eq!(press(&mut model, "f"), Effect::None, "force is for nothing else");
    assert!(matches!(press(&mut model, "y"), Effect::Give(_)), "one that is down is not missed");
}

#[test]
fn two_balancers_are_told_apart_by_their_nodes() {
    let mut model = Model::new(vec!["a/lb.sock".to_owned(), "b/lb.sock".to_owned()], false, false);
    let other = INFO.replace("edge-1", "edge-2");
    model.polled(0, Ok(Poll::read(INFO, STAT, "")));
    model.polled(1, Ok(Poll::read(&other, STAT, "")));
    let both = text(&model);
    assert_eq!(both.matches("edge-1 ").count(), 6, "{both}");
    assert_eq!(both.matches("edge-2 ").count(), 6, "{both}");
    // Two balancers on one machine report the same node name.
    model.polled(1, Ok(Poll::read(INFO, STAT, "")));
    let both = text(&model);
    assert!(both.contains("a/lb.sock") && both.contains("b/lb.sock"), "{both}");
}

#[test]
fn versions_and_ends_of_long_names_are_seen_in_80_columns() {
    let long = "a-very-long-name-of-a-server-of-the-shop-api-17";
    let stat = STAT.replace("api0", long);
    let versions = format!("# backend server version\napi_nodes {long} v17\napi_nodes api1 v16 beta\n");
    let mut model = Model::new(vec!["lb.sock".to_owned()], false, false);
    model.polled(0, Ok(Poll::read(INFO, &stat, &versions)));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| view::draw(&model, frame)).unwrap();
    let text = terminal.backend().to_string();
    let row =
        |end: &str| text.lines().find(|line| line.contains(end)).unwrap_or_else(|| panic!("{end}: {text}"));
    assert!(row("  …").contains("-api-17 ") && row("  …").contains(" v17 "), "{text}");
    assert!(row("  api1").contains("v16 beta") && row("  api1").contains("DOWN"), "{text}");
    assert!(row("! api_nodes").contains("DOWN") && text.contains("q quit"), "{text}");
    press(&mut model, "?");
    terminal.draw(|frame| view::draw(&model, frame)).unwrap();
    let text = terminal.backend().to_string();
    assert!(text.contains("Any key closes this.") && text.contains("q                 quit"), "{text}");
    assert_eq!(text.matches('│').count() % 2, 0, "both edges of the box are there: {text}");
}

#[test]
fn what_a_server_says_is_no_order_for_the_terminal() {
    let lines = lines("# pxname,svname,type,status,last_chk,\nbe,s1,2,DOWN,a\x1b[2Jb,\n");
    assert_eq!(lines[0].why, "a [2Jb");
}

#[test]
fn what_an_agent_said_is_a_reason() {
    let head = "# pxname,svname,status,type,check_status,check_code,check_duration,agent_status,last_agt,";
    let row = |status: &str, agent: &str, said: &str| {
        let text = format!("{head}\nbe,s,{status},2,L7OK,200,3,{agent},{said},\n");
        lines(&text).pop().map(|line| line.why)
    };
    let table = [
        (
            "DOWN (agent)",
            "L7STS",
            "via agent : down (no disk)",
            "L7OK 200 in 3ms, agent said: down (no disk)",
        ),
        ("DRAIN (agent)", "* CHECKED", "", "L7OK 200 in 3ms, agent said: CHECKED"),
        ("UP", "CHECKED", "", "L7OK 200 in 3ms"),
        ("UP", "", "", "L7OK 200 in 3ms"),
    ];
    for (status, agent, said, why) in table {
        assert_eq!(row(status, agent, said).as_deref(), Some(why), "{status}");
    }
}
