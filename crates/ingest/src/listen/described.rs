//! The description of the web's doors, for programs that make clients.

use std::borrow::Cow;

use hep::json::{Form, KEYS, Key};
use utoipa::openapi::schema::{AnyOf, Array, Object, ObjectBuilder, OneOf, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};

use super::{http, json, websocket};

#[derive(OpenApi)]
#[openapi(
    paths(http::take, http::take_json, websocket::upgrade),
    modifiers(&HepKeys),
    tags((name = "ingest", description = "Send packets; no login, but the HEP key where keys are configured"))
)]
struct Document;

/// What the web's doors take and answer, to be merged into the description of the pages that are served beside them.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The ways to state the HEP key of a request.
struct HepKeys;

impl Modify for HepKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(json::KEY_HEADER)));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("hep_key", header);
        components.add_security_scheme("hep_key_bearer", http(HttpAuthScheme::Bearer));
        components.add_security_scheme("hep_key_basic", http(HttpAuthScheme::Basic));
    }
}

/// A body of JSON: an item, or a list of them.
pub(super) enum JsonBody {}

impl ToSchema for JsonBody {
    fn name() -> Cow<'static, str> {
        "JsonBody".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((JsonItem::name().into(), JsonItem::schema()));
    }
}

impl PartialSchema for JsonBody {
    fn schema() -> RefOr<Schema> {
        let item = || Ref::from_schema_name(JsonItem::name());
        let mut either = OneOf::new();
        either.items = vec![item().into(), Schema::Array(Array::new(item())).into()];
        Schema::OneOf(either).into()
    }
}

/// A packet, or an event of a media server.
enum JsonItem {}

impl ToSchema for JsonItem {
    fn name() -> Cow<'static, str> {
        "JsonItem".into()
    }
}

impl PartialSchema for JsonItem {
    fn schema() -> RefOr<Schema> {
        let any =
            |description| Object::builder().schema_type(SchemaType::AnyValue).description(Some(description));
        let text = |description| Object::builder().schema_type(Type::String).description(Some(description));
        let chunks = any("other chunks: `[{\"vendor\": 7, \"type\": 1, \"hex\": \"0a0b\"}]`");
        let rcinfo = KEYS
            .iter()
            .fold(Object::builder(), |object, key| object.property(key.names[0], value(key)))
            .property("chunks", chunks)
            .description(Some("numbers may be texts; other keys are named in the answer"));
        let packet = Object::builder()
            .property("rcinfo", rcinfo)
            .property("payload", any("text; an object or a list is kept as its JSON"))
            .property("payloadHex", text("in place of a payload that is not UTF-8"))
            .required("rcinfo")
            .description(Some("a packet in the form of hep-js and HEPop; at most 65,535 bytes as HEPv3"));
        let event = Object::builder().description(Some("an event of Janus or mediasoup, without `rcinfo`"));
        let mut either = AnyOf::new();
        either.items = vec![packet.into(), event.into()];
        Schema::AnyOf(either).into()
    }
}

/// What a key of `rcinfo` may be.
fn value(key: &Key) -> ObjectBuilder {
    let types = match key.form {
        Form::Mac | Form::Address | Form::Text => SchemaType::Type(Type::String),
        _ => SchemaType::from_iter([Type::Integer, Type::String]),
    };
    let mut description = format!("chunk {:#06x}", key.kind);
    if key.vendor != 0 {
        description += &format!(" of vendor {}", key.vendor);
    }
    if let [_, others @ ..] = key.names
        && !others.is_empty()
    {
        description += &format!("; also `{}`", others.join("`, `"));
    }
    Object::builder().schema_type(types).description(Some(description))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_types_described_are_those_taken() {
        let document = serde_json::to_value(openapi()).expect("the document becomes JSON");
        for (path, taken) in [("/hep", http::MEDIA_TYPES), ("/api/v1/ingest", json::MEDIA_TYPES)] {
            let content =
                document["paths"][path]["post"]["requestBody"]["content"].as_object().expect("a body");
            let mut described: Vec<&str> = content.keys().map(String::as_str).collect();
            let mut taken = taken.to_vec();
            described.sort_unstable();
            taken.sort_unstable();
            assert_eq!(described, taken, "{path}");
        }
    }
}
