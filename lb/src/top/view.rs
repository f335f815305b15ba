//! Draws the model. Without colors, words and bold letters carry the same information.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, TableState};

use super::model::{Balancer, HISTORY, KeyMode, Model, Sort};
use super::rows::{Mood, RowKind, TopRow};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Maximum number of troubles listed above the table.
const TROUBLES: usize = 3;
/// Fits a terminal of 80 by 24, with the box around it.
const HELP: &str = "
 up, down, j, k    select            PgUp, PgDn, Home, End
 d                 drain: no new requests except from sticky clients
 m                 maintenance: no new requests, those in flight finish
 r                 ready: back into service
 w                 weight, as a number or in per cent
 /                 filter by text; Esc shows all
 s                 sort: as configured, worst first, rate, in flight,
                   errors, name
 q                 quit

 Every change asks for confirmation. The last usable server of a
 backend is only taken out with f, force.
 WHY      last check: finding, code, what the server said, time
 RATE     requests/s, with the last ones behind it
 MS       mean time to the response, and of the whole
 VERSION  as the answers to checks tell it
 Any key closes this.";

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TopColumn {
    Node,
    Name,
    State,
    Since,
    Version,
    Weight,
    Now,
    Queue,
    Rate,
    Rates,
    Errors,
    Times,
    Why,
}

/// Draws everything.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let troubles = troubles(model);
    let heads = u16::try_from(model.balancers.len() + troubles.len()).unwrap_or(u16::MAX);
    let parts = [Constraint::Length(heads), Constraint::Min(3), Constraint::Length(1)];
    let [head, table, foot] = Layout::vertical(parts).areas(frame.area());
    let mut lines: Vec<_> = (0..model.balancers.len()).map(|at| summary(model, at)).collect();
    lines.extend(troubles);
    frame.render_widget(Paragraph::new(lines), head);
    rows(model, frame, table);
    frame.render_widget(Paragraph::new(footer(model)), foot);
    match &model.mode {
        KeyMode::Confirm(action) => {
            let keys = if action.needs_force { "  f  force    n  no" } else { "  y  yes      n  no" };
            popup(frame, "Sure?", &format!("{}\n\n{keys}", action.question));
        }
        KeyMode::Help => popup(frame, "Keys", HELP.trim_start_matches('\n')),
        _ => {}
    }
}

fn summary(model: &Model, at: usize) -> Text<'static> {
    let Some(Balancer { socket, info, lines, error, answered, .. }) = model.balancers.get(at) else {
        return Text::default();
    };
    let label = model.label(at);
    if let Some(error) = error {
        // The error begins with the socket's name.
        let error = error.trim_start_matches("lb: ").replace('\n', " ");
        let error = error.strip_prefix(&format!("{socket}: ")).unwrap_or(&error);
        let text = match answered {
            None => format!("{label}: {error}"),
            Some(answered) => {
                let old = age(answered.elapsed().as_secs());
                format!("{label}: no answer for {old}, values below are that old: {error}")
            }
        };
        return Text::from(Span::styled(text, color(model, Mood::Down)));
    }
    if info.version.is_empty() {
        return Text::from(format!("{label}: asked, no answer yet"));
    }
    let stopping = if info.stopping { "  STOPPING" } else { "" };
    let rate: u64 = lines.iter().filter(|line| line.kind == RowKind::Frontend).map(|line| line.rate).sum();
    Text::from(vec![
        Span::styled(label.to_owned(), Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!(
            "  {}  up {}  connections {}/{}  {rate} requests/s{stopping}",
            info.version, info.uptime, info.connections, info.maxconn
        )),
    ])
}

/// Troubles as sentences, shown first.
fn troubles(model: &Model) -> Vec<Text<'static>> {
    let all = model.balancers.iter().flat_map(|balancer| &balancer.lines);
    let wrong: Vec<_> = all.filter(|line| line.is_trouble() && line.kind != RowKind::Frontend).collect();
    let mut texts: Vec<_> = wrong
        .iter()
        .take(TROUBLES)
        .map(|line| {
            let since = line.since.map(|since| format!(" for {}", age(since))).unwrap_or_default();
            let why = if line.why.is_empty() { String::new() } else { format!(": {}", line.why) };
            let text = format!("! {} is {}{since}{why}", line.full_name(), line.status);
            Text::from(Span::styled(text, color(model, line.mood)))
        })
        .collect();
    if wrong.len() > TROUBLES {
        texts.push(Text::from(format!(
            "! and {} more: press s to see the worst first",
            wrong.len() - TROUBLES
        )));
    }
    texts
}

/// The columns that fit `width`. Name, state and reason are always shown.
fn columns(model: &Model, width: u16) -> Vec<(TopColumn, &'static str, Constraint)> {
    let all = || model.balancers.iter().flat_map(|balancer| &balancer.lines);
    let longest = |lengths: &mut dyn Iterator<Item = usize>, least: u16, most: u16| {
        let most = most.max(least);
        Constraint::Length(u16::try_from(lengths.max().unwrap_or(0)).unwrap_or(most).clamp(least, most))
    };
    let letters = |text: &str| text.chars().count();
    let names = longest(&mut all().map(|line| letters(&name(model, line))), 10, (width / 4).min(40));
    let versions = longest(&mut all().map(|line| letters(&line.version)), 7, 12);
    let has_versions = all().any(|line| !line.version.is_empty());
    let several = model.balancers.len() > 1;
    let nodes = longest(&mut (0..model.balancers.len()).map(|at| letters(model.label(at))), 4, width / 7);
    let history = u16::try_from(HISTORY).unwrap_or(16);
    let fixed = Constraint::Length;
    let columns = [
        (several, TopColumn::Node, "NODE", nodes),
        (true, TopColumn::Name, "NAME", names),
        (true, TopColumn::State, "STATE", fixed(12)),
        ((!several && !has_versions) || width >= 90, TopColumn::Since, "SINCE", fixed(6)),
        (has_versions, TopColumn::Version, "VERSION", versions),
        (width >= 100, TopColumn::Weight, "WEIGHT", fixed(6)),
        (width >= 60, TopColumn::Now, "NOW", fixed(5)),
        (width >= if has_versions { 90 } else { 70 }, TopColumn::Queue, "QUEUE", fixed(5)),
        (width >= 60, TopColumn::Rate, "RATE", fixed(6)),
        (width >= 120, TopColumn::Rates, "", fixed(history)),
        (width >= 70, TopColumn::Errors, "ERRORS", fixed(6)),
        (width >= 100, TopColumn::Times, "MS", fixed(11)),
        (true, TopColumn::Why, "WHY", Constraint::Min(10)),
    ];
    let shown = columns.into_iter().filter(|(shown, ..)| *shown);
    shown.map(|(_, column, title, width)| (column, title, width)).collect()
}

fn rows(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let visible = model.visible();
    let right = |text: &str| Cell::from(Text::from(text.to_owned()).alignment(Alignment::Right));
    let columns = columns(model, area.width);
    let room = |wanted: TopColumn| {
        let found = columns.iter().find(|(column, ..)| *column == wanted);
        found.map_or(0, |(_, _, width)| match width {
            Constraint::Length(width) => usize::from(*width),
            _ => 0,
        })
    };
    let (name_room, node_room, version_room) =
        (room(TopColumn::Name), room(TopColumn::Node), room(TopColumn::Version));
    let header = Row::new(columns.iter().map(|(column, title, _)| match column {
        TopColumn::Node
        | TopColumn::Name
        | TopColumn::State
        | TopColumn::Version
        | TopColumn::Rates
        | TopColumn::Why => Cell::from(*title),
        _ => right(title),
    }));
    let header = header.style(Style::new().add_modifier(Modifier::UNDERLINED));
    let body = visible.iter().map(|(at, line)| {
        let number = |value: Option<u64>| right(&value.map(|value| value.to_string()).unwrap_or_default());
        let zero = |value: u64| number((value > 0).then_some(value));
        let times = line.times.map(|(response, total)| format!("{response}/{total}")).unwrap_or_default();
        let bold = Style::new().add_modifier(if line.kind == RowKind::Server {
            Modifier::empty()
        } else {
            Modifier::BOLD
        });
        let cell = |column: TopColumn| match column {
            TopColumn::Node => Cell::from(shortened(model.label(*at), node_room)),
            TopColumn::Name => Cell::from(shortened(&name(model, line), name_room)).style(bold),
            TopColumn::State => Cell::from(line.status.clone()).style(color(model, line.mood)),
            TopColumn::Since => right(&line.since.map(age).unwrap_or_default()),
            TopColumn::Version => Cell::from(shortened(&line.version, version_room)),
            TopColumn::Weight => number(line.weight),
            TopColumn::Now => zero(line.in_flight),
            TopColumn::Queue => zero(line.queue),
            TopColumn::Rate => right(&line.rate.to_string()),
            TopColumn::Rates => Cell::from(sparkline(&model.rates(*at, line))),
            TopColumn::Errors => zero(line.errors),
            TopColumn::Times => right(&times),
            TopColumn::Why => Cell::from(line.why.clone()),
        };
        let row = Row::new(columns.iter().map(|(column, ..)| cell(*column)));
        if model.is_old(*at) { row.style(Style::new().add_modifier(Modifier::DIM)) } else { row }
    });
    let table = Table::new(body, columns.iter().map(|(_, _, width)| *width))
        .header(header)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .highlight_symbol("> ");
    let mut state = TableState::default().with_selected(model.selected_at());
    frame.render_stateful_widget(table, area, &mut state);
}

/// The name of a line. Servers are listed below their backend unless the table is sorted by trouble.
fn name(model: &Model, line: &TopRow) -> String {
    match line.kind {
        RowKind::Server if model.sort == Sort::Configured => format!("  {}", line.name),
        RowKind::Server => format!("  {}", line.full_name()),
        RowKind::Frontend => format!("{} (frontend)", line.proxy),
        RowKind::Backend => format!("{} (backend)", line.proxy),
    }
}

/// Shortens a name to `room` characters at its beginning, where names differ least.
fn shortened(name: &str, room: usize) -> String {
    let letters = name.chars().count();
    if letters <= room {
        return name.to_owned();
    }
    let inset: String = name.chars().take_while(|letter| *letter == ' ').collect();
    let kept = room.saturating_sub(inset.len() + 1);
    let end: String = name.chars().skip(letters - kept.min(letters)).collect();
    format!("{inset}…{end}")
}

fn footer(model: &Model) -> Text<'static> {
    match &model.mode {
        KeyMode::Filter => return Text::from(format!("filter by text: {}_", model.filter)),
        KeyMode::Weight(text) => {
            return Text::from(format!(
                "weight (0 to 256, or 50%): {text}_   Enter to continue, Esc to cancel"
            ));
        }
        _ => {}
    }
    if let Some((refused, text)) = &model.notice {
        let mood = if *refused { Mood::Down } else { Mood::Up };
        return Text::from(Span::styled(text.replace('\n', " "), color(model, mood)));
    }
    let orders = if model.read_only { "read only" } else { "d drain  m maint  r ready  w weight" };
    let filter = if model.filter.is_empty() { String::new() } else { format!("  [{}]", model.filter) };
    Text::from(format!("{orders}  / filter{filter}  s {}  ? help  q quit", model.sort.word()))
}

/// A centered box.
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

/// `▁▃▇`, scaled to the highest value.
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

fn color(model: &Model, mood: Mood) -> Style {
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
