//! The functions that scripts of heplify-server call, by its names.

use std::sync::Arc;

use mlua::{IntoLua as _, Lua, MetaMethod, Result, Table, UserData, UserDataMethods, Value};
use sip::value::NameAddr;
use sip::{Message, Name, Start};

use crate::handle::{field, text_of, wrong};
use crate::program::Inside;
use crate::work::Work;

/// Fields of the HEP packet: its name for it, and ours.
const HEP_FIELDS: &[(&str, &str)] = &[
    ("ProtoType", "hep_type"),
    ("Protocol", "ip_protocol"),
    ("SrcIP", "src_ip"),
    ("SrcPort", "src_port"),
    ("DstIP", "dst_ip"),
    ("DstPort", "dst_port"),
    ("Tsec", "seconds"),
    ("Tmsec", "micros"),
    ("NodeID", "capture_id"),
    ("NodeName", "node"),
    ("CID", "correlation_id"),
    ("Payload", "payload"),
];

/// Parts of the SIP message that may be set, and the columns they are.
const SIP_COLUMNS: &[(&str, &str)] = &[
    ("ViaOne", "via_one"),
    ("FromUser", "from_user"),
    ("FromHost", "from_host"),
    ("FromTag", "from_tag"),
    ("ToUser", "to_user"),
    ("ToHost", "to_host"),
    ("ToTag", "to_tag"),
    ("CallID", "call_id"),
    ("XCallID", "x_call_id"),
    ("ContactUser", "contact_user"),
    ("ContactHost", "contact_host"),
    ("UserAgent", "user_agent"),
    ("Server", "user_agent"),
    ("Authorization.Username", "auth_user"),
    ("PaiUser", "pai_user"),
    ("PaiHost", "pai_host"),
];

/// What `GetHEPStruct` gives.
struct Hep(Arc<Inside>);

/// What `GetSIPStruct` gives.
struct Sip(Arc<Inside>);

impl UserData for Hep {
    fn add_methods<'lua, M: UserDataMethods<'lua, Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::Index, |lua, this, name: String| {
            if name == "SIP" {
                return sip_struct(lua, &this.0);
            }
            read_hep(lua, &this.0.work(), &name)
        });
        methods.add_meta_method(MetaMethod::NewIndex, |_, this, (name, value): (String, Value<'_>)| {
            set_hep(&mut this.0.work(), &name, &text_of(&value)?)
        });
    }
}

impl UserData for Sip {
    fn add_methods<'lua, M: UserDataMethods<'lua, Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::Index, |lua, this, name: String| {
            let work = this.0.work();
            let column = SIP_COLUMNS.iter().find(|(known, _)| *known == name);
            let set = column
                .and_then(|(_, column)| work.effects.said.set.iter().find(|(known, _)| known == column));
            if let Some((_, text)) = set {
                return text.as_str().into_lua(lua);
            }
            match part(&sip::parse(work.payload()), &name) {
                Some(bytes) => lua.create_string(bytes)?.into_lua(lua),
                None => Ok(Value::Nil),
            }
        });
        methods.add_meta_method(MetaMethod::NewIndex, |_, this, (name, value): (String, Value<'_>)| {
            set_sip(&mut this.0.work(), &name, &text_of(&value)?)
        });
    }
}

pub(crate) fn offer(lua: &Lua, inside: &Arc<Inside>) -> Result<()> {
    let globals = lua.globals();
    let readers = [
        ("GetHEPProtoType", "hep_type"),
        ("GetHEPSrcIP", "src_ip"),
        ("GetHEPSrcPort", "src_port"),
        ("GetHEPDstIP", "dst_ip"),
        ("GetHEPDstPort", "dst_port"),
        ("GetHEPTimeSeconds", "seconds"),
        ("GetHEPTimeUseconds", "micros"),
        ("GetHEPNodeID", "capture_id"),
        ("GetRawMessage", "payload"),
    ];
    for (name, ours) in readers {
        let own = Arc::clone(inside);
        globals.set(name, lua.create_function(move |lua, ()| or_zero(lua, &own.work(), ours))?)?;
    }
    let own = Arc::clone(inside);
    globals.set("GetHEPStruct", lua.create_function(move |_, ()| Ok(Hep(Arc::clone(&own))))?)?;
    let own = Arc::clone(inside);
    globals.set("GetSIPStruct", lua.create_function(move |lua, ()| sip_struct(lua, &own))?)?;
    let own = Arc::clone(inside);
    let set = lua.create_function(move |_, text: mlua::String<'_>| {
        own.work().set_field("payload", text.as_bytes()).map_err(wrong).map(|_| ())
    })?;
    globals.set("SetRawMessage", set)?;
    let own = Arc::clone(inside);
    let set = lua.create_function(move |_, (name, value): (String, Value<'_>)| {
        set_hep(&mut own.work(), &name, &text_of(&value)?)
    })?;
    globals.set("SetHEPField", set)?;
    let own = Arc::clone(inside);
    let set = lua.create_function(move |_, (name, value): (String, Value<'_>)| {
        set_sip(&mut own.work(), &name, &text_of(&value)?)
    })?;
    globals.set("SetSIPHeader", set)?;
    let own = Arc::clone(inside);
    let set = lua.create_function(move |_, headers: Table<'_>| {
        for pair in headers.pairs::<String, Value<'_>>() {
            let (name, value) = pair?;
            let text = text_of(&value)?;
            own.work().set(&name, &String::from_utf8_lossy(&text)).map_err(wrong)?;
        }
        Ok(())
    })?;
    globals.set("SetCustomSIPHeader", set)?;
    let own = Arc::clone(inside);
    let set = lua.create_function(move |_, name: String| own.work().set("profile", &name).map_err(wrong))?;
    globals.set("SetSIPProfile", set)?;
    let own = Arc::clone(inside);
    let set = lua.create_function(move |_, (name, value): (String, Value<'_>)| {
        let text = text_of(&value)?;
        own.work().set(&format!("label_{name}"), &String::from_utf8_lossy(&text)).map_err(wrong)
    })?;
    globals.set("SetLokiLabel", set)
}

/// Empty where the payload is no SIP, as heplify-server has it.
fn sip_struct<'lua>(lua: &'lua Lua, inside: &Arc<Inside>) -> Result<Value<'lua>> {
    if sip::parse(inside.work().payload()).is_sip() {
        return Sip(Arc::clone(inside)).into_lua(lua);
    }
    "".into_lua(lua)
}

/// Nothing is 0 or an empty text there.
fn or_zero<'lua>(lua: &'lua Lua, work: &Work, name: &str) -> Result<Value<'lua>> {
    match field(lua, work, name)? {
        Value::Nil if matches!(name, "src_ip" | "dst_ip" | "node" | "correlation_id" | "payload") => {
            "".into_lua(lua)
        }
        Value::Nil => 0.into_lua(lua),
        value => Ok(value),
    }
}

fn read_hep<'lua>(lua: &'lua Lua, work: &Work, name: &str) -> Result<Value<'lua>> {
    if name == "SID" {
        let message = sip::parse(work.payload());
        let own = message.call_id().unwrap_or_default();
        let said = work.effects.said.call_id.as_deref().map_or(own, str::as_bytes);
        return lua.create_string(said)?.into_lua(lua);
    }
    match HEP_FIELDS.iter().find(|(known, _)| *known == name) {
        Some((_, ours)) => or_zero(lua, work, ours),
        None => Ok(Value::Nil),
    }
}

fn set_hep(work: &mut Work, name: &str, value: &[u8]) -> Result<()> {
    let text = || String::from_utf8_lossy(value);
    match name {
        "SID" => work.set("call_id", &text()).map_err(wrong),
        "TargetName" => work.set("target_name", &text()).map_err(wrong),
        _ => match HEP_FIELDS.iter().find(|(known, _)| *known == name) {
            Some((_, ours)) => work.set_field(ours, value).map_err(wrong).map(|_| ()),
            None => Err(wrong(format!("SetHEPField knows no {name:?}"))),
        },
    }
}

fn set_sip(work: &mut Work, name: &str, value: &[u8]) -> Result<()> {
    match SIP_COLUMNS.iter().find(|(known, _)| *known == name) {
        Some((_, column)) => work.set(column, &String::from_utf8_lossy(value)).map_err(wrong),
        None => Err(wrong(format!("SetSIPHeader knows no {name:?}"))),
    }
}

/// A part by the name heplify-server has for it; empty if the message has none, `None` if there is no such part.
fn part(message: &Message<'_>, name: &str) -> Option<Vec<u8>> {
    let header = |name: Name| message.header(name).unwrap_or_default().to_vec();
    let user =
        |address: Option<NameAddr<'_>>| address.and_then(|it| it.uri.user).unwrap_or_default().to_vec();
    let host =
        |address: Option<NameAddr<'_>>| address.and_then(|it| it.uri.host).unwrap_or_default().to_vec();
    let tag = |address: Option<NameAddr<'_>>| address.and_then(|it| it.tag()).unwrap_or_default().to_vec();
    let identity = || message.header(Name::PAssertedIdentity).and_then(NameAddr::first);
    let cseq = message.cseq();
    Some(match name {
        "FromUser" => user(message.from()),
        "FromHost" => host(message.from()),
        "FromTag" => tag(message.from()),
        "ToUser" => user(message.to()),
        "ToHost" => host(message.to()),
        "ToTag" => tag(message.to()),
        "ContactUser" => user(message.contact()),
        "ContactHost" => host(message.contact()),
        "PaiUser" => user(identity()),
        "PaiHost" => host(identity()),
        "CallID" => message.call_id().unwrap_or_default().to_vec(),
        "XCallID" => message.header_named(b"X-CID").unwrap_or_default().to_vec(),
        "CseqMethod" => cseq.map_or_else(Vec::new, |cseq| cseq.method.to_vec()),
        "CseqVal" => {
            cseq.and_then(|cseq| cseq.number).map_or_else(Vec::new, |number| number.to_string().into_bytes())
        }
        "FirstMethod" => match message.start() {
            Start::Request { method, .. } => method.to_vec(),
            Start::Response { status, .. } => status.to_string().into_bytes(),
            Start::Fragment => Vec::new(),
        },
        "FirstResp" => message.status().map_or_else(Vec::new, |status| status.to_string().into_bytes()),
        "FirstRespText" => message.reason_phrase().unwrap_or_default().to_vec(),
        "URIRaw" => message.request_uri().map_or_else(Vec::new, |uri| uri.raw.to_vec()),
        "URIUser" => message.request_uri().and_then(|uri| uri.user).unwrap_or_default().to_vec(),
        "URIHost" => message.request_uri().and_then(|uri| uri.host).unwrap_or_default().to_vec(),
        "UserAgent" => header(Name::UserAgent),
        "Server" => header(Name::Server),
        "ViaOne" => header(Name::Via),
        "ViaOneBranch" => message.via_branch().unwrap_or_default().to_vec(),
        "Expires" => header(Name::Expires),
        "ContentType" => header(Name::ContentType),
        "ReasonVal" => header(Name::Reason),
        "Body" => message.body().to_vec(),
        _ => return None,
    })
}
