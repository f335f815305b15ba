//! The table of floors in `ARCHITECTURE.md`, read strictly: a row that is not understood is a fault.

/// Where a module lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Floor {
    pub(crate) level: u32,
    /// `data` or `control`, on the floor that has two sides.
    pub(crate) side: Option<String>,
}

/// Modules and their floors, in the order of the table.
pub(crate) type Table = Vec<(String, Floor)>;

/// Reads the table whose heading is `| floor | module | …`.
pub(crate) fn read(page: &str) -> Result<Table, String> {
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| floor | module |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let table = rows.map(|row| read_row(row).ok_or_else(|| format!("not a row of floors: {row}")));
    let table = table.collect::<Result<Table, _>>()?;
    if table.is_empty() {
        return Err("there is no table `| floor | module | …`".to_owned());
    }
    match table.iter().enumerate().find(|(at, row)| table[..*at].iter().any(|other| other.0 == row.0)) {
        Some((_, (module, _))) => Err(format!("`{module}` has two rows")),
        None => Ok(table),
    }
}

fn read_row(row: &str) -> Option<(String, Floor)> {
    let mut cells = row.trim_matches('|').split('|').map(str::trim);
    let (floor, module) = (cells.next()?, cells.next()?);
    let (level, side) = match floor.split_once(' ') {
        Some((level, side)) => (level, Some(side.to_owned())),
        None => (floor, None),
    };
    let module = module.strip_prefix('`')?.strip_suffix('`')?;
    Some((module.to_owned(), Floor { level: level.parse().ok()?, side }))
}

#[test]
fn a_table_is_read_or_refused() {
    let page = "words\n| floor | module | what |\n|---|---|---|\n| 0 | `config` | x |\n| 5 data | `proxy` | y |\n\n| 9 | z |";
    let floor = |level, side: Option<&str>| Floor { level, side: side.map(Into::into) };
    let rows = [("config".into(), floor(0, None)), ("proxy".into(), floor(5, Some("data")))];
    assert_eq!(read(page).unwrap(), rows);
    for broken in [
        "",
        "| floor | module |\n|---|---|\n| x | `config` |",
        "| floor | module |\n|---|---|\n| 1 | config |",
    ] {
        assert!(read(broken).is_err(), "{broken}");
    }
    assert!(read("| floor | module |\n|---|---|\n| 1 | `a` |\n| 2 | `a` |").is_err());
}
