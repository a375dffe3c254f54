use std::borrow::Cow;
use std::net::IpAddr;

use crate::{Micros, Table};

/// One stored packet, understood.
#[derive(Debug)]
pub struct Record<'a> {
    pub table: &'static Table,
    pub common: Common<'a>,
    /// One per `table.fields`, in the same order.
    pub values: Vec<Value<'a>>,
    /// JSON object of what has no column; `None` when there is nothing.
    pub extra: Option<String>,
    /// The payload after decompression, exactly.
    pub raw: &'a [u8],
}

/// The values of [`crate::COMMON`].
#[derive(Clone, Debug)]
pub struct Common<'a> {
    pub id: i64,
    pub ts: Micros,
    pub received: Micros,
    pub sender: IpAddr,
    pub listener: &'static str,
    pub hep_version: i16,
    pub hep_type: i32,
    pub transport: &'static str,
    pub src_ip: Option<IpAddr>,
    pub src_port: Option<i32>,
    pub dst_ip: Option<IpAddr>,
    pub dst_port: Option<i32>,
    pub capture_id: Option<i64>,
    pub node: Option<Cow<'a, str>>,
    pub correlation_id: Option<Cow<'a, str>>,
    pub call_id: Option<Cow<'a, str>>,
    pub size: i32,
    /// Empty for nearly every packet, hence no allocation.
    pub flags: Vec<&'static str>,
}

impl Record<'_> {
    /// The value of a column by its name: a common one, one of the table's, `extra` or `raw`. Null for a column
    /// this table does not have.
    pub fn value(&self, column: &str) -> Value<'_> {
        let place = self.table.fields.iter().position(|field| field.name == column);
        if let Some(value) = place.and_then(|place| self.values.get(place)) {
            return value.borrowed();
        }
        let common = &self.common;
        match column {
            "id" => Value::Int(common.id),
            "ts" => Value::Int(common.ts.0),
            "received" => Value::Int(common.received.0),
            "sender" => Value::from(common.sender.to_string()),
            "listener" => Value::from(common.listener),
            "hep_version" => Value::Int(common.hep_version.into()),
            "hep_type" => Value::Int(common.hep_type.into()),
            "transport" => Value::from(common.transport),
            "src_ip" => common.src_ip.map(|addr| addr.to_string()).into(),
            "src_port" => common.src_port.map(i64::from).into(),
            "dst_ip" => common.dst_ip.map(|addr| addr.to_string()).into(),
            "dst_port" => common.dst_port.map(i64::from).into(),
            "capture_id" => common.capture_id.into(),
            "node" => common.node.as_deref().into(),
            "correlation_id" => common.correlation_id.as_deref().into(),
            "call_id" => common.call_id.as_deref().into(),
            "size" => Value::Int(common.size.into()),
            "flags" => Value::TextList(common.flags.iter().copied().map(Cow::Borrowed).collect()),
            "extra" => self.extra.as_deref().into(),
            "raw" => Value::Bytes(Cow::Borrowed(self.raw)),
            _ => Value::Null,
        }
    }
}

/// A typed value of one field. Which variant a field takes follows from its [`crate::Kind`]:
/// Text, Ip and Json take `Text`; the integer kinds and Time take `Int`.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value<'a> {
    #[default]
    Null,
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(Cow<'a, [u8]>),
    TextList(Vec<Cow<'a, str>>),
}

impl Value<'_> {
    /// The same value without owning it.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Null => Value::Null,
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Int(number) => Value::Int(*number),
            Value::Float(number) => Value::Float(*number),
            Value::Bool(truth) => Value::Bool(*truth),
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Value::TextList(list) => {
                Value::TextList(list.iter().map(|item| Cow::Borrowed(item.as_ref())).collect())
            }
        }
    }
}

impl Value<'_> {
    /// The same value, independent of what it was read from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Int(number) => Value::Int(number),
            Value::Float(number) => Value::Float(number),
            Value::Bool(truth) => Value::Bool(truth),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Value::TextList(list) => {
                Value::TextList(list.into_iter().map(|item| Cow::Owned(item.into_owned())).collect())
            }
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
