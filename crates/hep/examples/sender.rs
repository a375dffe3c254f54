//! Sends one SIP message as HEPv3 over UDP, as a capture agent would.
//!
//! `cargo run --example sender -- 127.0.0.1:9060`

use std::error::Error;
use std::net::UdpSocket;
use std::time::SystemTime;

use hep::Outgoing;

fn main() -> Result<(), Box<dyn Error>> {
    let collector = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9060".to_owned());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let payload = "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-example\r\n\
        From: <sip:alice@192.0.2.1>;tag=1\r\n\
        To: <sip:bob@192.0.2.2>\r\n\
        Call-ID: example@192.0.2.1\r\n\
        CSeq: 1 OPTIONS\r\n\
        Content-Length: 0\r\n\r\n";

    let mut packet = Vec::new();
    Outgoing {
        seconds: u32::try_from(now.as_secs())?,
        micros: now.subsec_micros(),
        capture_id: 2001,
        node: Some(b"example"),
        correlation_id: Some(b"example@192.0.2.1"),
        payload: payload.as_bytes(),
        ..Outgoing::new("192.0.2.1:5060".parse()?, "192.0.2.2:5060".parse()?)
    }
    .encode_v3(&mut packet)?;

    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(&packet, &collector)?;
    println!("sent {} bytes to {collector}", packet.len());
    Ok(())
}
