//! The description of the web's doors, for programs that make clients.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hep::json::{Form, KEYS, Key};
use utoipa::openapi::schema::{AnyOf, Array, Object, ObjectBuilder, OneOf, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Header, KnownFormat, Ref, RefOr, Response, Schema, SchemaFormat};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::{http, json, websocket};

#[derive(OpenApi)]
#[openapi(
    paths(http::take, http::take_json, websocket::upgrade),
    components(schemas(http::Answer)),
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

/// The answers to a body of packets, in whatever form.
pub(super) enum Answers {}

impl IntoResponses for Answers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let retry_after = || {
            let seconds = Object::builder()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
                .minimum(Some(0));
            Header::builder().schema(Some(seconds)).description(Some("seconds")).build()
        };
        [
            ("200", "what was accepted is on disk; it says what became of the rest"),
            ("400", "nothing was of use, or the body broke off"),
            ("403", "nothing was of use, for want of the right HEP key"),
            ("408", "the body did not arrive in time"),
            ("413", "the body is too large; nothing of it was read"),
            ("415", "another content type"),
            ("503", "nothing may have been stored: send it again"),
        ]
        .into_iter()
        .map(|(status, description)| {
            let answer = Content::new(Some(Ref::from_schema_name(http::Answer::name())));
            let mut response =
                Response::builder().description(description).content("application/json", answer).build();
            if status == "503" {
                response.headers.insert("retry-after".to_owned(), retry_after().into());
            }
            (status.to_owned(), response.into())
        })
        .collect()
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
