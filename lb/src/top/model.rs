//! The state of the dashboard, and how keys and new data change it. It does not draw, read or send commands: it
//! returns the command to send.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::rows::{self, Info, RowKind, TopRow};
use crate::ctl::stat::{self, RemainingServers, StatRow};

/// Values in a sparkline.
pub(super) const HISTORY: usize = 16;

/// Data of one poll of a socket.
#[derive(Debug)]
pub(super) struct Poll {
    info: Info,
    lines: Vec<TopRow>,
    rows: Vec<StatRow>,
}

/// A change of one server that waits for confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingOrder {
    /// Index of the balancer.
    pub(super) socket: usize,
    pub(super) command: String,
    /// The question before it is sent.
    pub(super) question: String,
    /// The message after it was confirmed.
    pub(super) said: String,
    /// It takes out the last usable server of a backend: `F` confirms it instead of `y`.
    pub(super) needs_force: bool,
}

/// What the caller has to do after a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Quit,
    Give(PendingOrder),
}

/// How keys are interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyMode {
    Looking,
    /// The filter is being edited.
    Filter,
    /// A change waits for confirmation.
    Confirm(PendingOrder),
    /// A weight for the selected server is being edited.
    Weight(String),
    Help,
}

/// The order of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Configured,
    State,
    Rate,
    InFlight,
    Errors,
    Name,
}

/// One balancer.
#[derive(Debug, Default)]
pub(super) struct Balancer {
    pub(super) socket: String,
    pub(super) info: Info,
    /// Why the last poll failed.
    pub(super) error: Option<String>,
    pub(super) lines: Vec<TopRow>,
    /// Time of the last successful poll.
    pub(super) answered: Option<Instant>,
    /// The rows of `show stat`.
    rows: Vec<StatRow>,
    rates: HashMap<String, VecDeque<u64>>,
}

/// Identifies the selected line: balancer, proxy, name.
type RowKey = (usize, String, String);

/// The whole state.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) balancers: Vec<Balancer>,
    pub(super) mode: KeyMode,
    pub(super) filter: String,
    pub(super) sort: Sort,
    pub(super) read_only: bool,
    pub(super) plain: bool,
    /// Result of the last change, and whether it was rejected.
    pub(super) notice: Option<(bool, String)>,
    selected: Option<RowKey>,
    /// A key was pressed: from now on the selection is the user's.
    touched: bool,
}

// === impl Poll ===

impl Poll {
    /// Parses `show info`, `show stat` and `show versions`.
    pub(super) fn read(info: &str, stat: &str, versions: &str) -> Self {
        let rows = stat::rows(stat);
        Self { info: rows::info(info), lines: rows::lines(&rows, versions), rows }
    }
}

// === impl Model ===

impl Model {
    pub(super) fn new(sockets: Vec<String>, read_only: bool, plain: bool) -> Self {
        let balancers =
            sockets.into_iter().map(|socket| Balancer { socket, ..Balancer::default() }).collect();
        Self {
            balancers,
            mode: KeyMode::Looking,
            filter: String::new(),
            sort: Sort::Configured,
            read_only,
            plain,
            notice: None,
            selected: None,
            touched: false,
        }
    }

    /// Takes the result of a poll.
    pub(super) fn polled(&mut self, at: usize, poll: Result<Poll, String>) {
        let Some(balancer) = self.balancers.get_mut(at) else { return };
        match poll {
            Ok(Poll { info, lines, rows }) => {
                (balancer.answered, balancer.rows) = (Some(Instant::now()), rows);
                for line in &lines {
                    let rates = balancer.rates.entry(format!("{}/{}", line.proxy, line.name)).or_default();
                    rates.push_back(line.rate);
                    while rates.len() > HISTORY {
                        rates.pop_front();
                    }
                }
                balancer.rates.retain(|name, _| {
                    lines.iter().any(|line| *name == format!("{}/{}", line.proxy, line.name))
                });
                (balancer.info, balancer.lines, balancer.error) = (info, lines, None);
            }
            Err(error) => balancer.error = Some(error),
        }
        if !self.touched || self.selected_line().is_none() {
            self.select_worst();
        }
    }

    /// Selects the server in the worst state, so that one key acts on it.
    fn select_worst(&mut self) {
        let visible = self.visible();
        let servers = || visible.iter().filter(|(_, line)| line.kind == RowKind::Server);
        let worst = servers().find(|(_, line)| line.is_trouble()).or_else(|| servers().next());
        let selected = worst.or(visible.first()).map(|(at, line)| key_of(*at, line));
        self.selected = selected;
    }

    /// Takes the result of a change.
    pub(super) fn done(&mut self, result: Result<String, String>) {
        self.notice = Some(match result {
            Ok(said) => (false, said),
            Err(refusal) => (true, refusal),
        });
    }

    /// Lines that match the filter, in order, each with its balancer.
    pub(super) fn visible(&self) -> Vec<(usize, &TopRow)> {
        let wanted = self.filter.to_lowercase();
        let all = self.balancers.iter().enumerate();
        let all = all.flat_map(|(at, balancer)| balancer.lines.iter().map(move |line| (at, line)));
        let mut lines: Vec<_> = all
            .filter(|(_, line)| {
                let text = format!("{}/{} {} {}", line.proxy, line.name, line.status, line.why);
                text.to_lowercase().contains(&wanted)
            })
            .collect();
        match self.sort {
            Sort::Configured => {}
            Sort::State => lines.sort_by_key(|(_, line)| (line.mood, line.kind != RowKind::Server)),
            Sort::Rate => lines.sort_by_key(|(_, line)| std::cmp::Reverse(line.rate)),
            Sort::InFlight => lines.sort_by_key(|(_, line)| std::cmp::Reverse(line.in_flight + line.queue)),
            Sort::Errors => lines.sort_by_key(|(_, line)| std::cmp::Reverse(line.errors)),
            Sort::Name => lines.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name)),
        }
        lines
    }

    /// Index of the selected line among the visible ones.
    pub(super) fn selected_at(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.visible().iter().position(|(at, line)| key_of(*at, line) == *selected)
    }

    /// Request rates of a line, oldest first.
    pub(super) fn rates(&self, at: usize, line: &TopRow) -> Vec<u64> {
        let rates =
            self.balancers.get(at).and_then(|of| of.rates.get(&format!("{}/{}", line.proxy, line.name)));
        rates.into_iter().flatten().copied().collect()
    }

    /// Handles a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Effect {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Effect::Quit;
        }
        match std::mem::replace(&mut self.mode, KeyMode::Looking) {
            KeyMode::Looking => return self.look(key.code),
            KeyMode::Help => {}
            KeyMode::Filter => self.write_filter(key.code),
            KeyMode::Confirm(action) => match key.code {
                KeyCode::Char('y' | 'Y') | KeyCode::Enter if !action.needs_force => {
                    return Effect::Give(action);
                }
                KeyCode::Char('f' | 'F') if action.needs_force => return Effect::Give(action),
                KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => {}
                // Any other key leaves the question open.
                _ => self.mode = KeyMode::Confirm(action),
            },
            KeyMode::Weight(text) => self.write_weight(text, key.code),
        }
        Effect::None
    }

    fn look(&mut self, code: KeyCode) -> Effect {
        self.notice = None;
        self.touched = true;
        match code {
            KeyCode::Char('q') => return Effect::Quit,
            KeyCode::Char('?' | 'h') => self.mode = KeyMode::Help,
            KeyCode::Char('/') => self.mode = KeyMode::Filter,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::PageDown => self.move_by(10),
            KeyCode::PageUp => self.move_by(-10),
            KeyCode::Home => self.move_by(isize::MIN / 2),
            KeyCode::End => self.move_by(isize::MAX / 2),
            KeyCode::Char('d') => self.ask("drain"),
            KeyCode::Char('m') => self.ask("maint"),
            KeyCode::Char('r') => self.ask("ready"),
            KeyCode::Char('w') => self.ask_weight(),
            _ => {}
        }
        Effect::None
    }

    fn write_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => {}
            KeyCode::Esc => self.filter.clear(),
            other => {
                match other {
                    KeyCode::Backspace => drop(self.filter.pop()),
                    KeyCode::Char(letter) => self.filter.push(letter),
                    _ => {}
                }
                self.mode = KeyMode::Filter;
            }
        }
        if self.selected_at().is_none() {
            self.select_worst();
        }
    }

    fn write_weight(&mut self, mut text: String, code: KeyCode) {
        match code {
            KeyCode::Esc => return,
            KeyCode::Enter => {
                if let Some((socket, name)) = self.target()
                    && !text.is_empty()
                {
                    // Weight 0 stops new requests, like drain.
                    let takes_out = text.trim_end_matches('%').chars().all(|digit| digit == '0');
                    let left = if takes_out { self.left(socket, &name) } else { None };
                    self.mode = KeyMode::Confirm(PendingOrder {
                        socket,
                        command: format!("set server {name} weight {text}"),
                        question: question(&format!("Give {name} the weight {text}?"), left.as_ref()),
                        said: format!("{name} has the weight {text}"),
                        needs_force: left.is_some_and(|left| left.objection().is_some()),
                    });
                }
                return;
            }
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char(letter) if (letter.is_ascii_digit() || letter == '%') && text.len() < 5 => {
                text.push(letter);
            }
            _ => {}
        }
        self.mode = KeyMode::Weight(text);
    }

    fn ask(&mut self, state: &str) {
        if let Some((socket, name)) = self.target() {
            let (asked, said) = match state {
                "drain" => (format!("Drain {name}? No new requests except from sticky clients."), "in drain"),
                "maint" => (
                    format!("Put {name} into maintenance? No new requests, those in flight finish."),
                    "in maintenance",
                ),
                _ => (format!("Put {name} back into service? It takes requests at once."), "ready"),
            };
            let left = if state == "ready" { None } else { self.left(socket, &name) };
            self.mode = KeyMode::Confirm(PendingOrder {
                socket,
                command: format!("set server {name} state {state}"),
                question: question(&asked, left.as_ref()),
                said: format!("{name} is {said}"),
                needs_force: left.is_some_and(|left| left.objection().is_some()),
            });
        }
    }

    /// What would remain without a server, as far as known.
    fn left(&self, socket: usize, name: &str) -> Option<RemainingServers> {
        stat::left_without(&self.balancers.get(socket)?.rows, name)
    }

    /// The name of a balancer: its node, or its socket where that is unique and the node is not.
    pub(super) fn label(&self, at: usize) -> &str {
        let Some(balancer) = self.balancers.get(at) else { return "" };
        let node = balancer.info.node.as_str();
        let same = self.balancers.iter().filter(|other| other.info.node == node).count();
        if node.is_empty() || same > 1 { &balancer.socket } else { node }
    }

    /// Whether the data of a balancer is stale because polls fail.
    pub(super) fn is_old(&self, at: usize) -> bool {
        self.balancers.get(at).is_some_and(|balancer| balancer.error.is_some())
    }

    fn ask_weight(&mut self) {
        if self.target().is_some() {
            self.mode = KeyMode::Weight(String::new());
        }
    }

    /// The selected server and its balancer; sets a notice when no change is possible.
    fn target(&mut self) -> Option<(usize, String)> {
        let found = self.selected_line().map(|(at, line)| (at, line.kind, line.full_name()));
        let problem = match found {
            _ if self.read_only => "Read-only: started with --read-only",
            Some((at, RowKind::Server, name)) => return Some((at, name)),
            _ => "Select a server first: changes are for servers",
        };
        self.notice = Some((true, problem.to_owned()));
        None
    }

    fn selected_line(&self) -> Option<(usize, &TopRow)> {
        let selected = self.selected.as_ref()?;
        self.visible().into_iter().find(|(at, line)| key_of(*at, line) == *selected)
    }

    fn move_by(&mut self, step: isize) {
        let visible = self.visible();
        let last = visible.len().saturating_sub(1);
        let to = self.selected_at().unwrap_or(0).saturating_add_signed(step).min(last);
        let selected = visible.get(to).map(|(at, line)| key_of(*at, line));
        self.selected = selected;
    }
}

/// The text of a question, with its consequences.
fn question(asked: &str, left: Option<&RemainingServers>) -> String {
    match left.map(|left| (left.objection(), left)) {
        None => asked.to_owned(),
        Some((None, left)) => format!("{asked}\n{}; {}.", left.busy(), left.rest()),
        Some((Some(objection), _)) => format!("{asked}\n{objection}."),
    }
}

fn key_of(at: usize, line: &TopRow) -> RowKey {
    (at, line.proxy.clone(), line.name.clone())
}

// === impl Sort ===

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Configured => Self::State,
            Self::State => Self::Rate,
            Self::Rate => Self::InFlight,
            Self::InFlight => Self::Errors,
            Self::Errors => Self::Name,
            Self::Name => Self::Configured,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Configured => "as configured",
            Self::State => "worst first",
            Self::Rate => "rate",
            Self::InFlight => "in flight",
            Self::Errors => "errors",
            Self::Name => "name",
        }
    }
}
