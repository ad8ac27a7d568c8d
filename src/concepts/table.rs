//! Tables in CSV with a header, read so that every complaint names the file and the line.

use std::path::{Path, PathBuf};

use crate::data::decode::DECODED_LIMIT_BYTES;
use crate::error::{Error, Result};
use crate::files;

/// A table whose cells are text.
#[derive(Debug)]
pub(super) struct LabelTable {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl LabelTable {
    /// Reads the table at `path`: UTF-8, with or without a byte order mark, quoted as usual.
    pub(super) fn read(path: &Path) -> Result<LabelTable> {
        LabelTable::parse(path, &files::read_bounded(path, DECODED_LIMIT_BYTES)?)
    }

    /// The table in `bytes`; `path` is for messages.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<LabelTable> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header: Vec<String> =
            reader.headers().map_err(|error| explain(path, &error))?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| explain(path, &error))?;
            rows.push((record.position().map_or(0, csv::Position::line), record));
        }
        Ok(LabelTable { path: path.to_owned(), header, rows })
    }

    /// Names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            let found = self.header.join("`, `");
            Error::input(format!("columns are `{found}`; needs `{name}`")).at(self.path.display())
        })
    }

    /// The rows in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = LabelRow<'_>> {
        self.rows.iter().map(|(line, cells)| LabelRow { table: self, line: *line, cells })
    }
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct LabelRow<'a> {
    table: &'a LabelTable,
    line: u64,
    cells: &'a csv::StringRecord,
}

impl<'a> LabelRow<'a> {
    /// The text of a column; every row has as many cells as the header.
    pub(super) fn text(&self, column: usize) -> &'a str {
        self.cells.get(column).unwrap_or_default()
    }

    /// A label number, 0 to 65535.
    pub(super) fn label(&self, column: usize) -> Result<u16> {
        let text = self.text(column);
        text.parse().map_err(|_| {
            self.error(format!("{} is `{text}`; needs a whole number from 0 to 65535", self.table.header[column]))
        })
    }

    /// A finite number.
    pub(super) fn number(&self, column: usize) -> Result<f64> {
        let text = self.text(column);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.error(format!("{} is `{text}`; needs a number", self.table.header[column])))
    }

    /// A complaint about this row.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::input(message).at(format!("line {}", self.line)).at(self.table.path.display())
    }
}

fn explain(path: &Path, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8 text".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells; the header has {expected_len}")
        }
        _ => error.to_string(),
    };
    Error::input(message).at(format!("line {line}")).at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<LabelTable> {
        LabelTable::parse(Path::new("t.csv"), bytes)
    }

    #[test]
    fn cells_are_found_by_column_name_whatever_the_order_the_quotes_and_the_byte_order_mark() {
        let table = parse(b"\xef\xbb\xbfname, number\r\n\"tree, \"\"old\"\"\",7\r\n").unwrap();
        let row = table.rows().next().unwrap();
        assert_eq!(row.text(table.column("name").unwrap()), "tree, \"old\"");
        assert_eq!(row.label(table.column("number").unwrap()).unwrap(), 7);
    }

    #[test]
    fn complaints_name_the_file_the_line_and_what_was_found() {
        let says = |error: Error| error.to_string();
        assert_eq!(says(parse(b"a,b\n1,2\n3\n").unwrap_err()), "t.csv: line 3: has 1 cells; the header has 2");
        assert_eq!(says(parse(b"a,b\n1,2\n3,\xff\n").unwrap_err()), "t.csv: line 3: is not UTF-8 text");
        assert_eq!(says(parse(b"\xff\n").unwrap_err()), "t.csv: line 1: is not UTF-8 text");
        let table = parse(b"a,b\n-1,nan\n").unwrap();
        assert_eq!(says(table.column("c").unwrap_err()), "t.csv: columns are `a`, `b`; needs `c`");
        let row = table.rows().next().unwrap();
        assert_eq!(says(row.label(0).unwrap_err()), "t.csv: line 2: a is `-1`; needs a whole number from 0 to 65535");
        assert_eq!(says(row.number(1).unwrap_err()), "t.csv: line 2: b is `nan`; needs a number");
        assert!(says(parse(b"").unwrap().column("a").unwrap_err()).contains("needs `a`"));
    }
}
