use std::borrow::Cow;

use model::{Table, Value};

use crate::corrections::{Corrections, TRAILING_NULS};
use crate::extra::Extra;
use crate::flags::BAD_UTF8;
use crate::text;

/// A record in the making: what a protocol says of a payload.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(crate) values: Vec<Value<'a>>,
    pub(crate) call_id: Option<Cow<'a, str>>,
    pub(crate) may_correlate: bool,
    pub(crate) flags: Vec<&'static str>,
    /// The rules that are on for the sender.
    pub(crate) corrections: Corrections,
    /// What has no column.
    pub extra: Extra,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(table: &'static Table, corrections: Corrections) -> Self {
        Self {
            values: Vec::with_capacity(table.fields.len()),
            call_id: None,
            may_correlate: true,
            flags: Vec::new(),
            corrections,
            extra: Extra::default(),
        }
    }

    /// The value of the next field of the table.
    pub fn push(&mut self, value: impl Into<Value<'a>>) {
        self.values.push(value.into());
    }

    /// The next field, from bytes that should be UTF-8.
    pub fn push_text(&mut self, bytes: Option<&'a [u8]>) {
        let value = match bytes {
            Some(bytes) => Value::Text(self.text(bytes)),
            None => Value::Null,
        };
        self.values.push(value);
    }

    /// The Call-ID the payload itself names.
    pub fn set_call_id(&mut self, call_id: Cow<'a, str>) {
        self.call_id = Some(call_id);
    }

    /// The correlation id of this packet names something else than a call.
    pub fn forget_correlation(&mut self) {
        self.may_correlate = false;
    }

    pub fn flag(&mut self, name: &'static str) {
        if !self.flags.contains(&name) {
            self.flags.push(name);
        }
    }

    /// A payload that should be text, without the zero bytes that some senders end it with.
    pub fn readable<'b>(&mut self, payload: &'b [u8]) -> &'b [u8] {
        if payload.last() != Some(&0) || !self.corrections.contains(&TRAILING_NULS) {
            return payload;
        }
        let text = text::without_nuls(payload);
        if !text.is_empty() {
            self.flag(TRAILING_NULS.name);
        }
        text
    }

    /// Takes over what was read from bytes that do not live as long as the packet.
    pub(crate) fn adopt(&mut self, other: Draft<'_>) {
        self.values = other.values.into_iter().map(Value::into_owned).collect();
        self.call_id = other.call_id.map(|call_id| Cow::Owned(call_id.into_owned()));
        self.may_correlate = other.may_correlate;
        other.flags.into_iter().for_each(|flag| self.flag(flag));
        self.extra = other.extra;
    }

    /// The bytes as text, folds undone; invalid UTF-8 is replaced and flagged.
    pub fn text(&mut self, bytes: &'a [u8]) -> Cow<'a, str> {
        let (text, is_replaced) = text::read(bytes);
        if is_replaced {
            self.flag(BAD_UTF8);
        }
        text
    }
}
