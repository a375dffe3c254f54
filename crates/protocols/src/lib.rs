//! One file per HEP type: how a payload becomes a record
