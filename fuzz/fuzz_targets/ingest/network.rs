//! Addresses and networks as configurations and headers name them: what is read prints as itself and holds its address.

// `thiserror` writes its messages; of the room it needs nothing.
#[allow(dead_code)]
#[path = "../../../crates/ingest/src/network.rs"]
mod network;

use network::Network;

pub(crate) fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match text.parse::<Network>() {
        Ok(network) => {
            let printed = network.to_string();
            assert_eq!(printed.parse::<Network>().expect("what was printed"), network);
            let (address, _) = printed.split_once('/').expect("address/bits");
            assert!(network.contains(address.parse().expect("an address")));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
