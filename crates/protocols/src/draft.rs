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
    /// The payload, where all of it is UTF-8: its parts need not be looked at again.
    known_text: &'a str,
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
            known_text: "",
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

    /// Says that parts of this payload will be asked for as text.
    pub(crate) fn expect_parts_of(&mut self, payload: &'a [u8]) {
        self.known_text = std::str::from_utf8(payload).unwrap_or_default();
    }

    /// The part of the known text that these very bytes are.
    fn known_part(&self, bytes: &[u8]) -> Option<&'a str> {
        let start = (bytes.as_ptr() as usize).checked_sub(self.known_text.as_ptr() as usize)?;
        self.known_text.get(start..start.checked_add(bytes.len())?)
    }

    /// The bytes as text, folds undone; invalid UTF-8 is replaced and flagged.
    pub fn text(&mut self, bytes: &'a [u8]) -> Cow<'a, str> {
        let (text, is_replaced) = text::read(bytes, self.known_part(bytes));
        if is_replaced {
            self.flag(BAD_UTF8);
        }
        text
    }
}
