//! The table of signalling protocols that are named, not taken apart.

use model::{Field, Kind, Rows, Table};

use crate::Draft;

pub(crate) static TABLE: Table = Table {
    name: "signalling",
    doc: "Other signalling: XMPP, MGCP, MEGACO, IAX, H.32x, each message by name",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The message on one line, without names of people"),
        Field::new("protocol", Kind::Text, "xmpp, mgcp, megaco, iax, h322 or h321; for SS7 see that table").facet(),
        Field::new("kind", Kind::Text, "request or reply; of XMPP the type of the stanza (RFC 6120 8.1.4)").facet(),
        Field::new("method", Kind::Text, "Name of the message: verb of MGCP (RFC 3435 3.2), command of MEGACO (RFC 3525 7.2), stanza of XMPP (RFC 6120 8), frame of IAX (RFC 5456 8.4), message of Q.931").facet(),
        Field::new("status", Kind::Int16, "Return code of a reply (RFC 3435 2.4, RFC 3525 13.3)").facet(),
        Field::new("reason_phrase", Kind::Text, "Text beside the return code"),
        Field::new("transaction", Kind::Text, "What joins a reply to its request (RFC 3435 3.2.1, RFC 3525 8, RFC 6120 8.1.3)").indexed(),
        Field::new("endpoint", Kind::Text, "Endpoint of a gateway (RFC 3435 3.2.1), termination (RFC 3525 6)").indexed(),
        Field::new("context", Kind::Text, "Context of terminations (RFC 3525 6), connection (RFC 3435 3.2.2.5), call numbers of IAX (RFC 5456 8.1.1)"),
        Field::new("from_user", Kind::Text, "User of from (RFC 6120 8.1.2), calling number (RFC 5456 8.6.2)").indexed().private(),
        Field::new("from_host", Kind::Text, "Host of from (RFC 6120 8.1.2)").facet(),
        Field::new("to_user", Kind::Text, "User of to (RFC 6120 8.1.1), called number (RFC 5456 8.6.1)").indexed().private(),
        Field::new("to_host", Kind::Text, "Host of to (RFC 6120 8.1.1)").facet(),
    ],
};

/// The columns, by name: each protocol fills its own few.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) text: Option<String>,
    pub(crate) protocol: &'static str,
    pub(crate) kind: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) status: Option<i64>,
    pub(crate) reason_phrase: Option<String>,
    pub(crate) transaction: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) from_user: Option<String>,
    pub(crate) from_host: Option<String>,
    pub(crate) to_user: Option<String>,
    pub(crate) to_host: Option<String>,
}

impl Message {
    /// In the order of the table.
    pub(crate) fn push(self, draft: &mut Draft<'_>) {
        draft.push(self.text);
        draft.push(self.protocol);
        draft.push(self.kind);
        draft.push(self.method);
        draft.push(self.status.filter(|status| i16::try_from(*status).is_ok()));
        let rest = [
            self.reason_phrase,
            self.transaction,
            self.endpoint,
            self.context,
            self.from_user,
            self.from_host,
            self.to_user,
            self.to_host,
        ];
        rest.into_iter().for_each(|text| draft.push(text));
    }
}
