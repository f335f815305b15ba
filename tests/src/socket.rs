//! The client side of the runtime socket, and `show stat` as rows.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::within;

/// The answer to `show stat`.
#[derive(Debug, Clone)]
pub struct Rows(Vec<Row>);

/// A row of it, by column name.
#[derive(Debug, Clone)]
pub struct Row(HashMap<String, String>);

/// Sends bytes, does not half-close, and returns everything until the other side closes.
pub(crate) async fn ask(socket: &Path, bytes: &[u8]) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(bytes).await?;
    let mut answer = String::new();
    within("an answer on the runtime socket", stream.read_to_string(&mut answer)).await?;
    Ok(answer)
}

// === impl Rows ===

impl Rows {
    /// Reads the CSV.
    ///
    /// # Panics
    /// When it is none, or a row has another number of fields than the header: tools refuse that, too.
    pub fn parse(csv: &str) -> Self {
        let mut lines = csv.lines().filter(|line| !line.is_empty());
        let header = lines.next().and_then(|line| line.strip_prefix("# ")).expect("a header");
        let columns: Vec<_> = header.split(',').collect();
        let rows = lines.map(|line| {
            let fields = split(line);
            assert_eq!(fields.len(), columns.len(), "fields of {line:?}");
            Row(columns.iter().map(ToString::to_string).zip(fields).collect())
        });
        Self(rows.collect())
    }

    /// The row of a server, of `BACKEND` or of `FRONTEND`.
    ///
    /// # Panics
    /// When there is none.
    pub fn row(&self, proxy: &str, server: &str) -> &Row {
        self.find(proxy, server).unwrap_or_else(|| panic!("no row {proxy}/{server}"))
    }

    /// The row of a server, if there is one.
    pub fn find(&self, proxy: &str, server: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.text("pxname") == proxy && row.text("svname") == server)
    }
}

// === impl Row ===

impl Row {
    /// A column as text.
    ///
    /// # Panics
    /// When there is no such column.
    pub fn text(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column}"))
    }

    /// A column as a number.
    ///
    /// # Panics
    /// When it is none.
    pub fn number(&self, column: &str) -> u64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("{column} is {:?}", self.text(column)))
    }

    /// Whether nothing is in flight and nothing waits: what a deployment waits for.
    pub fn is_drained(&self) -> bool {
        self.number("scur") == 0 && self.number("qcur") == 0
    }
}

/// The fields of a CSV line, quotes taken off.
fn split(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_by_column_name() {
        let rows = Rows::parse("# pxname,svname,scur,qcur,\nbe,\"a,b\",0,0,\n\n");
        assert!(rows.row("be", "a,b").is_drained());
        assert!(rows.find("be", "c").is_none());
    }
}
