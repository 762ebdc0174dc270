//! The table function that hands over rows, and all that is unsafe about it.
#![expect(
    unsafe_code,
    reason = "DuckDB's crate writes to a vector of text only by a copy that is proved to be UTF-8 anew"
)]

use std::error::Error;
use std::ffi::c_char;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::ffi;
use duckdb::vtab::{BindInfo, InitInfo, TableFunctionInfo, VTab};
use duckdb::{Connection, Result};

use crate::chunk::Chunk;
use crate::column::{Column, Data, Kind};

/// The function's name. While nothing is handed over it has no columns, so that nobody else can ask it anything.
pub(crate) const NAME: &str = "cellblock_lines";

/// How many bytes a text has that DuckDB keeps in the vector itself, and with longer ones their beginning.
const INLINED: usize = 12;
const PREFIX: usize = 4;

/// Where the function finds the rows, and whether it gave them already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<(Chunk, bool)>>>);

impl Slot {
    pub(crate) fn fill(&self, chunk: Chunk) {
        self.with(|held| *held = Some((chunk, false)));
    }

    pub(crate) fn empty(&self) -> Option<Chunk> {
        self.with(|held| held.take().map(|(chunk, _)| chunk))
    }

    fn with<T>(&self, what: impl FnOnce(&mut Option<(Chunk, bool)>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes the function known to a connection, in place of the one that was there.
pub(crate) fn register(connection: &Connection) -> Result<Slot> {
    let slot = Slot::default();
    connection.register_table_function_with_extra_info::<Lines, Slot>(NAME, &slot)?;
    Ok(slot)
}

struct Lines;

impl VTab for Lines {
    type InitData = ();
    type BindData = ();

    fn bind(bind: &BindInfo) -> Result<(), Box<dyn Error>> {
        // SAFETY: the function was registered with a slot, which DuckDB keeps as long as the function.
        let slot = unsafe { bind.get_extra_info::<Slot>().as_ref() }.ok_or("no slot")?;
        slot.with(|held| {
            for column in held.iter().flat_map(|(chunk, _)| chunk.known()) {
                bind.add_result_column(&column.name, LogicalTypeHandle::from(kind(column.kind)));
            }
        });
        Ok(())
    }

    fn init(_: &InitInfo) -> Result<(), Box<dyn Error>> {
        Ok(())
    }

    fn func(info: &TableFunctionInfo<Self>, output: &mut DataChunkHandle) -> Result<(), Box<dyn Error>> {
        // SAFETY: as in bind().
        let slot = unsafe { info.get_extra_info::<Slot>().as_ref() }.ok_or("no slot")?;
        slot.with(|held| {
            let Some((chunk, given)) = held.as_mut().filter(|(_, given)| !given) else {
                output.set_len(0);
                return Ok(());
            };
            *given = true;
            if output.num_columns() != chunk.known().count() {
                return Err("rows of other columns than were asked for".into());
            }
            chunk.known().enumerate().for_each(|(at, column)| hand_over(chunk, column, output, at));
            output.set_len(chunk.rows());
            Ok(())
        })
    }
}

fn kind(kind: Kind) -> LogicalTypeId {
    match kind {
        Kind::Text => LogicalTypeId::Varchar,
        Kind::Long => LogicalTypeId::Bigint,
        Kind::Time => LogicalTypeId::Timestamp,
        Kind::Truth => LogicalTypeId::Boolean,
        Kind::Tiny => LogicalTypeId::UTinyint,
        Kind::Small => LogicalTypeId::USmallint,
        Kind::Number => LogicalTypeId::UInteger,
        Kind::Big => LogicalTypeId::UBigint,
    }
}

/// Writes one column into its vector. Texts stay where they are: the vector points to them.
fn hand_over(chunk: &Chunk, column: &Column, output: &DataChunkHandle, at: usize) {
    let rows = chunk.rows();
    match &column.data {
        Data::Text(places) => texts(chunk, column, places, output, at),
        Data::Long(values) => copy(values, rows, output, at),
        Data::Truth(values) => copy(values, rows, output, at),
        Data::Tiny(values) => copy(values, rows, output, at),
        Data::Small(values) => copy(values, rows, output, at),
        Data::Number(values) => copy(values, rows, output, at),
        Data::Big(values) => copy(values, rows, output, at),
    }
    if (0..rows).all(|row| column.has(row)) {
        return;
    }
    // SAFETY: bind() declared so many columns, so the vector is there. Its mask, once it may be written to, has a bit
    // for each of the 2048 rows of a vector. They are words of ours, which overlap with none of DuckDB's memory.
    unsafe {
        let vector = ffi::duckdb_data_chunk_get_vector(output.get_ptr(), at as u64);
        ffi::duckdb_vector_ensure_validity_writable(vector);
        let mask = ffi::duckdb_vector_get_validity(vector);
        ptr::copy_nonoverlapping(column.there.as_ptr(), mask, column.there.len());
    }
}

fn copy<T: Copy>(values: &[T], rows: usize, output: &DataChunkHandle, at: usize) {
    let values = values.get(..rows).unwrap_or_default();
    // SAFETY: bind() declared the column with the type that is laid out as T (see kind()). While the function runs,
    // nothing else holds the vector. copy() checks the length.
    unsafe { output.flat_vector(at).copy(values) };
}

fn texts(chunk: &Chunk, column: &Column, places: &[std::ops::Range<usize>], output: &DataChunkHandle, at: usize) {
    let mut vector = output.flat_vector(at);
    // SAFETY: bind() declared the column a VARCHAR, whose vector holds so many duckdb_string_t; all of them are written
    // before anything is read.
    let strings = unsafe { vector.as_mut_slice_with_len::<ffi::duckdb_string_t>(chunk.rows().min(places.len())) };
    for (row, (string, place)) in strings.iter_mut().zip(places).enumerate() {
        *string = text(if column.has(row) { chunk.text(place) } else { &[] });
    }
}

/// A text as DuckDB writes it. What points to the chunk's bytes does so no longer than the chunk stays in the slot as
/// it is. [`crate::Table::flush`] takes it out when the INSERT has ended, which has copied every text into the table.
fn text(bytes: &[u8]) -> ffi::duckdb_string_t {
    use ffi::{
        duckdb_string_t__bindgen_ty_1 as Either, duckdb_string_t__bindgen_ty_1__bindgen_ty_1 as Long,
        duckdb_string_t__bindgen_ty_1__bindgen_ty_2 as Short,
    };
    // A line has 1 MiB at most; a chunk a few more. What no length can tell is no text of ours.
    let length = u32::try_from(bytes.len()).unwrap_or(0);
    let head = |inlined: &mut [c_char]| {
        inlined.iter_mut().zip(bytes).for_each(|(to, from)| *to = from.cast_signed());
    };
    let value = if bytes.len() <= INLINED {
        let mut inlined = [0; INLINED];
        head(&mut inlined);
        Either { inlined: Short { length, inlined } }
    } else {
        let mut prefix = [0; PREFIX];
        head(&mut prefix);
        Either { pointer: Long { length, prefix, ptr: bytes.as_ptr().cast_mut().cast() } }
    };
    ffi::duckdb_string_t { value }
}
