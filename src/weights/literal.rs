//! Lists and dictionaries as JSON or Python write them: strings in either quotes, numbers as keys, commas at the end.

use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// Deeper than any list of names.
const DEPTH_MAX: usize = 8;

/// Reads one value; keys that are numbers become their text. `True`, `False` and `None` are read too.
///
/// # Errors
/// [`crate::error::Kind::Input`] with the line where it goes wrong; a key that is there twice.
pub(super) fn parse(text: &str) -> Result<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    match reader.rest().is_empty() {
        true => Ok(value),
        false => Err(reader.wrong("the end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            // A comment of Python.
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// Whether this character is next; it is then read.
    fn takes(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn wrong(&self, needed: &str) -> Error {
        let line = self.text[..self.at].lines().count().max(1);
        let found = match self.rest().chars().next() {
            None => "the text ends".to_owned(),
            Some(c) if c.is_control() => format!("found `{}`", c.escape_debug()),
            Some(c) => format!("found `{c}`"),
        };
        Error::input(format!("line {line}: {found}; needed {needed}"))
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > DEPTH_MAX {
            return Err(self.wrong("less deeply nested lists"));
        }
        self.skip_space();
        match self.rest().chars().next() {
            Some('{') => self.dictionary(depth),
            Some('[') => self.list('[', ']', depth),
            Some('(') => self.list('(', ')', depth),
            Some('"' | '\'') => self.string().map(Value::String),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number().map(Value::Number),
            Some(_) => self.word(),
            None => Err(self.wrong("a value")),
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value> {
        self.takes('{');
        let mut pairs = Map::new();
        while !self.takes('}') {
            let key = match self.value(depth + 1)? {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => return Err(self.wrong("a text or a number as the key")),
            };
            if !self.takes(':') {
                return Err(self.wrong("a colon"));
            }
            let value = self.value(depth + 1)?;
            if pairs.insert(key.clone(), value).is_some() {
                return Err(self.wrong(&format!("each key once, and `{}` is there twice", key.escape_debug())));
            }
            if !self.takes(',') {
                match self.takes('}') {
                    true => break,
                    false => return Err(self.wrong("a comma or a closing brace")),
                }
            }
        }
        Ok(Value::Object(pairs))
    }

    fn list(&mut self, open: char, close: char, depth: usize) -> Result<Value> {
        self.takes(open);
        let mut items = Vec::new();
        while !self.takes(close) {
            items.push(self.value(depth + 1)?);
            if !self.takes(',') {
                match self.takes(close) {
                    true => break,
                    false => return Err(self.wrong("a comma or a closing bracket")),
                }
            }
        }
        Ok(Value::Array(items))
    }

    fn string(&mut self) -> Result<String> {
        let quote = self.rest().chars().next().unwrap_or('"');
        self.at += quote.len_utf8();
        let mut text = String::new();
        loop {
            let Some(c) = self.rest().chars().next().filter(|&c| c != '\n') else {
                return Err(self.wrong("a closing quote"));
            };
            self.at += c.len_utf8();
            match c {
                c if c == quote => return Ok(text),
                '\\' => text.push(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char> {
        let c = self.rest().chars().next().ok_or_else(|| self.wrong("an escaped character"))?;
        self.at += c.len_utf8();
        match c {
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            'x' => self.code_point(2),
            'u' => self.code_point(4),
            'U' => self.code_point(8),
            '\\' | '\'' | '"' | '/' => Ok(c),
            _ => Err(self.wrong("a known escape")),
        }
    }

    /// So many hexadecimal digits as a character; JSON writes those beyond the first plane as two.
    fn code_point(&mut self, digits: usize) -> Result<char> {
        let mut number = self.hexadecimal(digits)?;
        if (0xd800..0xdc00).contains(&number) && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.hexadecimal(4)?;
            number = 0x10000 + ((number - 0xd800) << 10) + low.wrapping_sub(0xdc00) % 0x400;
        }
        char::from_u32(number).ok_or_else(|| self.wrong("the number of a character"))
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<u32> {
        let text = self.rest().get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number =
            text.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or_else(|| self.wrong("hexadecimal digits"))?;
        self.at += digits;
        Ok(number)
    }

    fn number(&mut self) -> Result<Number> {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))).unwrap_or(rest.len());
        let number = serde_json::from_str(&rest[..end]).map_err(|_| self.wrong("a number"))?;
        self.at += end;
        Ok(number)
    }

    fn word(&mut self) -> Result<Value> {
        const WORDS: [(&str, Value); 6] = [
            ("true", Value::Bool(true)),
            ("True", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("False", Value::Bool(false)),
            ("null", Value::Null),
            ("None", Value::Null),
        ];
        let found = WORDS.into_iter().find(|(word, _)| self.rest().starts_with(word));
        let (word, value) = found.ok_or_else(|| self.wrong("a list, a dictionary, a text or a number"))?;
        self.at += word.len();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_json_and_python_write_is_read() {
        assert_eq!(parse(r#"{"a": [1, "x\u00e9\"", null]}"#).unwrap(), json!({"a": [1, "x\u{e9}\"", null]}));
        assert_eq!(
            parse("{0: 'it''s'}").unwrap_err().to_string(),
            "line 1: found `'`; needed a comma or a closing brace"
        );
        assert_eq!(parse("{ # first\n 0: ('a', \"b'\"),\n}").unwrap(), json!({"0": ["a", "b'"]}));
        assert_eq!(parse(r#"["\ud83d\ude00", '\x41']"#).unwrap(), json!(["\u{1f600}", "A"]));
    }

    #[test]
    fn what_is_damaged_is_told_by_its_line() {
        for (text, found) in [
            ("{0: 'a',\n 1: 'b", "line 2: the text ends; needed a closing quote"),
            ("[1 2]", "line 1: found `2`; needed a comma or a closing bracket"),
            ("{0: 'a'} x", "line 1: found `x`; needed the end"),
            ("{0: 'a', 0: 'b'}", "`0` is there twice"),
            ("[[[[[[[[[[1]]]]]]]]]]", "less deeply nested"),
            (r#"["\ud800"]"#, "the number of a character"),
            ("__import__('os')", "needed a list, a dictionary"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(found), "{found} is not in {error}");
        }
    }
}
