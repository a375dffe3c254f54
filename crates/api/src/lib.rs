//! HTTP API, login, downloads and the embedded web part
