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
    pub hep_type: i16,
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

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
