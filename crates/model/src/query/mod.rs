//! The query language: lexer, parser, types.
