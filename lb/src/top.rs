//! `lb top`: the dashboard in a terminal. It reads runtime sockets every second, shows what is up, draining and down and why, and gives
//! orders that were confirmed.
//!
//! [`model`] is all state and what keys do to it, [`view`] draws it, [`rows`] reads `show stat`; none of them does anything else, so that
//! they are tested without a terminal. Here are the threads, the terminal and its restoration. Nothing here knows more of a balancer than
//! its socket tells.

mod model;
mod rows;
mod view;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::ctl;
use model::{Effect, Model, PendingOrder, Poll};

/// Input of the main loop.
enum TopMessage {
    Key(event::KeyEvent),
    Resized,
    Polled(usize, Result<Poll, String>),
    /// Result of a change.
    Done(Result<String, String>),
    /// A signal arrived, or the keyboard is gone.
    End,
}

/// Options of the command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// Runtime sockets.
    pub sockets: Vec<PathBuf>,
    /// Refresh interval.
    pub interval: Duration,
    /// All changes are disabled.
    pub read_only: bool,
    /// Without colors.
    pub plain: bool,
}

/// Runs until `q`, then restores the terminal, even after an error.
///
/// # Errors
/// There is no terminal, or it failed.
pub fn run(options: &Options) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let result = show(options, &mut terminal);
    // An earlier error is more important.
    let restored = ratatui::try_restore();
    result.and(restored)
}

fn show(options: &Options, terminal: &mut ratatui::DefaultTerminal) -> io::Result<()> {
    let (told, messages) = channel();
    let feeds: Vec<_> = options
        .sockets
        .iter()
        .enumerate()
        .map(|(at, socket)| feed(at, socket, options.interval, &told))
        .collect();
    keys(told.clone());
    signals(told.clone());
    let names = options.sockets.iter().map(|socket| socket.display().to_string()).collect();
    let mut model = Model::new(names, options.read_only, options.plain);
    loop {
        terminal.draw(|frame| view::draw(&model, frame))?;
        let Ok(message) = messages.recv() else { return Ok(()) };
        let effect = match message {
            TopMessage::Key(key) => model.key(key),
            TopMessage::Resized => Effect::None,
            TopMessage::Polled(at, poll) => {
                model.polled(at, poll);
                Effect::None
            }
            TopMessage::Done(result) => {
                model.done(result);
                Effect::None
            }
            TopMessage::End => Effect::Quit,
        };
        match effect {
            Effect::None => {}
            Effect::Quit => return Ok(()),
            Effect::Give(action) => give(options, action, &feeds, &told),
        }
    }
}

/// Polls a socket every `interval` and on request; ends with the main loop.
fn feed(at: usize, socket: &std::path::Path, interval: Duration, told: &Sender<TopMessage>) -> Sender<()> {
    let (again, asked): (Sender<()>, Receiver<()>) = channel();
    let (socket, told) = (socket.to_owned(), told.clone());
    std::thread::spawn(move || {
        loop {
            let poll = ctl::ask(&socket, "show info").and_then(|info| {
                let stat = ctl::ask(&socket, "show stat")?;
                // HAProxy and older versions of lb do not know this command.
                let versions = ctl::ask(&socket, "show versions").unwrap_or_default();
                Ok(Poll::read(&info, &stat, &versions))
            });
            if told.send(TopMessage::Polled(at, poll)).is_err() {
                return;
            }
            if asked.recv_timeout(interval) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    });
    again
}

fn keys(told: Sender<TopMessage>) {
    std::thread::spawn(move || {
        loop {
            let message = match event::read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => TopMessage::Key(key),
                Ok(Event::Resize(..)) => TopMessage::Resized,
                Ok(_) => continue,
                Err(_) => TopMessage::End,
            };
            let over = matches!(message, TopMessage::End);
            if told.send(message).is_err() || over {
                return;
            }
        }
    });
}

/// Sends `End` on a signal, so that the terminal is restored before the process ends.
fn signals(told: Sender<TopMessage>) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
            let [Ok(mut term), Ok(mut int), Ok(mut hup)] = kinds.map(signal) else { return };
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
                _ = hup.recv() => {}
            }
        });
        // Fails only when the main loop has ended.
        let _ = told.send(TopMessage::End);
    });
}

/// Sends a change on a separate thread, then polls again.
fn give(options: &Options, action: PendingOrder, feeds: &[Sender<()>], told: &Sender<TopMessage>) {
    let Some(socket) = options.sockets.get(action.socket).cloned() else { return };
    let (told, again) = (told.clone(), feeds.get(action.socket).cloned());
    std::thread::spawn(move || {
        let done = ctl::ask(&socket, &action.command).map(|_| action.said);
        // Both fail only when the main loop has ended.
        let _ = told.send(TopMessage::Done(done));
        let _ = again.map(|again| again.send(()));
    });
}
