//! The table of what programs do beside signalling: commands, connections, sessions of media servers.

use model::{Field, Kind, Rows, Table};

use crate::Draft;

pub(crate) static TABLE: Table = Table {
    name: "event",
    doc: "What servers report of themselves: commands, connections, sessions and rooms",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The event on one line, without private data"),
        Field::new("source", Kind::Text, "Kind of program: opensips, rtpengine, verto, janus, mediasoup")
            .facet(),
        Field::new(
            "kind",
            Kind::Text,
            "Which kind of event: mi, rest, net, control; request, reply; session, handle, plugin",
        )
        .facet(),
        Field::new("event", Kind::Text, "What happened, in the words of the program: a command, a state")
            .facet(),
        Field::new("result", Kind::Text, "How it ended: SUCCESS, FAILURE, ok, error").facet(),
        Field::new("reason", Kind::Text, "Why, in the words of the program"),
        Field::new("emitter", Kind::Text, "Name of the server that reports").facet(),
        Field::new("session_id", Kind::Text, "Session of a client with the server").indexed().actor(),
        Field::new("handle_id", Kind::Text, "What joins a session to a plugin (Janus)").indexed().actor(),
        Field::new("opaque_id", Kind::Text, "Name that the application gave the handle (Janus)").indexed(),
        Field::new(
            "plugin",
            Kind::Text,
            "Plugin of the media server; backend of a command, protocol of a connection (OpenSIPS)",
        )
        .facet(),
        Field::new("room", Kind::Text, "Conference or room").indexed(),
        Field::new("participant", Kind::Text, "Who takes part: display name, peer or id").indexed().private(),
        Field::new("from_user", Kind::Text, "Who calls").indexed().private(),
        Field::new("to_user", Kind::Text, "Who is called").indexed().private(),
        Field::new("transaction", Kind::Text, "What joins a reply to its request: cookie or id").indexed(),
        Field::new("connection", Kind::Text, "Connection or transport it happened on").indexed(),
    ],
};

/// The columns, by name: each program fills its own few.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) text: Option<String>,
    pub(crate) source: &'static str,
    pub(crate) kind: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) emitter: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) handle_id: Option<String>,
    pub(crate) opaque_id: Option<String>,
    pub(crate) plugin: Option<String>,
    pub(crate) room: Option<String>,
    pub(crate) participant: Option<String>,
    pub(crate) from_user: Option<String>,
    pub(crate) to_user: Option<String>,
    pub(crate) transaction: Option<String>,
    pub(crate) connection: Option<String>,
}

impl Event {
    /// In the order of the table.
    pub(crate) fn push(self, draft: &mut Draft<'_>) {
        draft.push(self.text);
        draft.push((!self.source.is_empty()).then_some(self.source));
        let rest = [
            self.kind,
            self.event,
            self.result,
            self.reason,
            self.emitter,
            self.session_id,
            self.handle_id,
            self.opaque_id,
            self.plugin,
            self.room,
            self.participant,
            self.from_user,
            self.to_user,
            self.transaction,
            self.connection,
        ];
        rest.into_iter().for_each(|value| draft.push(value));
    }
}
