//! Columns of published rows by name. A column that is not there, or of another type, has no values.

use arrow::array::{Array, AsArray as _, BooleanArray, ListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::ArrowPrimitiveType;

pub(super) struct Texts<'b>(Option<&'b StringArray>);

impl<'b> Texts<'b> {
    pub(super) fn of(rows: &'b RecordBatch, name: &str) -> Self {
        Self(rows.column_by_name(name).and_then(|column| column.as_string_opt()))
    }

    pub(super) fn get(&self, row: usize) -> Option<&'b str> {
        self.0.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row))
    }
}

pub(super) struct Numbers<'b, T: ArrowPrimitiveType>(Option<&'b PrimitiveArray<T>>);

impl<'b, T: ArrowPrimitiveType> Numbers<'b, T> {
    pub(super) fn of(rows: &'b RecordBatch, name: &str) -> Self {
        Self(rows.column_by_name(name).and_then(|column| column.as_primitive_opt()))
    }

    pub(super) fn get(&self, row: usize) -> Option<T::Native> {
        self.0.filter(|numbers| numbers.is_valid(row)).map(|numbers| numbers.value(row))
    }
}

pub(super) struct Flags<'b>(Option<&'b BooleanArray>);

impl<'b> Flags<'b> {
    pub(super) fn of(rows: &'b RecordBatch, name: &str) -> Self {
        Self(rows.column_by_name(name).and_then(|column| column.as_boolean_opt()))
    }

    pub(super) fn get(&self, row: usize) -> bool {
        self.0.is_some_and(|flags| flags.is_valid(row) && flags.value(row))
    }
}

pub(super) struct Lists<'b>(Option<&'b ListArray>);

impl<'b> Lists<'b> {
    pub(super) fn of(rows: &'b RecordBatch, name: &str) -> Self {
        Self(rows.column_by_name(name).and_then(|column| column.as_list_opt()))
    }

    /// Hands out each text of a row's list.
    pub(super) fn each(&self, row: usize, mut take: impl FnMut(&str)) {
        let Some(lists) = self.0.filter(|lists| lists.is_valid(row)) else { return };
        let items = lists.value(row);
        if let Some(texts) = items.as_string_opt::<i32>() {
            texts.iter().flatten().for_each(&mut take);
        }
    }
}
