//! How good the media of a call was, for a terminal: a line for each stream. Pure: JSON of `/api/v1/call/{id}` in, lines out.

use serde_json::Value;

/// Streams that are printed; a conference of more says so.
const STREAMS_MAX: usize = 12;

/// A line for each stream, what is not known left out.
pub(crate) fn lines(call: &Value) -> Vec<String> {
    let streams = call["streams"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<String> = streams.iter().take(STREAMS_MAX).map(line).collect();
    if streams.len() > STREAMS_MAX {
        lines.push(format!("media    and {} streams more", streams.len() - STREAMS_MAX));
    }
    lines
}

/// `media    192.0.2.1:4000 -> 192.0.2.2:4002 PCMA, loss 1 %, jitter 10 ms, round trip 80 ms, MOS 4.33 (LQ, ...)`
fn line(stream: &Value) -> String {
    let text = |value: &Value| {
        value.as_str().map_or_else(|| "?".to_owned(), |text| text.replace(char::is_control, " "))
    };
    let mut parts = vec![format!("media    {} -> {}", text(&stream["src"]), text(&stream["dst"]))];
    if let Some(codec) = stream["codec"]["name"].as_str() {
        parts[0].push_str(&format!(" {}", codec.replace(char::is_control, " ")));
    }
    for (name, field, unit) in [
        ("loss", "loss_percent", "%"),
        ("discarded", "discard_percent", "%"),
        ("jitter", "jitter_p95_ms", "ms"),
        ("round trip", "round_trip_p50_ms", "ms"),
    ] {
        if let Some(value) = stream[field].as_f64() {
            parts.push(format!("{name} {} {unit}", short(value)));
        }
    }
    let score = &stream["scores"][0];
    if let Some(mos) = score["mos_mean"].as_f64() {
        let worst = score["mos_min"].as_f64().filter(|worst| short(*worst) != short(mos));
        let worst = worst.map_or_else(String::new, |worst| format!(", worst {}", short(worst)));
        parts.push(format!("MOS {}{worst} ({})", short(mos), text(&score["label"])));
    }
    let problems = stream["problems"].as_array().map_or(0, Vec::len);
    if problems > 0 {
        let noun = if problems == 1 { "oddity" } else { "oddities" };
        parts.push(format!("{problems} {noun} in the reports"));
    }
    parts.join(", ")
}

/// Two digits say all that such a number can.
fn short(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_how_each_direction_was() {
        let call = json!({"streams": [
            {
                "src": "192.0.2.1:4000", "dst": "192.0.2.2:4002", "codec": {"name": "PCMA"}, "loss_percent": 1.004,
                "jitter_p95_ms": 10, "round_trip_p50_ms": null, "problems": [{"id": "loss_wrapped"}],
                "scores": [{"mos_mean": 4.328, "mos_min": 4.1, "label": "LQ, narrowband, computed from RTCP"}],
            },
            {"src": null, "dst": "192.0.2.1:4000", "scores": [], "problems": []},
        ]});
        assert_eq!(
            lines(&call),
            [
                "media    192.0.2.1:4000 -> 192.0.2.2:4002 PCMA, loss 1 %, jitter 10 ms, MOS 4.33, worst 4.1 \
                 (LQ, narrowband, computed from RTCP), 1 oddity in the reports",
                "media    ? -> 192.0.2.1:4000",
            ]
        );
        assert!(lines(&json!({})).is_empty(), "an older server has none");
        let many = json!({"streams": vec![json!({}); 20]});
        assert_eq!(lines(&many).last().map(String::as_str), Some("media    and 8 streams more"));
    }
}
