//! Lifelike calls as HEP packets, pure and seeded
