//! JetStream: what its answers mean, and what it is asked (docs.nats.io/reference/reference-protocols/nats_api_reference).

use serde::Deserialize;
use serde_json::json;

use super::Message;

/// The header by which the server knows a message that it has already.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";

/// The header that says where a message is to be kept.
pub const EXPECTED_STREAM: &str = "Nats-Expected-Stream";

/// What the server answers when nobody listens: no stream keeps this subject.
pub const NOBODY_LISTENS: u16 = 503;

/// `message size exceeds maximum allowed`.
const TOO_LARGE: u64 = 10_054;

const STREAM_NOT_FOUND: u64 = 10_059;
const CONSUMER_NOT_FOUND: u64 = 10_014;

/// What became of a message that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is kept, perhaps since an earlier attempt.
    Kept,
    /// The stream will never take it.
    Refused(String),
    /// It was not kept this time.
    Later(String),
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Wrong>,
    stream: Option<String>,
    config: Option<Consumer>,
}

#[derive(Deserialize)]
struct Wrong {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Consumer {
    #[serde(default)]
    ack_policy: String,
    deliver_subject: Option<String>,
}

/// The answer to a message that was published.
pub fn published(message: &Message) -> Published {
    match &message.status {
        Some(status) if status.code == NOBODY_LISTENS => {
            return Published::Later("no stream of JetStream keeps this subject".to_owned());
        }
        Some(status) => return Published::Later(format!("{} {}", status.code, status.description)),
        None => {}
    }
    match serde_json::from_slice::<Answer>(&message.payload) {
        Ok(Answer { error: Some(wrong), .. }) if wrong.err_code == TOO_LARGE => {
            Published::Refused(wrong.text())
        }
        Ok(Answer { error: Some(wrong), .. }) => Published::Later(wrong.text()),
        Ok(Answer { stream: Some(_), .. }) => Published::Kept,
        _ => Published::Later("its answer is not that of JetStream".to_owned()),
    }
}

impl Wrong {
    fn text(&self) -> String {
        format!("{} {}", self.code, self.description)
    }
}

/// What the server knows of a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is one whose messages are asked for and acknowledged one by one.
    Usable,
    Missing,
    /// Why it cannot be used.
    Unusable(String),
}

/// Where it is asked for a consumer.
pub fn consumer_info(stream: &str, durable: &str) -> String {
    format!("$JS.API.CONSUMER.INFO.{stream}.{durable}")
}

/// Where a consumer is made, by servers of every version.
pub fn consumer_create(stream: &str, durable: &str) -> String {
    format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{durable}")
}

/// What is asked for there: all that the stream has for this subject, each message until it is acknowledged.
pub fn consumer_settings(stream: &str, durable: &str, subject: &str, pending_max: usize) -> Vec<u8> {
    let settings = json!({"stream_name": stream, "config": {
        "durable_name": durable,
        "filter_subject": subject,
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "replay_policy": "instant",
        "max_ack_pending": pending_max,
    }});
    settings.to_string().into_bytes()
}

/// The answer to either.
pub fn consumer(message: &Message) -> Known {
    if let Some(status) = &message.status {
        let what = if status.code == NOBODY_LISTENS {
            "the server has no JetStream, or our user may not ask it".to_owned()
        } else {
            format!("{} {}", status.code, status.description)
        };
        return Known::Unusable(what);
    }
    match serde_json::from_slice::<Answer>(&message.payload) {
        Ok(Answer { error: Some(wrong), .. }) => match wrong.err_code {
            CONSUMER_NOT_FOUND => Known::Missing,
            STREAM_NOT_FOUND => Known::Unusable("there is no such stream".to_owned()),
            _ => Known::Unusable(wrong.text()),
        },
        Ok(Answer { config: Some(config), .. }) => match config {
            Consumer { deliver_subject: Some(_), .. } => {
                Known::Unusable("the consumer pushes; one that is asked is needed".to_owned())
            }
            Consumer { ack_policy, .. } if ack_policy != "explicit" => {
                Known::Unusable(format!("the consumer has ack_policy {ack_policy:?}; explicit is needed"))
            }
            Consumer { .. } => Known::Usable,
        },
        _ => Known::Unusable("its answer is not that of JetStream".to_owned()),
    }
}

/// Where messages are asked for.
pub fn next_messages(stream: &str, durable: &str) -> String {
    format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}")
}

/// What is asked for there: so many, perhaps of so many bytes, and the server waits for them so long.
pub fn wanted(count: usize, bytes_max: Option<usize>, time: std::time::Duration) -> Vec<u8> {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut wanted = json!({"batch": count, "expires": nanoseconds});
    if let Some(bytes_max) = bytes_max {
        wanted["max_bytes"] = bytes_max.into();
    }
    wanted.to_string().into_bytes()
}

/// Said where a message's reply goes: it is done with.
pub const DONE: &[u8] = b"+ACK";

/// The same: it is wanted again, after a second.
pub const AGAIN: &[u8] = b"-NAK {\"delay\": 1000000000}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::Status;

    fn answer(json: &str) -> Message {
        Message { payload: json.as_bytes().to_vec(), ..Message::default() }
    }

    fn status(code: u16) -> Message {
        Message { status: Some(Status { code, description: "x".to_owned() }), ..Message::default() }
    }

    #[test]
    fn only_what_a_stream_says_it_has_is_kept() {
        assert_eq!(published(&answer(r#"{"stream":"HEP","seq":7}"#)), Published::Kept);
        assert_eq!(published(&answer(r#"{"stream":"HEP","seq":7,"duplicate":true}"#)), Published::Kept);
        let wrong = r#"{"type":"x","error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"HEP","seq":0}"#;
        assert!(matches!(published(&answer(wrong)), Published::Refused(why) if why.contains("size")));
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"HEP","seq":0}"#;
        assert_eq!(published(&answer(full)), Published::Later("503 maximum messages exceeded".to_owned()));
        for other in [answer(""), answer("{}"), answer("+OK"), status(503), status(400)] {
            assert!(matches!(published(&other), Published::Later(_)), "{other:?}");
        }
    }

    #[test]
    fn a_consumer_is_usable_only_if_its_messages_are_asked_for_and_acknowledged() {
        assert_eq!(
            consumer(&answer(r#"{"config":{"ack_policy":"explicit"},"stream_name":"HEP"}"#)),
            Known::Usable
        );
        assert_eq!(
            consumer(&answer(
                r#"{"error":{"code":404,"err_code":10014,"description":"consumer not found"}}"#
            )),
            Known::Missing
        );
        for (json, word) in [
            (r#"{"config":{"ack_policy":"none"}}"#, "ack_policy"),
            (r#"{"config":{"ack_policy":"explicit","deliver_subject":"x"}}"#, "pushes"),
            (r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#, "no such stream"),
            ("[]", "not that of JetStream"),
        ] {
            assert!(
                matches!(consumer(&answer(json)), Known::Unusable(what) if what.contains(word)),
                "{json}"
            );
        }
        assert!(matches!(consumer(&status(503)), Known::Unusable(what) if what.contains("no JetStream")));
    }
}
