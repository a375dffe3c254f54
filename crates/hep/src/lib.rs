//! HEP/EEP (Homer Encapsulation Protocol) versions 1, 2 and 3: decode, encode, stream framing
