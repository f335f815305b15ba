//! One connection: reads lines, writes replies.
//!
//! It ends after the first line unless the client asked for more, never waits for the client to close first, and
//! holds at most one line and one reply.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::answer::{CommandOutput, Report, TextParts};
use super::commands::{self, Run};
use super::input::{Input, InputEvent};
use super::line::{self, CommandLine, MOST_WORDS};
use super::session::{Session, SessionMode};
use crate::readers::{Readers, Refused, Rendering};

/// Maximum size of a payload, bytes.
const LARGEST_PAYLOAD: usize = 128 * 1024;
/// Maximum length of the word that ends a payload.
const LONGEST_MARK: usize = 64;
/// Time and bytes that are still read after the last reply.
const LINGER: (Duration, usize) = (Duration::from_secs(1), 1 << 20);

const LINE_TOO_LONG: &str = "The command line is too big for the buffer size. Please change 'tune.bufsize' in the \
     configuration to use a bigger command.\n";
const BUSY: &str = "Too many ask for reports at once, or do not read them: ask again in a moment.";
const NOT_HTTP: &str = "This is the runtime socket, which does not speak HTTP: the connection ends.";
const CONTROL_CHARACTER: &str = "Control characters are not permitted in commands.";
const TOO_MANY_WORDS: &str = "Too many arguments. Commands must have at most 64 arguments.";

/// Output of a command.
enum QueuedOutput {
    Answer(CommandOutput),
    Report(Report),
}

/// Serves one connection to its end, or until it has to make room for another.
pub(super) async fn run(stream: impl AsyncRead + AsyncWrite + Unpin, mut session: Session) {
    let (reader, mut output) = tokio::io::split(stream);
    let mut input = Input::new(reader);
    let place = Arc::clone(&session.place);
    let served = async {
        // An error means that the client is gone.
        let _ = converse(&mut input, &mut output, &mut session).await;
        session.place.leaves();
        let _ = output.shutdown().await;
        let _ = timeout(LINGER.0, input.drain(LINGER.1)).await;
    };
    tokio::select! {
        () = served => {}
        () = place.ended() => {}
    }
}

async fn converse<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    input: &mut Input<R>,
    output: &mut W,
    session: &mut Session,
) -> io::Result<()> {
    loop {
        let line = match input.line(session.idle).await {
            InputEvent::Line(line) => line,
            InputEvent::TooLong => return send(output, session, LINE_TOO_LONG).await,
            InputEvent::Closed => return Ok(()),
        };
        session.place.waits();
        if line::is_http(&line) {
            // A page of another site can make a browser send this: nothing after it may be carried
            // out.
            let refusal = CommandOutput::error(NOT_HTTP);
            return send(output, session, &refusal.render(session.prefix)).await;
        }
        let CommandLine { commands, payload } = line::parse(&line);
        if let Some(mark) = payload
            && !skip_payload(input, output, session, &mark).await?
        {
            return Ok(());
        }
        for words in commands {
            session.place.works();
            match answer(session, input, &words).await {
                QueuedOutput::Answer(CommandOutput::Quit) => return Ok(()),
                QueuedOutput::Answer(answer) => tell(output, session, &answer).await?,
                QueuedOutput::Report(report) => report_to(output, session, report).await?,
            }
        }
        if session.mode == SessionMode::Single {
            return Ok(());
        }
        send(output, session, &session.prompt()).await?;
        session.place.rests();
    }
}

async fn answer<R: AsyncRead + Unpin>(
    session: &mut Session,
    input: &mut Input<R>,
    words: &[String],
) -> QueuedOutput {
    if words.is_empty() {
        return QueuedOutput::Answer(CommandOutput::Done);
    }
    if words.len() > MOST_WORDS {
        return QueuedOutput::Answer(CommandOutput::error(TOO_MANY_WORDS));
    }
    if words.iter().any(|word| word.contains(char::is_control)) {
        return QueuedOutput::Answer(CommandOutput::error(CONTROL_CHARACTER));
    }
    let (entry, arguments) = match commands::find(words, session.level) {
        Ok(found) => found,
        Err(refusal) => return QueuedOutput::Answer(refusal),
    };
    QueuedOutput::Answer(match entry.run {
        Run::Now(run) => run(session, arguments),
        Run::Report(run) => match run(session, arguments) {
            Ok(report) => return QueuedOutput::Report(report),
            Err(answer) => answer,
        },
        Run::Later(run) => run(session, arguments).await,
        Run::Wait(run) => match run(arguments) {
            Ok(wait) => wait.run(&session.control, input.closed()).await,
            Err(answer) => answer,
        },
    })
}

/// Sends a reply, which counts as held while it is being sent.
async fn tell<W: AsyncWrite + Unpin>(
    output: &mut W,
    session: &Session,
    answer: &CommandOutput,
) -> io::Result<()> {
    let held = session.control.readers().hold(answer.render(session.prefix));
    send(output, session, held.text()).await
}

/// Renders and sends a report.
async fn report_to<W: AsyncWrite + Unpin>(
    output: &mut W,
    session: &Session,
    report: Report,
) -> io::Result<()> {
    let readers = session.control.readers();
    match report {
        Report::Whole(key, make) => match readers.rendering(key, make).await {
            Ok(rendering) => send_dump(output, session, &rendering).await,
            Err(Refused::Said(text)) => tell(output, session, &CommandOutput::error(text)).await,
            Err(Refused::Busy) => tell(output, session, &CommandOutput::error(BUSY)).await,
        },
        Report::Parts(mut parts) => {
            // If rendering a part panicked, the panic has been printed.
            while let Some((rest, Some(part))) = next(readers, parts).await {
                parts = rest;
                send(output, session, &part).await?;
                session.place.works();
            }
            send(output, session, "\n").await
        }
    }
}

/// Renders the next part.
async fn next(
    readers: &Readers,
    mut parts: Box<dyn TextParts>,
) -> Option<(Box<dyn TextParts>, Option<String>)> {
    let made = move || {
        let part = parts.next();
        (parts, part)
    };
    readers.part(made).await
}

/// Sends a report as [`CommandOutput::Dump`] is sent.
async fn send_dump<W: AsyncWrite + Unpin>(
    output: &mut W,
    session: &Session,
    rendering: &Rendering,
) -> io::Result<()> {
    match rendering.text().trim_end_matches('\n') {
        "" => send(output, session, "\n").await,
        text => {
            send(output, session, text).await?;
            send(output, session, "\n\n").await
        }
    }
}

/// Reads to the end of a payload; returns whether it was complete. No command uses one; HAProxy ignores it for
/// such commands, too.
async fn skip_payload<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    input: &mut Input<R>,
    output: &mut W,
    session: &Session,
    mark: &str,
) -> io::Result<bool> {
    if mark.len() > LONGEST_MARK {
        let refusal = CommandOutput::error("The word that ends a payload may have at most 64 characters.");
        return send(output, session, &refusal.render(session.prefix)).await.map(|()| false);
    }
    let mut left = LARGEST_PAYLOAD;
    loop {
        if session.mode == SessionMode::Prompt {
            send(output, session, "+ ").await?;
        }
        let InputEvent::Line(line) = input.line(session.idle).await else { return Ok(false) };
        if line.strip_suffix(b"\r").unwrap_or(&line) == mark.as_bytes() {
            return Ok(true);
        }
        let Some(rest) = left.checked_sub(line.len() + 1) else {
            let refusal = CommandOutput::error("The payload is larger than 128 kB.");
            return send(output, session, &refusal.render(session.prefix)).await.map(|()| false);
        };
        left = rest;
    }
}

/// Writes all. A client that reads nothing within the idle limit is dropped.
async fn send<W: AsyncWrite + Unpin>(output: &mut W, session: &Session, text: &str) -> io::Result<()> {
    let mut bytes = text.as_bytes();
    session.place.sends();
    while !bytes.is_empty() {
        match timeout(session.idle, output.write(bytes)).await.map_err(|_| io::ErrorKind::TimedOut)?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
        session.place.progresses();
    }
    Ok(())
}
