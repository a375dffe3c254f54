//! Where a person sees what an alert is about: an address of the web.

use model::Micros;

/// A screen of the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Calls,
    Messages,
    Registrations,
    Overview,
    Senders,
    Status,
}

/// What to look at there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub page: Page,
    /// In the query language.
    pub query: String,
    /// From when to when, where the page has a time.
    pub span: Option<(Micros, Micros)>,
}

impl Evidence {
    pub fn page(page: Page) -> Self {
        Self { page, query: String::new(), span: None }
    }

    /// The path within the web, as its address line shows it: screens are behind `#`.
    pub fn path(&self) -> String {
        let (screen, tab) = match self.page {
            Page::Calls => ("search", None),
            Page::Messages => ("search", Some("messages")),
            Page::Registrations => ("search", Some("registrations")),
            Page::Overview => ("overview", None),
            Page::Senders => ("senders", None),
            Page::Status => ("status", None),
        };
        let mut parameters = Vec::new();
        parameters.extend(tab.map(|tab| format!("tab={tab}")));
        if !self.query.is_empty() {
            parameters.push(format!("q={}", escaped(&self.query)));
        }
        if let Some((from, to)) = self.span {
            parameters.push(format!("from={}&to={}", escaped(&from.to_string()), escaped(&to.to_string())));
        }
        let mark = if parameters.is_empty() { "" } else { "?" };
        format!("/#/{screen}{mark}{}", parameters.join("&"))
    }

    /// The whole address; `base` is where the web is.
    pub fn link(&self, base: &str) -> String {
        format!("{}{}", base.trim_end_matches('/'), self.path())
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
