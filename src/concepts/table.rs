//! Tables in CSV with a header, read row by row so that a table need not fit the memory, and every complaint names the file and the line.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;

/// A table of more bytes than this was not written for this program.
const TABLE_LIMIT_BYTES: u64 = 512 << 20;

/// A table whose cells are text.
pub(super) struct LabelTable {
    path: PathBuf,
    header: Vec<String>,
    reader: csv::Reader<Box<dyn Read>>,
}

impl LabelTable {
    /// Opens the table at `path`: UTF-8, with or without a byte order mark, quoted as usual.
    pub(super) fn open(path: &Path) -> Result<LabelTable> {
        LabelTable::new(path, BufReader::new(files::open_bounded(path, TABLE_LIMIT_BYTES)?))
    }

    /// The table that `text` holds; `path` is for messages.
    fn new(path: &Path, text: impl Read + 'static) -> Result<LabelTable> {
        let text: Box<dyn Read> = Box::new(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let header = reader.headers().map_err(|error| explain(path, &error))?.iter().map(str::to_owned).collect();
        Ok(LabelTable { path: path.to_owned(), header, reader })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
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

    /// Gives the rows in order to `take`, which may end it.
    pub(super) fn each(&mut self, mut take: impl FnMut(LabelRow<'_>) -> Result<()>) -> Result<()> {
        let mut cells = csv::StringRecord::new();
        while self.reader.read_record(&mut cells).map_err(|error| explain(&self.path, &error))? {
            let line = cells.position().map_or(0, csv::Position::line);
            take(LabelRow { path: &self.path, header: &self.header, line, cells: &cells })?;
        }
        Ok(())
    }
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct LabelRow<'a> {
    path: &'a Path,
    header: &'a [String],
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
            self.error(format!("{} is `{text}`; needs a whole number from 0 to 65535", self.header[column]))
        })
    }

    /// A finite number.
    pub(super) fn number(&self, column: usize) -> Result<f64> {
        let text = self.text(column);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.error(format!("{} is `{text}`; needs a number", self.header[column])))
    }

    /// A complaint about this row.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::input(message).at(format!("line {}", self.line)).at(self.path.display())
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

    fn open(bytes: &'static [u8]) -> Result<LabelTable> {
        LabelTable::new(Path::new("t.csv"), bytes)
    }

    /// What is said of the rows.
    fn says<T>(bytes: &'static [u8], of_row: impl Fn(LabelRow<'_>) -> Result<T>) -> Result<Vec<T>, String> {
        let mut found = Vec::new();
        let mut table = open(bytes).map_err(|error| error.to_string())?;
        table.each(|row| of_row(row).map(|value| found.push(value))).map_err(|error| error.to_string())?;
        Ok(found)
    }

    #[test]
    fn cells_are_found_by_column_name_whatever_the_order_the_quotes_and_the_byte_order_mark() {
        let text = b"\xef\xbb\xbfname, number\r\n\"tree, \"\"old\"\"\",7\r\n";
        let table = open(text).unwrap();
        let (name, number) = (table.column("name").unwrap(), table.column("number").unwrap());
        let rows = says(text, |row| Ok((row.text(name).to_owned(), row.label(number)?))).unwrap();
        assert_eq!(rows, [("tree, \"old\"".to_owned(), 7)]);
    }

    #[test]
    fn complaints_name_the_file_the_line_and_what_was_found() {
        let text = |row: LabelRow<'_>| Ok(row.text(0).to_owned());
        assert_eq!(says(b"a,b\n1,2\n3\n", text).unwrap_err(), "t.csv: line 3: has 1 cells; the header has 2");
        assert_eq!(says(b"a,b\n1,2\n3,\xff\n", text).unwrap_err(), "t.csv: line 3: is not UTF-8 text");
        assert_eq!(says(b"\xff\n", text).unwrap_err(), "t.csv: line 1: is not UTF-8 text");
        let error = open(b"a,b\n-1,nan\n").unwrap().column("c").unwrap_err().to_string();
        assert_eq!(error, "t.csv: columns are `a`, `b`; needs `c`");
        let label = says(b"a,b\n-1,nan\n", |row| row.label(0)).unwrap_err();
        assert_eq!(label, "t.csv: line 2: a is `-1`; needs a whole number from 0 to 65535");
        let number = says(b"a,b\n-1,nan\n", |row| row.number(1)).unwrap_err();
        assert_eq!(number, "t.csv: line 2: b is `nan`; needs a number");
        assert!(open(b"").unwrap().column("a").unwrap_err().to_string().contains("needs `a`"));
    }

    #[test]
    fn a_table_without_end_is_read_as_far_as_it_is_taken() {
        let endless = Read::chain(&b"number\n"[..], std::io::repeat(b'7').take(2).chain(&b"\n7\n"[..]));
        let mut table = LabelTable::new(Path::new("t.csv"), endless).unwrap();
        let mut rows = 0;
        let ended = table.each(|row| {
            rows += 1;
            Err(row.error("is enough"))
        });
        assert_eq!((rows, ended.unwrap_err().to_string()), (1, "t.csv: line 2: is enough".to_owned()));
    }
}
