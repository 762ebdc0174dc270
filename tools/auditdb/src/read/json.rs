//! A value of DuckDB's as JSON. Times are RFC 3339 in UTC; what JSON cannot hold exactly is a string.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duckdb::arrow::datatypes::{DataType, TimeUnit as ArrowUnit};
use duckdb::types::Value;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde_json::{Number, Value as Json};

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

/// Can values of this type be read at all? For others duckdb's own reader panics.
pub(super) fn is_known(kind: &DataType) -> bool {
    match kind {
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::Map(inner, _) => is_known(inner.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        DataType::Union(fields, _) => fields.iter().all(|(_, field)| is_known(field.data_type())),
        DataType::Dictionary(key, _) => matches!(**key, DataType::UInt8 | DataType::UInt16 | DataType::UInt32),
        DataType::Time64(unit) => *unit == ArrowUnit::Microsecond,
        DataType::Null
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Duration(_)
        | DataType::BinaryView
        | DataType::Utf8View
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Decimal256(..)
        | DataType::RunEndEncoded(..) => false,
        _ => true,
    }
}

/// The value as JSON.
pub(super) fn value(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(truth) => truth.into(),
        Value::TinyInt(number) => number.into(),
        Value::SmallInt(number) => number.into(),
        Value::Int(number) => number.into(),
        Value::BigInt(number) => number.into(),
        Value::UTinyInt(number) => number.into(),
        Value::USmallInt(number) => number.into(),
        Value::UInt(number) => number.into(),
        Value::UBigInt(number) => number.into(),
        Value::HugeInt(number) => i64::try_from(number).map_or_else(|_| number.to_string().into(), Json::from),
        Value::UHugeInt(number) => u64::try_from(number).map_or_else(|_| number.to_string().into(), Json::from),
        Value::Float(number) => float(f64::from(number)),
        Value::Double(number) => float(number),
        Value::Decimal(number) => number.to_string().into(),
        Value::Timestamp(unit, ticks) => timestamp(unit.to_micros(ticks)),
        Value::Date32(days) => date(days),
        Value::Time64(unit, ticks) => time(unit.to_micros(ticks)),
        Value::Interval { months, days, nanos } => format!("{months} months {days} days {nanos} ns").into(),
        Value::Text(text) | Value::Enum(text) => text.into(),
        Value::Blob(bytes) | Value::Geometry(bytes) => STANDARD.encode(bytes).into(),
        Value::List(items) | Value::Array(items) => items.into_iter().map(self::value).collect(),
        Value::Struct(fields) => {
            fields.iter().map(|(name, inner)| (name.clone(), self::value(inner.clone()))).collect()
        }
        Value::Map(pairs) => pairs.iter().map(|(key, inner)| (spelled(key), self::value(inner.clone()))).collect(),
        Value::Union(inner) => self::value(*inner),
        // The list of types is open: what a later DuckDB adds is at least seen.
        other => format!("{other:?}").into(),
    }
}

fn float(number: f64) -> Json {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number)
}

fn spelled(key: &Value) -> String {
    match self::value(key.clone()) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn timestamp(micros: i64) -> Json {
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.into(), |time| format!("{time:.6}").into())
}

fn date(days: i32) -> Json {
    let date =
        Date::new(1970, 1, 1).ok().and_then(|epoch| epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok());
    date.map_or_else(|| days.into(), |date| date.to_string().into())
}

fn time(micros: i64) -> Json {
    let seconds = micros.div_euclid(MICROS);
    let nanos = micros.rem_euclid(MICROS) * 1000;
    let part = |seconds: i64| i8::try_from(seconds).ok();
    let time = (|| {
        let (hour, minute, second) = (part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?);
        Time::new(hour, minute, second, i32::try_from(nanos).ok()?).ok()
    })();
    time.map_or_else(|| micros.into(), |time| time.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use duckdb::types::TimeUnit;

    #[test]
    fn what_json_cannot_hold_exactly_becomes_a_string() {
        assert_eq!(value(Value::HugeInt(i128::from(i64::MAX) + 1)), Json::from("9223372036854775808"));
        assert_eq!(value(Value::HugeInt(7)), Json::from(7));
        assert_eq!(value(Value::Double(f64::NAN)), Json::from("NaN"));
        assert_eq!(value(Value::Blob(vec![0xff])), Json::from("/w=="));
    }

    #[test]
    fn times_are_utc_and_readable() {
        assert_eq!(value(Value::Timestamp(TimeUnit::Millisecond, 1500)), Json::from("1970-01-01T00:00:01.500000Z"));
        assert_eq!(value(Value::Date32(-1)), Json::from("1969-12-31"));
        assert_eq!(value(Value::Time64(TimeUnit::Microsecond, 3_661_000_000)), Json::from("01:01:01"));
    }
}
