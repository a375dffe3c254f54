//! One binary: commands, configuration and wiring.

fn main() {}
