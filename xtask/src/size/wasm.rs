//! The functions and the data of a compiled program, as far as their sizes need them.
//!
//! See <https://webassembly.github.io/spec/core/binary/modules.html>.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};

const CUSTOM: u8 = 0;
const IMPORTS: u8 = 2;
const CODE: u8 = 10;
const DATA: u8 = 11;
/// The subsection of the custom section `name` with the names of functions.
const FUNCTION_NAMES: u8 = 1;

/// The sizes in a program, in bytes.
pub(super) struct Sizes {
    /// The name of each function that has one, and the size of its body.
    pub(super) functions: Vec<(String, usize)>,
    pub(super) data: usize,
}

impl Sizes {
    /// Reads the sections of a program that has names.
    pub(super) fn read(program: &[u8]) -> Result<Self> {
        ensure!(program.starts_with(b"\0asm\x01\0\0\0"), "not a WebAssembly module of version 1");
        let mut reader = Reader(&program[8..]);
        let (mut imported, mut bodies, mut names, mut data) = (0, Vec::new(), HashMap::new(), 0);
        while !reader.0.is_empty() {
            let (id, mut section) = (reader.byte()?, reader.sized()?);
            match id {
                IMPORTS => imported = section.imported_functions()?,
                CODE => bodies = section.list(|reader| Ok(reader.sized()?.0.len()))?,
                DATA => data = section.0.len(),
                CUSTOM if section.text()? == "name" => names = section.function_names()?,
                _ => {}
            }
        }
        ensure!(!names.is_empty(), "the program has no names of functions");
        let name = |index: usize| names.remove(&index).unwrap_or_default();
        let functions = (imported..).map(name).zip(bodies).collect();
        Ok(Self { functions, data })
    }
}

/// The rest of the bytes of a section.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().context("a section ends early")?;
        self.0 = rest;
        Ok(*first)
    }

    /// Reads an unsigned number in LEB128.
    fn number(&mut self) -> Result<usize> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f).checked_shl(shift).context("a number is too large")?;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    /// Reads a length, and as many bytes.
    fn sized(&mut self) -> Result<Reader<'a>> {
        let length = self.number()?;
        let (bytes, rest) = self.0.split_at_checked(length).context("a section ends early")?;
        self.0 = rest;
        Ok(Reader(bytes))
    }

    fn text(&mut self) -> Result<&'a str> {
        Ok(std::str::from_utf8(self.sized()?.0)?)
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        (0..self.number()?).map(|_| read(self)).collect()
    }

    fn imported_functions(&mut self) -> Result<usize> {
        let kinds = self.list(|reader| {
            reader.text()?;
            reader.text()?;
            let kind = reader.byte()?;
            match kind {
                // A function and the index of its type.
                0 => drop(reader.number()?),
                // A table: the type of its elements, and its limits. A memory: its limits.
                1 => (reader.byte()?, reader.limits()?).1,
                2 => reader.limits()?,
                // A global: its type, and whether it changes.
                3 => drop((reader.byte()?, reader.byte()?)),
                other => anyhow::bail!("an import of the unknown kind {other}"),
            }
            Ok(kind)
        })?;
        Ok(kinds.into_iter().filter(|kind| *kind == 0).count())
    }

    fn limits(&mut self) -> Result<()> {
        let has_maximum = self.byte()? & 1 == 1;
        self.number()?;
        if has_maximum {
            self.number()?;
        }
        Ok(())
    }

    fn function_names(&mut self) -> Result<HashMap<usize, String>> {
        while !self.0.is_empty() {
            let (id, mut subsection) = (self.byte()?, self.sized()?);
            if id == FUNCTION_NAMES {
                let names = subsection.list(|reader| Ok((reader.number()?, reader.text()?.to_owned())))?;
                return Ok(names.into_iter().collect());
            }
        }
        Ok(HashMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_read_with_their_names_and_sizes() {
        let imports = b"\x02\x0e\x02\x01a\x01b\x00\x00\x01a\x01c\x03\x7f\x00";
        let code = b"\x0a\x08\x02\x02\x00\x0b\x03\x00\x01\x0b";
        let data = b"\x0b\x02\x00\x00";
        let names = b"\x00\x10\x04name\x01\x09\x02\x01\x02f1\x02\x02f2";
        let program = [&b"\0asm\x01\0\0\0"[..], imports, code, data, names].concat();
        assert!(Sizes::read(&program[..program.len() - 1]).is_err(), "the last section is cut off");
        let sizes = Sizes::read(&program).unwrap();
        assert_eq!(sizes.functions, [("f1".to_owned(), 2), ("f2".to_owned(), 3)]);
        assert_eq!(sizes.data, 2);
    }
}
