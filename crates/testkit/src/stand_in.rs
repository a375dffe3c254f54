//! A small HTTP server in the place of one that is not to be had as a package, or that would not do wrong when a test wants
//! it to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Context, Result};

/// A request as it came.
pub struct Request {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub struct Response {
    pub status: u16,
    pub headers: &'static str,
    pub body: String,
}

impl Response {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: "", body: body.into() }
    }
}

/// Serves until the test ends.
pub fn serve(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Result<SocketAddr> {
    serve_on(TcpListener::bind("127.0.0.1:0")?, answer)
}

pub fn serve_on(
    listener: TcpListener,
    answer: impl Fn(Request) -> Response + Send + Sync + 'static,
) -> Result<SocketAddr> {
    let address = listener.local_addr()?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // It ends when the other side does.
            std::thread::spawn(move || converse(&connection, &*answer).ok());
        }
    });
    Ok(address)
}

fn converse(mut connection: &TcpStream, answer: &(dyn Fn(Request) -> Response + Send + Sync)) -> Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).context("a path")?.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Request { path, headers, body: String::new() };
        let length: u64 = request.header("content-length").context("a length")?.parse()?;
        reader.by_ref().take(length).read_to_string(&mut request.body)?;
        let Response { status, headers, body } = answer(request);
        write!(connection, "HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())?;
    }
}
