//! Draws the model: pure, so that tests draw it into a buffer. Without colours it says the same by words and bold letters.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, TableState};

use super::model::{Balancer, HISTORY, Mode, Model, Sort};
use super::rows::{Kind, Line, Mood};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How wide the table has to be for each column: name, state and why are there in the narrowest.
const NEEDS: [u16; 11] = [0, 0, 0, 100, 60, 70, 60, 120, 70, 100, 0];
/// Troubles that are listed above the table.
const TROUBLES: usize = 3;
const HELP: &str = "
 up, down, j, k    select               PgUp, PgDn, Home, End
 d                 drain: only what sticks to the server still comes
 m                 maint: nothing new, what is in flight ends
 r                 ready: back into service
 w                 weight, as a number or in per cent
 /                 show what contains a text; Esc shows all
 s                 sort: as configured, worst first, rate, in flight, errors, name
 q                 quit

 Orders are asked for once more before they are given.
 WHY is the last check: finding, code, what the server said, time it took.
 RATE is a second's, with the last looks behind it. MS is the mean time to the response, and of the whole.
 Any key closes this.";

/// Draws everything.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let troubles = troubles(model);
    let heads = u16::try_from(model.balancers.len() + troubles.len()).unwrap_or(u16::MAX);
    let parts = [Constraint::Length(heads), Constraint::Min(3), Constraint::Length(1)];
    let [head, table, foot] = Layout::vertical(parts).areas(frame.area());
    let mut lines: Vec<_> = model.balancers.iter().map(|balancer| summary(model, balancer)).collect();
    lines.extend(troubles);
    frame.render_widget(Paragraph::new(lines), head);
    rows(model, frame, table);
    frame.render_widget(Paragraph::new(footer(model)), foot);
    match &model.mode {
        Mode::Confirm(action) => {
            popup(frame, "Sure?", &format!("{}\n\n  y  yes      n  no", action.question));
        }
        Mode::Help => popup(frame, "Keys", HELP.trim_start_matches('\n')),
        _ => {}
    }
}

fn summary(model: &Model, balancer: &Balancer) -> Text<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    if let Some(error) = &balancer.error {
        let text = format!("{}: {}", balancer.socket, error.trim_start_matches("lb: ").replace('\n', " "));
        return Text::from(Span::styled(text, colour(model, Mood::Down)));
    }
    let info = &balancer.info;
    if info.version.is_empty() {
        return Text::from(format!("{}: asked, no answer yet", balancer.socket));
    }
    let stopping = if info.stopping { "  STOPPING" } else { "" };
    Text::from(vec![
        Span::styled(if info.node.is_empty() { balancer.socket.clone() } else { info.node.clone() }, bold),
        Span::raw(format!(
            "  {}  up {}  connections {}/{}  {}/s{stopping}",
            info.version, info.uptime, info.connections, info.maxconn, info.rate
        )),
    ])
}

/// What is wrong, in whole sentences, before anything else.
fn troubles(model: &Model) -> Vec<Text<'static>> {
    let all = model.balancers.iter().flat_map(|balancer| &balancer.lines);
    let wrong: Vec<_> = all.filter(|line| line.is_trouble() && line.kind != Kind::Frontend).collect();
    let mut texts: Vec<_> = wrong
        .iter()
        .take(TROUBLES)
        .map(|line| {
            let since = line.since.map(|since| format!(" for {}", age(since))).unwrap_or_default();
            let why = if line.why.is_empty() { String::new() } else { format!(": {}", line.why) };
            let text = format!("! {} is {}{since}{why}", line.full_name(), line.status);
            Text::from(Span::styled(text, colour(model, line.mood)))
        })
        .collect();
    if wrong.len() > TROUBLES {
        texts.push(Text::from(format!("! and {} more: s sorts the worst first", wrong.len() - TROUBLES)));
    }
    texts
}

fn rows(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let visible = model.visible();
    let right = |text: &str| Cell::from(Text::from(text.to_owned()).alignment(Alignment::Right));
    let titles = ["NAME", "STATE", "SINCE", "WEIGHT", "NOW", "QUEUE", "RATE", "", "ERRORS", "MS", "WHY"];
    let shown = |place: &usize| area.width >= NEEDS[*place];
    let header = Row::new((0..titles.len()).filter(shown).map(|place| match titles[place] {
        title @ ("NAME" | "STATE" | "" | "WHY") => Cell::from(title),
        title => right(title),
    }));
    let header = header.style(Style::new().add_modifier(Modifier::UNDERLINED));
    let body = visible.iter().map(|(at, line)| {
        let number = |value: Option<u64>| right(&value.map(|value| value.to_string()).unwrap_or_default());
        let zero = |value: u64| number((value > 0).then_some(value));
        let times = line.times.map(|(response, total)| format!("{response}/{total}")).unwrap_or_default();
        let bold = Style::new().add_modifier(if line.kind == Kind::Server {
            Modifier::empty()
        } else {
            Modifier::BOLD
        });
        let cells = [
            Cell::from(name(model, *at, line)).style(bold),
            Cell::from(line.status.clone()).style(colour(model, line.mood)),
            right(&line.since.map(age).unwrap_or_default()),
            number(line.weight),
            zero(line.in_flight),
            zero(line.queue),
            right(&line.rate.to_string()),
            Cell::from(sparkline(&model.rates(*at, line))),
            zero(line.errors),
            right(&times),
            Cell::from(line.why.clone()),
        ];
        Row::new(cells.into_iter().enumerate().filter(|(place, _)| shown(place)).map(|(_, cell)| cell))
    });
    let longest = visible.iter().map(|(at, line)| name(model, *at, line).chars().count()).max().unwrap_or(0);
    let widths = [
        Constraint::Length(u16::try_from(longest).unwrap_or(40).clamp(10, 40)),
        Constraint::Length(12),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(5),
        Constraint::Length(5),
        Constraint::Length(6),
        Constraint::Length(u16::try_from(HISTORY).unwrap_or(16)),
        Constraint::Length(6),
        Constraint::Length(11),
        Constraint::Min(10),
    ];
    let widths = widths.into_iter().enumerate().filter(|(place, _)| shown(place)).map(|(_, width)| width);
    let table = Table::new(body, widths)
        .header(header)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .highlight_symbol("> ");
    let mut state = TableState::default().with_selected(model.selected_at());
    frame.render_stateful_widget(table, area, &mut state);
}

/// What a line is called: servers stand below their backend as long as they are told as configured.
fn name(model: &Model, at: usize, line: &Line) -> String {
    let several = if model.balancers.len() > 1 { format!("{at}: ") } else { String::new() };
    let name = match line.kind {
        Kind::Server if model.sort == Sort::Configured => format!("  {}", line.name),
        Kind::Server => format!("  {}", line.full_name()),
        Kind::Frontend => format!("{} (frontend)", line.proxy),
        Kind::Backend => format!("{} (backend)", line.proxy),
    };
    several + &name
}

fn footer(model: &Model) -> Text<'static> {
    match &model.mode {
        Mode::Filter => return Text::from(format!("show what contains: {}_", model.filter)),
        Mode::Weight(text) => {
            return Text::from(format!("weight (0 to 256, or 50%): {text}_   Enter goes on, Esc leaves"));
        }
        _ => {}
    }
    if let Some((refused, text)) = &model.notice {
        let mood = if *refused { Mood::Down } else { Mood::Up };
        return Text::from(Span::styled(text.replace('\n', " "), colour(model, mood)));
    }
    let orders = if model.read_only { "read only" } else { "d drain  m maint  r ready  w weight" };
    let filter = if model.filter.is_empty() { String::new() } else { format!("  [{}]", model.filter) };
    Text::from(format!("{orders}  / filter{filter}  s sort: {}  ? help  q quit", model.sort.word()))
}

/// A box in the middle.
fn popup(frame: &mut Frame<'_>, title: &str, text: &str) {
    let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0) + 4;
    let height = text.lines().count() + 2;
    let area = frame.area();
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(area.height);
    let place = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(format!(" {title} "));
    frame.render_widget(Paragraph::new(text.to_owned()).block(block), place);
}

/// `▁▃▇`, as high as the highest of them.
fn sparkline(rates: &[u64]) -> String {
    let most = rates.iter().copied().max().unwrap_or(0).max(1);
    let bar = |rate: u64| {
        let step = usize::try_from(rate.saturating_mul(BARS.len() as u64 - 1) / most).unwrap_or(0);
        BARS.get(step).copied().unwrap_or('█')
    };
    rates.iter().map(|rate| if *rate == 0 { ' ' } else { bar(*rate) }).collect()
}

/// `12s`, `5m`, `3h`, `2d`.
fn age(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds}s"),
        100..6000 => format!("{}m", seconds / 60),
        6000..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn colour(model: &Model, mood: Mood) -> Style {
    let style = Style::new();
    if model.plain {
        return if mood == Mood::Up { style } else { style.add_modifier(Modifier::BOLD) };
    }
    match mood {
        Mood::Down => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        Mood::Shaky => style.fg(Color::LightYellow).add_modifier(Modifier::BOLD),
        Mood::Out => style.fg(Color::Magenta),
        Mood::Draining => style.fg(Color::Cyan),
        Mood::Up => style.fg(Color::Green),
    }
}
