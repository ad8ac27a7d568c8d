//! The stack machine: one opcode after another until STOP.

use std::collections::HashMap;
use std::rc::Rc;

use super::build;
use super::value::{Heap, Id, Value};
use crate::error::{Error, Result};

/// A finished pickle.
#[derive(Debug)]
pub(in crate::weights) struct Unpickled {
    pub(in crate::weights) heap: Heap,
    /// The object that was pickled.
    pub(in crate::weights) root: Id,
    /// Bytes read, up to and with STOP.
    pub(in crate::weights) length: usize,
}

/// Open marks; a state dict nests three or four.
const DEPTH_MAX: usize = 64;
/// Bytes of one string. Names of tensors have fewer than a hundred.
const TEXT_MAX: usize = 1 << 16;
/// Values waiting on the stack. PyTorch flushes every thousand items.
const STACK_MAX: usize = 1 << 16;

/// Reads the pickle at the start of `input`, which may go on behind it.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the byte, at the first opcode, name or size that is not allowed.
pub(in crate::weights) fn run(input: &[u8]) -> Result<Unpickled> {
    let mut machine =
        Machine { input, position: 0, heap: Heap::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        let at = machine.position;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => return Ok(Unpickled { heap: machine.heap, root, length: machine.position }),
            Err(error) => return Err(error.at(format!("pickle, byte {at}"))),
        }
    }
}

struct Machine<'a> {
    input: &'a [u8],
    position: usize,
    heap: Heap,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// One opcode; the root at STOP. The letters are those of Python's `pickletools`.
    fn step(&mut self) -> Result<Option<Id>> {
        let [opcode] = self.take()?;
        match opcode {
            b'.' => return self.pop().map(Some),
            0x80 => self.protocol()?,
            // FRAME only groups bytes for buffered readers.
            0x95 => drop(self.take::<8>()?),
            b'(' | b'0' | b'1' | b't' | 0x85..=0x87 | b'l' | b'd' | b')' | b']' | b'}' => self.structure(opcode)?,
            b'a' | b'e' | b's' | b'u' | b'b' => self.fill(opcode)?,
            b'q' | b'r' | b'h' | b'j' | 0x94 => self.remember(opcode)?,
            b'c' | 0x93 | b'R' | b'Q' => self.construct(opcode)?,
            _ => self.literal(opcode)?,
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Result<()> {
        match self.take()? {
            [2..=4] => Ok(()),
            [other] => Err(Error::input(format!("pickle protocol {other}; 2 to 4 are read"))),
        }
    }

    fn literal(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(i128::from(u8::from_le_bytes(self.take()?))),
            b'M' => Value::Int(i128::from(u16::from_le_bytes(self.take()?))),
            b'J' => Value::Int(i128::from(i32::from_le_bytes(self.take()?))),
            0x8a => {
                let [length] = self.take()?;
                self.long(u32::from(length))?
            }
            0x8b => {
                let length = u32::from_le_bytes(self.take()?);
                self.long(length)?
            }
            b'G' => {
                self.take::<8>()?;
                Value::Float
            }
            // Strings of Python 2 ('U', 'T') are read as text: they name tensors.
            0x8c | b'U' => {
                let [length] = self.take()?;
                Value::Text(self.text(u64::from(length))?)
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.take()?);
                Value::Text(self.text(u64::from(length))?)
            }
            b'C' => {
                let [length] = self.take()?;
                self.slice(u64::from(length))?;
                Value::Bytes
            }
            b'B' => {
                let length = u32::from_le_bytes(self.take()?);
                self.slice(u64::from(length))?;
                Value::Bytes
            }
            other => return Err(refused(other)),
        };
        self.push_new(value)
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
            b'd' => {
                let items = pairs(&self.pop_mark()?)?;
                self.push_new(Value::Dict(items))
            }
            b')' => self.push_new(Value::Tuple(Vec::new())),
            b']' => self.push_new(Value::List(Vec::new())),
            _ => self.push_new(Value::Dict(Vec::new())),
        }
    }

    /// Puts items into the container below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let items = match opcode {
            b'e' | b'u' => self.pop_mark()?,
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => vec![self.pop()?],
        };
        self.heap.spend(items.len())?;
        let target = self.top()?;
        match (opcode, self.heap.get_mut(target)) {
            (b'a' | b'e', Value::List(list)) => list.extend(items),
            (b's' | b'u', Value::Dict(dict)) => dict.extend(pairs(&items)?),
            // BUILD gives an OrderedDict its attributes, such as `_metadata`; they are no weights.
            (b'b', Value::Dict(_)) => {}
            (b'b', other) => return Err(Error::input(format!("the file sets the state of {}", other.kind()))),
            (_, other) => return Err(Error::input(format!("items are put into {}", other.kind()))),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Result<()> {
        let index = match opcode {
            b'q' | b'h' => u32::from(u8::from_le_bytes(self.take()?)),
            b'r' | b'j' => u32::from_le_bytes(self.take()?),
            // The memo is bounded by the budget, so its size fits.
            _ => u32::try_from(self.memo.len()).map_err(|_| Error::internal("the memo is too large"))?,
        };
        if opcode == b'h' || opcode == b'j' {
            let known = self.memo.get(&index).copied();
            return self.push(known.ok_or_else(|| Error::input(format!("memo {index} was never set")))?);
        }
        self.heap.spend(1)?;
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn construct(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                let constructor = build::constructor(module, name)?;
                self.push_new(Value::Constructor(constructor))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let names = self.heap.text(module).zip(self.heap.text(name));
                let (module, name) = names.ok_or_else(|| Error::input("a global name that is not text"))?;
                let constructor = build::constructor(module, name)?;
                self.push_new(Value::Constructor(constructor))
            }
            b'R' => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let made = build::apply(&mut self.heap, callee, arguments)?;
                self.push(made)
            }
            _ => {
                let id = self.pop()?;
                let storage = build::storage(&self.heap, id)?;
                self.push_new(Value::Storage(storage))
            }
        }
    }

    /// A little-endian two's complement integer of any length.
    fn long(&mut self, length: u32) -> Result<Value> {
        let bytes = self.slice(u64::from(length))?;
        let negative = bytes.last().is_some_and(|&top| top >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        match wide.get_mut(..bytes.len()) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err(Error::input(format!("an integer of {length} bytes; at most 16 are read"))),
        }
        Ok(Value::Int(i128::from_le_bytes(wide)))
    }

    fn text(&mut self, length: u64) -> Result<Rc<str>> {
        std::str::from_utf8(self.slice(length)?).map(Rc::from).map_err(|_| Error::input("a string that is not UTF-8"))
    }

    fn take<const COUNT: usize>(&mut self) -> Result<[u8; COUNT]> {
        let rest = self.input.get(self.position..).unwrap_or_default();
        let taken = *rest.first_chunk().ok_or_else(|| cut_short(COUNT, rest.len()))?;
        self.position += COUNT;
        Ok(taken)
    }

    fn slice(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= TEXT_MAX)
            .ok_or_else(|| Error::input(format!("a string of {length} bytes; at most {TEXT_MAX} are read")))?;
        let rest: &'a [u8] = &self.input[self.position..];
        let taken = rest.get(..length).ok_or_else(|| cut_short(length, rest.len()))?;
        self.position += length;
        Ok(taken)
    }

    /// Text up to a line end.
    fn line(&mut self) -> Result<&'a str> {
        let input: &'a [u8] = self.input;
        let rest = &input[self.position..];
        let window = &rest[..rest.len().min(TEXT_MAX)];
        let end = window.iter().position(|&byte| byte == b'\n').ok_or_else(|| cut_short(1, 0))?;
        self.position += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| Error::input("a global name that is not UTF-8"))
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

    fn push_new(&mut self, value: Value) -> Result<()> {
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
    Error::input("an operation without a value to work on")
}

fn cut_short(needed: usize, found: usize) -> Error {
    Error::input(format!("the pickle ends here: {found} bytes left, {needed} needed"))
        .hint("the file was cut short; fetch it again")
}

fn refused(opcode: u8) -> Error {
    let name = match opcode {
        b'i' | b'o' | 0x81 | 0x92 => " (makes an object of a class)",
        b'P' => " (refers outside the pickle)",
        0x82..=0x84 => " (calls the extension registry)",
        _ => "",
    };
    Error::input(format!("opcode 0x{opcode:02x}{name} is not one that `torch.save` needs for weights"))
        .hint("nothing in the file was run; if you trust it, load it in PyTorch and save `model.state_dict()` alone")
}
