//! One frame of any link: its layers are parts of it, one inside the other.

use packet::{Layers, Link, Transport};

pub(crate) fn fuzz(input: &[u8]) {
    let Some((&[high, low], frame)) = input.split_first_chunk() else { return };
    let Ok(layers) = Layers::parse(Link::from_number(u16::from_be_bytes([high, low])), frame) else { return };
    let inside = |outer: &[u8], part: &[u8]| {
        let start = (part.as_ptr() as usize).checked_sub(outer.as_ptr() as usize);
        assert!(part.is_empty() || start.is_some_and(|start| start + part.len() <= outer.len()), "a part");
    };
    let ip = &layers.ip;
    inside(frame, ip.payload);
    assert!(ip.payload.len() < frame.len());
    assert_eq!(layers.source().is_ipv4(), layers.destination().is_ipv4());
    match layers.transport {
        Transport::Udp(udp) => inside(ip.payload, udp.payload),
        Transport::Tcp(tcp) => {
            inside(ip.payload, tcp.payload);
            inside(ip.payload, tcp.options);
            assert!(
                tcp.options.len() <= 40 && tcp.options.len() + tcp.payload.len() + 20 <= ip.payload.len()
            );
        }
        Transport::Sctp(sctp) => {
            let mut bytes = 0;
            for data in sctp.data() {
                inside(ip.payload, data.payload);
                bytes += data.payload.len();
            }
            assert!(bytes <= ip.payload.len(), "chunks do not overlap");
        }
        _ => {}
    }
}
