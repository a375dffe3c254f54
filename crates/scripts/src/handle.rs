//! The packet as a script of ours has it: `function packet(p)` and `function record(r)`.

use std::sync::Arc;

use mlua::{Error, IntoLua, Lua, MetaMethod, Result, UserData, UserDataMethods, Value, Variadic};

use crate::cache;
use crate::program::Inside;
use crate::work::Work;

pub(crate) struct Handle(pub(crate) Arc<Inside>);

impl UserData for Handle {
    fn add_methods<'lua, M: UserDataMethods<'lua, Self>>(methods: &mut M) {
        methods.add_method("drop", |_, this, reason: Option<String>| {
            this.0.work().effects.dropped = Some(reason.unwrap_or_default());
            Ok(())
        });
        methods.add_method("tag", |_, this, name: String| this.0.work().tag(&name).map_err(wrong));
        methods.add_method("correlate", |_, this, id: mlua::String<'_>| {
            this.0.work().set_field("correlation_id", id.as_bytes()).map_err(wrong).map(|_| ())
        });
        methods.add_method("set", |_, this, (name, value): (String, Value<'_>)| {
            let text = text_of(&value)?;
            this.0.work().set(&name, &String::from_utf8_lossy(&text)).map_err(wrong)
        });
        methods.add_method("header", |lua, this, name: mlua::String<'_>| {
            let work = this.0.work();
            let message = sip::parse(work.payload());
            message.header_named(name.as_bytes()).map(|value| lua.create_string(value)).transpose()
        });
        methods
            .add_meta_method(MetaMethod::Index, |lua, this, name: String| field(lua, &this.0.work(), &name));
        methods.add_meta_method(MetaMethod::NewIndex, |_, this, (name, value): (String, Value<'_>)| {
            let value = text_of(&value)?;
            let is_field = this.0.work().set_field(&name, &value).map_err(wrong)?;
            let hint = "; p:set(name, text) keeps a text of your own";
            if is_field {
                Ok(())
            } else {
                Err(wrong(format!("a packet has no {name} that could be set{hint}")))
            }
        });
    }
}

/// A field of the packet, or a column of the record.
pub(crate) fn field<'lua>(lua: &'lua Lua, work: &Work, name: &str) -> Result<Value<'lua>> {
    let header = &work.effects.header;
    match name {
        "payload" | "raw" => lua.create_string(work.payload())?.into_lua(lua),
        "size" => work.payload().len().into_lua(lua),
        "hep_type" => header.hep_type.into_lua(lua),
        "ip_protocol" => header.ip_protocol.into_lua(lua),
        "src_ip" => header.src_ip.map(|address| address.to_string()).into_lua(lua),
        "dst_ip" => header.dst_ip.map(|address| address.to_string()).into_lua(lua),
        "src_port" => header.src_port.into_lua(lua),
        "dst_port" => header.dst_port.into_lua(lua),
        "seconds" => header.seconds.into_lua(lua),
        "micros" => header.micros.into_lua(lua),
        "capture_id" => header.capture_id.into_lua(lua),
        "node" => bytes(lua, header.node.as_deref()),
        "correlation_id" => bytes(lua, header.correlation_id.as_deref()),
        "table" => work.table.into_lua(lua),
        "transport" if work.table.is_none() => {
            hep::Transport::from_ip_protocol(header.ip_protocol.unwrap_or(0)).name().into_lua(lua)
        }
        column => match work.columns.iter().find(|(name, _)| *name == column) {
            Some((_, value)) => value_of(lua, value),
            None => Ok(Value::Nil),
        },
    }
}

fn value_of<'lua>(lua: &'lua Lua, value: &model::Value<'_>) -> Result<Value<'lua>> {
    match value {
        model::Value::Null => Ok(Value::Nil),
        model::Value::Text(text) => text.as_ref().into_lua(lua),
        model::Value::Int(number) => number.into_lua(lua),
        model::Value::Float(number) => number.into_lua(lua),
        model::Value::Bool(truth) => truth.into_lua(lua),
        model::Value::Bytes(bytes) => lua.create_string(bytes)?.into_lua(lua),
        model::Value::TextList(list) => {
            lua.create_sequence_from(list.iter().map(AsRef::<str>::as_ref))?.into_lua(lua)
        }
    }
}

fn bytes<'lua>(lua: &'lua Lua, bytes: Option<&[u8]>) -> Result<Value<'lua>> {
    bytes.map_or(Ok(Value::Nil), |bytes| lua.create_string(bytes)?.into_lua(lua))
}

/// What a script gives where a text is wanted.
pub(crate) fn text_of(value: &Value<'_>) -> Result<Vec<u8>> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Integer(number) => Ok(number.to_string().into_bytes()),
        Value::Number(number) => Ok(number.to_string().into_bytes()),
        Value::Boolean(truth) => Ok(truth.to_string().into_bytes()),
        other => Err(wrong(format!("a text is wanted, not {}", other.type_name()))),
    }
}

/// What is of use to scripts of either form.
pub(crate) fn offer(lua: &Lua, inside: &Arc<Inside>) -> Result<()> {
    let globals = lua.globals();
    for name in ["print", "Print"] {
        let own = Arc::clone(inside);
        let print = lua.create_function(move |_, values: Variadic<Value<'_>>| {
            let words: Result<Vec<String>> = values.iter().map(Value::to_string).collect();
            own.work().print(&words?.join("\t"));
            Ok(())
        })?;
        globals.set(name, print)?;
    }
    let own = Arc::clone(inside);
    let log = lua.create_function(move |_, (level, message, data): (String, String, Value<'_>)| {
        let data = if data.is_nil() { String::new() } else { format!(": {}", data.to_string()?) };
        own.work().print(&format!("{level} {message}{data}"));
        Ok(())
    })?;
    globals.set("Logp", log)?;
    globals.set(
        "HashString",
        lua.create_function(|lua, (kind, text): (String, mlua::String<'_>)| {
            lua.create_string(hash(&kind, text.as_bytes()))
        })?,
    )?;
    globals.set(
        "Hash",
        lua.create_function(|lua, (text, kind): (mlua::String<'_>, String)| {
            lua.create_string(hash(&kind, text.as_bytes()))
        })?,
    )?;
    let own = Arc::clone(inside);
    let remember =
        lua.create_function(move |lua, (what, name, value): (String, mlua::String<'_>, Value<'_>)| {
            let name = name.as_bytes();
            let value = if value.is_nil() { Vec::new() } else { text_of(&value)? };
            if name.len() > cache::TEXT_BYTES_MAX || value.len() > cache::TEXT_BYTES_MAX {
                return Err(wrong(format!(
                    "names and values of HashTable have at most {} bytes",
                    cache::TEXT_BYTES_MAX
                )));
            }
            match what.as_str() {
                "get" => lua.create_string(own.cache.get(name).unwrap_or_default()),
                "set" => {
                    own.cache.set(name, &value);
                    lua.create_string(value)
                }
                "del" => {
                    own.cache.delete(name);
                    lua.create_string("")
                }
                other => Err(wrong(format!("HashTable knows get, set and del, not {other:?}"))),
            }
        })?;
    globals.set("HashTable", remember)
}

fn hash(kind: &str, text: &[u8]) -> Vec<u8> {
    let digest = match kind {
        "md5" => <md5::Md5 as md5::Digest>::digest(text).to_vec(),
        "sha1" => <sha1::Sha1 as sha1::Digest>::digest(text).to_vec(),
        "sha256" => <sha2::Sha256 as sha2::Digest>::digest(text).to_vec(),
        // As heplify-server has it.
        _ => return text.to_vec(),
    };
    digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

pub(crate) fn wrong(words: impl Into<String>) -> Error {
    Error::RuntimeError(words.into())
}
