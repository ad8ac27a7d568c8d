//! The stack machine: one opcode after another until STOP.

use super::build;
use super::value::{Heap, Id, Value};
use crate::error::{Error, Result};
use crate::weights::bytes_reader::BytesReader;

/// A finished pickle.
#[derive(Debug)]
pub(in crate::weights) struct Unpickled<'a> {
    pub(in crate::weights) heap: Heap<'a>,
    /// The object that was pickled.
    pub(in crate::weights) root: Id,
    /// Bytes read, up to and with STOP.
    pub(in crate::weights) length: usize,
}

/// Open marks; Python itself gives up at a depth of a thousand.
const DEPTH_MAX: usize = 10_000;
/// Bytes of a string that can be a name.
const TEXT_MAX: usize = 1 << 16;
/// Values waiting on the stack; only a long tuple needs more than a thousand.
const STACK_MAX: usize = 1 << 20;
/// Places of the memo.
const MEMO_MAX: usize = 1 << 21;

/// Reads the pickle at the start of `input`, which may go on behind it.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the byte, at the first opcode or size that is not understood.
pub(in crate::weights) fn run(input: &[u8]) -> Result<Unpickled<'_>> {
    let input = BytesReader::new(input);
    let mut machine =
        Machine { input, heap: Heap::new(), stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), remembered: 0 };
    loop {
        let at = machine.input.position();
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => return Ok(Unpickled { heap: machine.heap, root, length: machine.input.position() }),
            Err(error) => return Err(error.at(format!("pickle, byte {at}"))),
        }
    }
}

struct Machine<'a> {
    input: BytesReader<'a>,
    heap: Heap<'a>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
    /// Places of the memo that are set.
    remembered: usize,
}

impl<'a> Machine<'a> {
    /// One opcode; the root at STOP. The letters are those of Python's `pickletools`.
    fn step(&mut self) -> Result<Option<Id>> {
        let opcode = self.input.u8()?;
        match opcode {
            b'.' => return self.pop().map(Some),
            0x80 => self.protocol()?,
            // FRAME only groups bytes for buffered readers; READONLY_BUFFER changes nothing about its data.
            0x95 => drop(self.input.u64()?),
            0x98 => drop(self.top()?),
            b'(' | b'0' | b'1' | b'2' | b't' | 0x85..=0x87 | b'l' | b'd' | b')' | b']' | b'}' | 0x8f | 0x91 => {
                self.structure(opcode)?;
            }
            b'a' | b'e' | b's' | b'u' | b'b' | 0x90 => self.fill(opcode)?,
            b'q' | b'r' | b'p' | b'h' | b'j' | b'g' | 0x94 => self.remember(opcode)?,
            b'c' | 0x93 | b'R' | 0x81 | 0x92 | b'i' | b'o' | b'Q' | b'P' | 0x82..=0x84 => self.construct(opcode)?,
            b'N' | 0x88 | 0x89 | b'K' | b'M' | b'J' | 0x8a | 0x8b | b'G' => self.number(opcode)?,
            b'I' | b'L' | b'F' | b'S' | b'V' => self.written(opcode)?,
            _ => self.string(opcode)?,
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Result<()> {
        match self.input.u8()? {
            0..=5 => Ok(()),
            other => Err(Error::input(format!("pickle protocol {other}; 0 to 5 are read"))),
        }
    }

    fn number(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(self.input.u8()?.into()),
            b'M' => Value::Int(self.input.u16()?.into()),
            b'J' => Value::Int(i32::from_le_bytes(self.input.array()?).into()),
            0x8a => {
                let length = self.input.u8()?;
                self.long(length.into())?
            }
            0x8b => {
                let length = self.input.u32()?;
                self.long(length.into())?
            }
            _ => {
                self.input.u64()?;
                Value::Float
            }
        };
        self.push_new(value)
    }

    /// Numbers and strings as protocols 0 and 1 write them: as text, up to a line end.
    fn written(&mut self, opcode: u8) -> Result<()> {
        let line = self.line()?;
        let number = || line.trim_end_matches('L').parse().map_or(Value::Bytes, Value::Int);
        let value = match (opcode, line) {
            (b'I', "00") => Value::Bool(false),
            (b'I', "01") => Value::Bool(true),
            (b'I' | b'L', _) => number(),
            (b'F', _) => Value::Float,
            // What is escaped is no name of a tensor.
            (_, line) if line.contains('\\') || line.len() > TEXT_MAX => Value::Bytes,
            (b'S', line) => line.get(1..line.len().saturating_sub(1)).map_or(Value::Bytes, Value::Text),
            (_, line) => Value::Text(line),
        };
        self.push_new(value)
    }

    fn string(&mut self, opcode: u8) -> Result<()> {
        let is_text = matches!(opcode, 0x8c | b'U' | b'X' | b'T' | 0x8d);
        let length = match opcode {
            // Strings of Python 2 ('U', 'T') are read as text: they name tensors.
            0x8c | b'U' | b'C' => u64::from(self.input.u8()?),
            b'X' | b'T' | b'B' => u64::from(self.input.u32()?),
            0x8d | 0x8e | 0x96 => self.input.u64()?,
            // A buffer that lies elsewhere.
            0x97 => 0,
            other => return Err(Error::input(format!("opcode 0x{other:02x} is none of a pickle's")).hint(DAMAGED)),
        };
        let bytes = self.slice(length)?;
        let text = std::str::from_utf8(bytes).ok().filter(|text| is_text && text.len() <= TEXT_MAX);
        self.push_new(text.map_or(Value::Bytes, Value::Text))
    }

    fn structure(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'(' => {
                if self.marks.len() == DEPTH_MAX {
                    return Err(Error::input(format!("containers nested more than {DEPTH_MAX} deep")));
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push(top)
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push_new(Value::Tuple(items))
            }
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let start = self.stack.len().checked_sub(count).filter(|&start| start >= self.floor());
                let items = self.stack.split_off(start.ok_or_else(underflow)?);
                self.push_new(Value::Tuple(items))
            }
            b'l' => {
                let items = self.pop_mark()?;
                self.push_new(Value::List(items))
            }
            0x91 => {
                let items = self.pop_mark()?;
                self.push_new(Value::Set(items))
            }
            b'd' => {
                let items = pairs(&self.pop_mark()?)?;
                self.push_new(Value::Dict(items))
            }
            b')' => self.push_new(Value::Tuple(Vec::new())),
            b']' => self.push_new(Value::List(Vec::new())),
            0x8f => self.push_new(Value::Set(Vec::new())),
            _ => self.push_new(Value::Dict(Vec::new())),
        }
    }

    /// Puts items into the container below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let items = match opcode {
            b'e' | b'u' | 0x90 => self.pop_mark()?,
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => vec![self.pop()?],
        };
        let target = self.top()?;
        match opcode {
            b's' | b'u' => self.heap.insert(target, &pairs(&items)?),
            b'b' => items.iter().try_for_each(|&state| self.heap.set_state(target, state)),
            _ => self.heap.extend(target, &items),
        }
    }

    fn remember(&mut self, opcode: u8) -> Result<()> {
        let index = match opcode {
            b'q' | b'h' => usize::from(self.input.u8()?),
            b'r' | b'j' => self.input.u32()? as usize,
            b'p' | b'g' => {
                let line = self.line()?;
                line.parse().map_err(|_| Error::input("a place of the memo that is no number"))?
            }
            // Python takes the number of entries. With holes it is none of the next free place, and no writer leaves any.
            _ if self.remembered < self.memo.len() => return Err(Error::input("MEMOIZE behind a hole in the memo")),
            _ => self.memo.len(),
        };
        if matches!(opcode, b'h' | b'j' | b'g') {
            let known = self.memo.get(index).copied().flatten();
            return self.push(known.ok_or_else(|| Error::input(format!("memo {index} was never set")))?);
        }
        let top = self.top()?;
        if index >= MEMO_MAX {
            return Err(Error::input(format!("memo {index}; at most {MEMO_MAX} values are remembered")));
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        self.remembered += usize::from(self.memo[index].replace(top).is_none());
        Ok(())
    }

    fn construct(&mut self, opcode: u8) -> Result<()> {
        let made = match opcode {
            b'c' => return self.global(),
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let names = self.heap.text(module).zip(self.heap.text(name));
                let (module, name) = names.ok_or_else(|| Error::input("a global name that is not text"))?;
                return self.push_new(build::global(module, name));
            }
            // The extension registry: what the number means is known to the program that wrote it alone.
            0x82..=0x84 => {
                self.input.take(1 << (opcode - 0x82))?;
                return self.push_new(Value::Reference);
            }
            b'P' => {
                self.line()?;
                return self.push_new(Value::Reference);
            }
            b'Q' => {
                let id = self.pop()?;
                build::persistent(&mut self.heap, id)?
            }
            b'i' => {
                self.global()?;
                let (class, _) = (self.pop()?, self.pop_mark()?);
                self.apply(class)?
            }
            b'o' => {
                let class = *self.pop_mark()?.first().ok_or_else(underflow)?;
                self.apply(class)?
            }
            0x92 => {
                let (_keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                build::apply(&mut self.heap, class, arguments)?
            }
            _ => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                build::apply(&mut self.heap, callee, arguments)?
            }
        };
        self.push(made)
    }

    /// What an object of a class is, whose arguments do not matter.
    fn apply(&mut self, class: Id) -> Result<Id> {
        let nothing = self.heap.add(Value::Tuple(Vec::new()))?;
        build::apply(&mut self.heap, class, nothing)
    }

    fn global(&mut self) -> Result<()> {
        let module = self.line()?;
        let name = self.line()?;
        self.push_new(build::global(module, name))
    }

    /// A little-endian two's complement integer of any length.
    fn long(&mut self, length: u64) -> Result<Value<'a>> {
        let bytes = self.slice(length)?;
        let negative = bytes.last().is_some_and(|&top| top >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        Ok(match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i128::from_le_bytes(wide))
            }
            // No size and no key; a seed perhaps.
            None => Value::Bytes,
        })
    }

    fn slice(&mut self, length: u64) -> Result<&'a [u8]> {
        let rest = self.input.rest().len();
        let found = usize::try_from(length).ok().filter(|&length| length <= rest);
        let length = found.ok_or_else(|| {
            Error::input(format!("a string of {length} bytes; the pickle ends after {rest}")).hint(DAMAGED)
        })?;
        self.input.take(length)
    }

    /// Text up to a line end.
    fn line(&mut self) -> Result<&'a str> {
        let rest = self.input.rest();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| Error::input("a line that does not end").hint(DAMAGED))?;
        let line = self.input.take(end + 1)?;
        std::str::from_utf8(&line[..end]).map_err(|_| Error::input("a name that is not UTF-8"))
    }

    /// Height below which the open mark forbids to pop.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id> {
        if self.stack.len() <= self.floor() {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let height = self.marks.pop().ok_or_else(|| Error::input("a container is closed that was never opened"))?;
        Ok(self.stack.split_off(height))
    }

    fn top(&self) -> Result<Id> {
        if self.stack.len() <= self.floor() {
            return Err(underflow());
        }
        self.stack.last().copied().ok_or_else(underflow)
    }

    fn push(&mut self, id: Id) -> Result<()> {
        if self.stack.len() == STACK_MAX {
            return Err(Error::input(format!("more than {STACK_MAX} values on the stack")));
        }
        self.stack.push(id);
        Ok(())
    }

    fn push_new(&mut self, value: Value<'a>) -> Result<()> {
        let id = self.heap.add(value)?;
        self.push(id)
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    match items.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(Error::input("a dict with a key but no value")),
    }
}

fn underflow() -> Error {
    Error::input("an operation without a value to work on").hint(DAMAGED)
}

const DAMAGED: &str = "the file is damaged or was cut short; fetch it again";

#[cfg(test)]
mod tests {
    use super::*;

    /// Python takes the number of entries for the next place, others the length: with a hole the two differ.
    #[test]
    fn nothing_is_memoized_behind_a_hole() {
        assert!(run(b"\x80\x04K\x01q\x00K\x02\x940h\x01.").is_ok());
        let Err(error) = run(b"\x80\x04K\x01q\x01K\x02\x940h\x01.") else { panic!("it was run") };
        assert!(error.to_string().contains("MEMOIZE behind a hole"), "{error}");
    }
}
