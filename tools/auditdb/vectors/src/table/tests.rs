//! What comes out of DuckDB is what was put in.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use super::*;

const COLUMNS: [(&str, Kind); 9] = [
    ("n", Kind::Long),
    ("t", Kind::Text),
    ("moment", Kind::Time),
    ("yes", Kind::Truth),
    ("tiny", Kind::Tiny),
    ("small", Kind::Small),
    ("number", Kind::Number),
    ("big", Kind::Big),
    ("late", Kind::Text),
];
const TABLE: &str =
    "CREATE TABLE r (n BIGINT, t VARCHAR, moment TIMESTAMP, yes BOOLEAN, tiny UTINYINT, small USMALLINT,
    number UINTEGER, big UBIGINT, late VARCHAR)";

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLE).unwrap();
    connection
}

/// A row of a number, a text and one that most rows do not have.
fn row<'a>(n: i64, text: Option<&'a str>, late: Option<&'a str>) -> [Value<'a>; 9] {
    let mut row = [Value::Null; 9];
    row[0] = Value::Long(n);
    row[1] = text.map_or(Value::Null, Value::Text);
    row[8] = late.map_or(Value::Null, Value::Text);
    row
}

/// All rows, as [`row`] has them.
fn rows(connection: &Connection) -> Vec<(i64, Option<String>, Option<String>)> {
    let mut statement = connection.prepare("SELECT n, t, late FROM r ORDER BY n").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn texts_of_every_length_and_their_nulls_come_through_however_many_rows_there_are() {
    // DuckDB keeps 12 bytes in its vector and points to longer ones; 2048 rows go at once, or 8 MiB.
    let odd = [1, 2, 3, 4, 5, 1 << 10, 150_000].map(|times| "\u{0}ä€x".repeat(times));
    let texts: Vec<String> = (0..25).map(|length| "x".repeat(length)).chain(odd).collect();
    for count in [0, 1, 63, 64, 65, 2047, 2048, 2049, 5000] {
        let connection = database();
        let mut table = Table::of(&connection, "r", &COLUMNS).unwrap();
        let text = |n: i64| {
            let length = if n % 500 == 499 { 31 - n % 2 } else { n % 30 };
            (n % 7 != 3).then(|| texts[usize::try_from(length).unwrap()].as_str())
        };
        (0..count).for_each(|n| table.push(row(n, text(n), None).into_iter()).unwrap());
        table.flush().unwrap();
        table.flush().unwrap();
        let expected: Vec<_> = (0..count).map(|n| (n, text(n).map(str::to_owned), None)).collect();
        assert!(rows(&connection) == expected, "{count} rows");
    }
}

#[test]
fn a_column_that_is_filled_late_is_null_before_and_rows_of_a_second_round_forget_those_of_the_first() {
    let connection = database();
    let mut table = Table::of(&connection, "r", &COLUMNS).unwrap();
    let mut expected = Vec::new();
    for (n, text, late) in [(0, Some("a text that is long"), None), (1, None, Some("late")), (2, None, None)] {
        table.push(row(n, text, late).into_iter()).unwrap();
        table.flush().unwrap();
        expected.push((n, text.map(str::to_owned), late.map(str::to_owned)));
    }
    assert_eq!(rows(&connection), expected);
}

#[test]
fn the_least_and_the_greatest_of_each_type_come_through() {
    let connection = database();
    let mut table = Table::of(&connection, "r", &COLUMNS).unwrap();
    let (least, most) = (-62_135_596_800_000_000, 253_402_300_799_999_999);
    let values = |n, at, yes, tiny, small, number, big| {
        let (n, at, yes, tiny) = (Value::Long(n), Value::Time(at), Value::Truth(yes), Value::Tiny(tiny));
        [
            n,
            Value::Text(""),
            at,
            yes,
            tiny,
            Value::Small(small),
            Value::Number(number),
            Value::Big(big),
            Value::Text("x"),
        ]
    };
    table.push(values(i64::MIN, least, false, 0, 0, 0, 0).into_iter()).unwrap();
    table.push(values(i64::MAX, most, true, u8::MAX, u16::MAX, u32::MAX, u64::MAX).into_iter()).unwrap();
    table.flush().unwrap();
    let all = "SELECT string_agg(COLUMNS(*)::VARCHAR, ' ' ORDER BY n) FROM r";
    let read: Vec<String> = connection.query_row(all, [], |row| (0..9).map(|at| row.get(at)).collect()).unwrap();
    let times = "0001-01-01 00:00:00 9999-12-31 23:59:59.999999";
    let expected = [
        "-9223372036854775808 9223372036854775807",
        " ",
        times,
        "false true",
        "0 255",
        "0 65535",
        "0 4294967295",
        "0 18446744073709551615",
        "x x",
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_value_of_another_type_is_refused_and_so_is_who_asks_the_function_himself() {
    let connection = database();
    let mut table = Table::of(&connection, "r", &COLUMNS).unwrap();
    let mut odd = row(0, Some("a text that is long"), None);
    odd[2] = Value::Long(0);
    assert!(table.push(odd.into_iter()).unwrap_err().to_string().contains("cannot hold"));
    table.push(row(1, None, Some("x")).into_iter()).unwrap();
    table.flush().unwrap();
    assert_eq!(rows(&connection), [(1, None, Some("x".to_owned()))], "nothing is left of it");
    let asked = connection.execute_batch(&format!("SELECT * FROM {}()", lines::NAME));
    assert!(asked.is_err());
}

#[test]
fn rows_are_gone_with_their_transaction() {
    let connection = database();
    let mut table = Table::of(&connection, "r", &COLUMNS).unwrap();
    for (end, count) in [("ROLLBACK", 0), ("COMMIT", 3000)] {
        connection.execute_batch("BEGIN").unwrap();
        (0..3000).for_each(|n| table.push(row(n, Some("a text that is long"), None).into_iter()).unwrap());
        table.flush().unwrap();
        connection.execute_batch(end).unwrap();
        assert_eq!(rows(&connection).len(), count, "{end}");
    }
}
