//! Receives HEP over UDP and prints one line per packet.
//!
//! `cargo run --example sink -- 127.0.0.1:9060`

use std::error::Error;
use std::net::UdpSocket;
use std::time::SystemTime;

use hep::{Packet, chunk};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9060".to_owned());
    let socket = UdpSocket::bind(&address)?;
    println!("listening on {address}");
    let mut buffer = vec![0; 65_536];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let datagram = hep::ungzip(&buffer[..length]);
        for found in hep::packets(&datagram, u32::try_from(now.as_secs())?) {
            match found {
                Ok((packet, _)) if packet.is_keepalive() => println!("{peer}: alive"),
                Ok((packet, _)) => print(&packet),
                Err(refusal) => println!("{peer}: refused, {refusal}"),
            }
        }
    }
}

fn print(packet: &Packet<'_>) {
    let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| {
        let ip = ip.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
        format!("{ip} port {}", port.unwrap_or(0))
    };
    let (src, dst) = (end(packet.src_ip, packet.src_port), end(packet.dst_ip, packet.dst_port));
    let first_line = packet.payload.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let text = String::from_utf8_lossy(first_line);
    println!("{} {src} -> {dst} type {:?}: {text}", packet.transport().name(), packet.hep_type);
    for chunk in packet.chunks().filter(|chunk| chunk.vendor != chunk::GENERIC) {
        let name = chunk::describe(chunk.vendor, chunk.kind).map_or("unknown", |known| known.name);
        println!("    vendor {} {name} = {:?}", chunk.vendor, chunk.value());
    }
    if !packet.flags.is_empty() {
        println!("    odd: {:?}", packet.flags);
    }
}
