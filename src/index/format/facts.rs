//! A page's fields and time, as they lie in the page's and in the directory's record.

use super::bytes::{Reader, Writer};
use crate::error::Result;
use crate::fields::{FieldValue, Fields, check_time};

/// The first version of the format whose records have facts.
const FACTS_VERSION: u16 = 2;

pub(super) fn write_facts(
    writer: &mut Writer,
    fields: &Fields,
    time_ms: Option<i64>,
) -> Result<()> {
    writer.u8(u8::from(time_ms.is_some()));
    if let Some(time_ms) = time_ms {
        writer.u64(time_ms.cast_unsigned());
    }
    writer.count(fields.len())?;
    for (name, value) in fields.iter() {
        writer.string(name)?;
        match value {
            FieldValue::Text(text) => {
                writer.u8(0);
                writer.string(text)?;
            }
            FieldValue::Number(number) => {
                writer.u8(1);
                writer.u64(number.to_bits());
            }
            FieldValue::Date(time_ms) => {
                writer.u8(2);
                writer.u64(time_ms.cast_unsigned());
            }
            FieldValue::List(texts) => {
                writer.u8(3);
                writer.count(texts.len())?;
                for text in texts {
                    writer.string(text)?;
                }
            }
        }
    }
    Ok(())
}

/// No facts where the record is older than they are.
pub(super) fn read_facts(reader: &mut Reader<'_>) -> Result<(Fields, Option<i64>)> {
    let mut fields = Fields::new();
    if !has_facts(reader) {
        return Ok((fields, None));
    }
    let time_ms = match reader.u8()? {
        0 => None,
        1 => Some(reader.u64()?.cast_signed()),
        other => return Err(reader.corrupt(&format!("{other} stands where 0 or 1 must"))),
    };
    // A field takes at least a name's length, a name of one byte, a kind and a length.
    let given = reader.list(10, read_field)?;
    let count = given.len();
    for (name, value) in given {
        fields.insert(name, value).map_err(|error| reader.corrupt(&error.to_string()))?;
    }
    if fields.len() != count {
        return Err(reader.corrupt("it has two fields of one name"));
    }
    if let Some(Err(error)) = time_ms.map(|time_ms| check_time("its time", time_ms)) {
        return Err(reader.corrupt(&error.to_string()));
    }
    Ok((fields, time_ms))
}

/// Whether the record is of a version that has facts.
pub(super) fn has_facts(reader: &Reader<'_>) -> bool {
    reader.version() >= FACTS_VERSION
}

fn read_field(reader: &mut Reader<'_>) -> Result<(String, FieldValue)> {
    let name = reader.string()?;
    let value = match reader.u8()? {
        0 => FieldValue::Text(reader.string()?),
        1 => FieldValue::Number(f64::from_bits(reader.u64()?)),
        2 => FieldValue::Date(reader.u64()?.cast_signed()),
        3 => FieldValue::List(reader.list(4, Reader::string)?),
        other => return Err(reader.corrupt(&format!("{other} is no kind of field"))),
    };
    Ok((name, value))
}
