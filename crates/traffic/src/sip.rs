//! SIP messages of a session. Everything is copied into place: no formatting machinery, no allocation.

use crate::identity::{derived, purpose, push_decimal, push_hex};
use crate::script::{Body, Form, Leg, Start, ToTag};
use crate::session::{Parties, Session};
use crate::signed;
use crate::world::{CallIdStyle, Transport, User};

/// Appends one message.
pub(crate) fn append(
    session: &Session,
    parties: Parties<'_>,
    form: &Form,
    at_micros: i64,
    out: &mut Vec<u8>,
) {
    let roles = if form.by_callee { parties.swapped() } else { parties };
    Writer { session, call: parties, parties: roles, form, at_micros, out }.message();
}

/// Appends the Call-ID, as the caller's device makes it up.
pub(crate) fn append_call_id(session: &Session, parties: Parties<'_>, out: &mut Vec<u8>) {
    let high = derived(session.identity, purpose::CALL_ID);
    let low = derived(session.identity, purpose::CALL_ID_END);
    match parties.caller.device.call_id {
        CallIdStyle::Hex => {
            push_hex(out, high, 16);
            push_hex(out, low, 16);
        }
        CallIdStyle::HexAtHost => {
            push_hex(out, high, 16);
            out.push(b'@');
            out.extend_from_slice(parties.caller.ip.as_bytes());
        }
        CallIdStyle::Uuid => {
            for (number, digits) in [(high >> 32, 8), (high >> 16, 4), (high, 4), (low >> 48, 4)] {
                push_hex(out, number, digits);
                out.push(b'-');
            }
            push_hex(out, low, 12);
        }
    }
}

/// The port a party sends audio from; RTCP is on the next one (RFC 3550 section 11).
pub(crate) fn audio_port(session: &Session, of_caller: bool) -> u16 {
    let ports = derived(session.identity, purpose::PORTS) >> if of_caller { 0 } else { 16 };
    10_000 + (ports as u16 % 20_000) / 2 * 2
}

/// The port of the media relay beside the proxy, towards a party.
pub(crate) fn relay_port(session: &Session, towards_caller: bool) -> u16 {
    let ports = derived(session.identity, purpose::MEDIA) >> if towards_caller { 0 } else { 16 };
    30_000 + (ports as u16 % 20_000) / 2 * 2
}

struct Writer<'a, 'o> {
    session: &'a Session,
    /// As the call began.
    call: Parties<'a>,
    /// Who asks, as caller, and who is asked.
    parties: Parties<'a>,
    form: &'a Form,
    at_micros: i64,
    out: &'o mut Vec<u8>,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self) {
        let body = match self.form.twist.body {
            Body::Text(_, text) => [&text.replace('~', " "), "\r\n"].concat().into_bytes(),
            _ if self.form.sdp => self.sdp(),
            _ => Vec::new(),
        };
        self.start_line();
        self.via();
        self.route();
        self.parties_headers();
        self.text("Call-ID: ");
        append_call_id(self.session, self.call, self.out);
        self.text("\r\nCSeq: ");
        push_decimal(self.out, u64::from(self.form.sequence) + self.sequence_base());
        let method = self.form.method;
        self.text(" ").text(method).text("\r\n");
        if !self.is_reply() {
            let hops = if self.form.leg == Leg::Far { "69" } else { "70" };
            self.text("Max-Forwards: ").text(hops).text("\r\n");
        }
        self.contact();
        self.identity_headers();
        self.agent();
        self.twist();
        self.body(&body);
    }

    fn start_line(&mut self) {
        match self.form.start {
            Start::Request => {
                self.text(self.form.method);
                if !self.form.twist.uri.is_empty() {
                    let uri = self.form.twist.uri;
                    self.text(" ").fill(uri).text(" SIP/2.0\r\n");
                    return;
                }
                self.text(" sip:");
                match self.form.method {
                    "REGISTER" => self.text_of(|parties| parties.proxy.domain),
                    "OPTIONS" => self.number(false).text("@").text_of(|parties| &parties.caller.host),
                    _ if self.form.leg == Leg::Far || self.form.in_dialog => {
                        self.number(true).text("@").text_of(|parties| &parties.callee.host)
                    }
                    _ => self.number(true).text("@").text_of(|parties| parties.proxy.domain),
                };
                self.text(" SIP/2.0\r\n");
            }
            Start::Reply(status, reason) => {
                self.text("SIP/2.0 ");
                push_decimal(self.out, u64::from(status));
                self.text(" ").fill(reason).text("\r\n");
            }
        }
    }

    /// The proxy's branch on top beyond it, the sender's below; replies carry what their request carried.
    fn via(&mut self) {
        let transaction = u64::from(self.form.transaction) * 2 + purpose::TRANSACTION;
        if self.form.method == "OPTIONS" {
            self.text("Via: SIP/2.0/").transport(false).text(" ").text_of(|parties| &parties.near.host);
            self.text(";branch=z9hG4bK").hex(transaction, 16).text(".0\r\n");
            return;
        }
        let is_onward = self.form.leg != Leg::Access;
        if self.form.leg == Leg::Loop {
            let pass = self.form.twist.pass;
            self.text("Via: SIP/2.0/UDP ").text_of(|parties| &parties.near.host);
            self.text(";branch=z9hG4bK").hex(transaction + 1, 8).text(".").text(pass).text("\r\n");
        }
        if self.form.leg == Leg::Far {
            self.text("Via: SIP/2.0/").transport(true).text(" ").text_of(|parties| &parties.far.host);
            self.text(";branch=z9hG4bK")
                .hex(transaction + 1, 8)
                .text(".")
                .hex(transaction, 16)
                .text(".0;i=")
                .hex(transaction, 4);
            self.text("\r\n");
        }
        self.text("Via: SIP/2.0/").transport(false).text(" ");
        match self.form.twist.via {
            "" => self.text_of(|parties| &parties.caller.host),
            own => self.text(own),
        };
        // The far leg of a transaction has a number of its own; below it stands the access leg's branch.
        let below = if is_onward { transaction - 2 } else { transaction };
        if is_onward || self.is_reply() {
            self.text(";received=").text_of(|parties| &parties.caller.ip);
            self.text(";rport=");
            push_decimal(self.out, u64::from(self.parties.caller.address.port()));
        } else {
            self.text(";rport");
        }
        self.text(";branch=z9hG4bK").hex(below, 16).text("\r\n");
    }

    /// The proxy stays in the path: it says so in the INVITE, the callee says so back, and who asks within the
    /// dialog goes that way (RFC 3261 section 16.12).
    fn route(&mut self) {
        let name = match (self.form.method, self.form.start, self.form.leg) {
            ("INVITE", Start::Request, Leg::Far) | ("INVITE", Start::Reply(180 | 200, _), _) => {
                "Record-Route"
            }
            (_, Start::Request, Leg::Access) if self.form.in_dialog => "Route",
            _ => return,
        };
        let host = match self.form.leg {
            Leg::Access | Leg::Loop => &self.parties.near.host,
            Leg::Far => &self.parties.far.host,
        };
        self.text(name).text(": <sip:").text(host).text(";lr;ftag=");
        self.hex(purpose::TAG_CALLER, 16).text(">\r\n");
    }

    fn parties_headers(&mut self) {
        if self.form.method == "OPTIONS" {
            self.text("From: <sip:ping@").text_of(|parties| parties.proxy.domain).text(">;tag=");
            self.hex(purpose::TAG_PROXY, 8).text("\r\nTo: <sip:").number(false).text("@");
            self.text_of(|parties| parties.proxy.domain).text(">");
            if self.is_reply() {
                self.text(";tag=").hex(purpose::TAG_CALLEE, 16);
            }
            self.text("\r\n");
            return;
        }
        let (own_tag, other_tag) = self.tags();
        self.text("From: \"")
            .text_of(|parties| &parties.caller.name)
            .text("\" <sip:")
            .number(false)
            .text("@");
        self.text_of(|parties| parties.proxy.domain).text(">;tag=").hex(own_tag, 16);
        let to_callee = self.form.method != "REGISTER";
        self.text("\r\nTo: <sip:").number(to_callee).text("@");
        self.text_of(|parties| parties.proxy.domain).text(">");
        match self.form.to_tag {
            ToTag::None => {}
            ToTag::Proxy => {
                self.text(";tag=").hex(purpose::TAG_PROXY, 16).text(".").hex(purpose::TAG_PROXY, 4);
            }
            ToTag::Callee => {
                self.text(";tag=").hex(other_tag, 16);
            }
        }
        self.text("\r\n");
    }

    fn contact(&mut self) {
        if !self.form.twist.contact.is_empty() {
            let contact = self.form.twist.contact;
            self.text("Contact: ").fill(contact).text("\r\n");
            return;
        }
        let callers = match (self.form.method, self.form.start) {
            ("INVITE" | "REGISTER", Start::Request) => true,
            ("INVITE", Start::Reply(180 | 200, _)) => false,
            ("REGISTER", Start::Reply(200, _)) => true,
            _ => return,
        };
        let user = if callers { self.parties.caller } else { self.parties.callee };
        self.text("Contact: <sip:").number(!callers).text("@").text(&user.host).text(";transport=");
        self.text(user.transport.lower()).text(">");
        match (self.form.method, self.is_reply()) {
            ("REGISTER", true) => self.text(";expires=300;received=\"sip:").text(&user.host).text("\""),
            ("REGISTER", false) => self.text(";expires=300"),
            _ => self,
        };
        self.text("\r\n");
    }

    /// Challenges, credentials (RFC 7616) and who the network says is calling (RFC 3325).
    fn identity_headers(&mut self) {
        match self.form.start {
            Start::Reply(401 | 407, _) => {
                let name =
                    if self.form.method == "REGISTER" { "WWW-Authenticate" } else { "Proxy-Authenticate" };
                self.text(name)
                    .text(": Digest realm=\"")
                    .text_of(|parties| parties.proxy.domain)
                    .text("\", nonce=\"");
                self.hex(purpose::NONCE, 16)
                    .hex(purpose::NONCE_END, 16)
                    .text("\", qop=\"auth\", algorithm=MD5\r\n");
            }
            _ if self.form.credentials => {
                let name =
                    if self.form.method == "REGISTER" { "Authorization" } else { "Proxy-Authorization" };
                self.text(name).text(": Digest username=\"").number(false).text("\", realm=\"");
                self.text_of(|parties| parties.proxy.domain).text("\", nonce=\"");
                self.hex(purpose::NONCE, 16).hex(purpose::NONCE_END, 16).text("\", uri=\"sip:");
                self.text_of(|parties| parties.proxy.domain).text("\", response=\"");
                self.hex(purpose::RESPONSE, 16)
                    .hex(purpose::RESPONSE_END, 16)
                    .text("\", algorithm=MD5, cnonce=\"");
                self.hex(purpose::CLIENT_NONCE, 16).text("\", qop=auth, nc=00000001\r\n");
            }
            Start::Request if self.form.leg == Leg::Far && self.form.method == "INVITE" => {
                self.text("P-Asserted-Identity: <sip:").number(false).text("@");
                self.text_of(|parties| parties.proxy.domain).text(">\r\n");
            }
            Start::Reply(503, _) => {
                self.text(
                    "Retry-After: 30\r\nReason: Q.850;cause=42;text=\"Switching equipment congestion\"\r\n",
                );
            }
            Start::Reply(487, _) => {
                self.text("Reason: SIP;cause=487;text=\"ORIGINATOR_CANCEL\"\r\n");
            }
            Start::Request if self.form.method == "BYE" && !self.form.twist.headers.starts_with("Reason") => {
                self.text("Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\n");
            }
            _ => {}
        }
    }

    fn agent(&mut self) {
        let (from_proxy, callers) = match (self.form.method, self.is_reply(), self.form.leg) {
            ("OPTIONS", reply, _) => (!reply, true),
            (_, true, Leg::Access) => (self.form.to_tag != ToTag::Callee, false),
            (_, reply, _) => (false, !reply),
        };
        if from_proxy {
            self.text("Server: Edge Proxy 4.2.1 (x86_64/linux)\r\n");
        } else {
            let device = if callers { self.parties.caller.device } else { self.parties.callee.device };
            let agent = if self.form.twist.agent.is_empty() { device.agent } else { self.form.twist.agent };
            self.text("User-Agent: ").text(agent).text("\r\n");
            let introduces = matches!(self.form.start, Start::Request | Start::Reply(200, _));
            if introduces && matches!(self.form.method, "INVITE" | "REGISTER" | "OPTIONS") {
                self.text("Allow: ")
                    .text(device.allow)
                    .text("\r\nSupported: ")
                    .text(device.supported)
                    .text("\r\n");
            }
        }
        match (self.form.method, self.form.start) {
            ("INVITE", Start::Request) => {
                self.text("Session-Expires: 1800\r\nMin-SE: 90\r\nPrivacy: none\r\nAccept-Language: en\r\n");
                self.text("Accept: application/sdp, application/dtmf-relay, multipart/mixed\r\n");
                self.text("Allow-Events: presence, message-summary, refer, dialog, conference\r\n");
            }
            ("OPTIONS", Start::Reply(..)) => {
                self.text("Accept: application/sdp, application/dtmf-relay\r\nAccept-Language: en\r\n");
                self.text("Accept-Encoding: identity\r\nAllow-Events: talk, hold, conference, refer, dialog, check-sync\r\n");
            }
            ("REGISTER", Start::Reply(200, _)) => {
                self.text("P-Associated-URI: <sip:")
                    .number(false)
                    .text("@")
                    .text_of(|parties| parties.proxy.domain);
                self.text(">\r\nService-Route: <sip:").text_of(|parties| &parties.near.host).text(";lr>\r\n");
            }
            ("OPTIONS", Start::Request) => {
                self.text("Accept: application/sdp\r\nContact: <sip:ping@")
                    .text_of(|parties| &parties.near.host);
                self.text(">\r\nX-Keepalive: nat-binding; interval=30; missed=0; answers=any\r\n");
            }
            _ => {}
        }
    }

    /// What few messages have.
    fn twist(&mut self) {
        let twist = self.form.twist;
        for header in twist.headers.split(" | ").filter(|header| !header.is_empty()) {
            self.fill(header).text("\r\n");
        }
        if !twist.signed.is_empty() {
            let (caller, callee) = (&self.parties.caller.number, &self.parties.callee.number);
            let identity = signed::identity(twist.signed, caller, callee, self.at_micros);
            self.text("Identity: ").text(&identity).text("\r\n");
        }
        if twist.pad > 0 {
            self.text("X-Trace: ");
            self.out.resize(self.out.len() + twist.pad, b'x');
            self.text("\r\n");
        }
    }

    fn body(&mut self, body: &[u8]) {
        if !body.is_empty() {
            let kind = match self.form.twist.body {
                Body::Text(kind, _) => kind,
                Body::Usual | Body::Described(_) => "application/sdp",
            };
            self.text("Content-Type: ").text(kind).text("\r\n");
        }
        self.text("Content-Length: ");
        push_decimal(self.out, body.len().saturating_sub(self.form.twist.cut) as u64);
        self.text("\r\n\r\n");
        self.out.extend_from_slice(body);
    }

    /// Beyond the proxy the media addresses are the relay's.
    fn sdp(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(512);
        let session = derived(self.session.identity, purpose::SDP);
        let of_caller = !self.is_reply();
        let device = if of_caller { self.parties.caller.device } else { self.parties.callee.device };
        let own_leg = if of_caller { Leg::Access } else { Leg::Far };
        let (ip, port) = if self.form.leg == own_leg {
            let user = if of_caller { self.parties.caller } else { self.parties.callee };
            (user.ip.as_str(), audio_port(self.session, of_caller))
        } else if of_caller {
            (self.parties.far.ip_text.as_str(), relay_port(self.session, false))
        } else {
            (self.parties.near.ip_text.as_str(), relay_port(self.session, true))
        };
        let described = match self.form.twist.body {
            Body::Described(described) => Some(described),
            Body::Usual | Body::Text(..) => None,
        };
        let ip = described.map(|it| it.address).filter(|address| !address.is_empty()).unwrap_or(ip);
        let family = if ip.contains(':') { "IN IP6 " } else { "IN IP4 " };
        let mut text = |text: &str| body.extend_from_slice(text.as_bytes());
        text("v=0\r\no=- ");
        push_decimal(&mut body, session >> 32);
        body.push(b' ');
        push_decimal(&mut body, session & 0xffff);
        for part in [" ", family, ip, "\r\ns=-\r\nc=", family, ip, "\r\nt=0 0\r\n"] {
            body.extend_from_slice(part.as_bytes());
        }
        if let Some(described) = described {
            let port = if described.is_refused { 0 } else { port };
            let (kind, formats, lines) = (described.kind, described.formats, described.lines);
            body.extend_from_slice(format!("m={kind} {port} {formats}\r\n{lines}").as_bytes());
            return body;
        }
        body.extend_from_slice(b"m=audio ");
        push_decimal(&mut body, u64::from(port));
        for part in [
            " RTP/AVP ",
            device.codecs.list,
            "\r\n",
            device.codecs.lines,
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\na=rtcp:",
        ] {
            body.extend_from_slice(part.as_bytes());
        }
        push_decimal(&mut body, u64::from(port) + 1);
        body.extend_from_slice(b"\r\n");
        body
    }

    /// A text of the script, with what stands for something put in its place.
    fn fill(&mut self, text: &str) -> &mut Self {
        let mut rest = text;
        while let Some(at) = rest.find(['~', '{']) {
            self.text(&rest[..at]);
            rest = &rest[at..];
            let (written, length) = match &rest[..rest.len().min(3)] {
                "{a}" => (self.call.caller.number.as_str(), 3),
                "{b}" => (self.call.callee.number.as_str(), 3),
                other if other.starts_with('~') => (" ", 1),
                _ => ("{", 1),
            };
            self.text(written);
            rest = &rest[length..];
        }
        self.text(rest)
    }

    fn is_reply(&self) -> bool {
        self.form.start != Start::Request
    }

    /// Devices start counting anywhere, each for itself.
    fn sequence_base(&self) -> u64 {
        let purpose = if self.form.by_callee { purpose::SEQUENCE_CALLEE } else { purpose::SEQUENCE };
        derived(self.session.identity, purpose) % 9_000
    }

    /// What the tags of who asks and of who is asked are derived for.
    fn tags(&self) -> (u64, u64) {
        match self.form.by_callee {
            true => (purpose::TAG_CALLEE, purpose::TAG_CALLER),
            false => (purpose::TAG_CALLER, purpose::TAG_CALLEE),
        }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    fn text_of(&mut self, text: impl FnOnce(Parties<'a>) -> &'a str) -> &mut Self {
        self.out.extend_from_slice(text(self.parties).as_bytes());
        self
    }

    fn hex(&mut self, purpose: u64, digits: usize) -> &mut Self {
        push_hex(self.out, derived(self.session.identity, purpose), digits);
        self
    }

    /// The number of the callee or the caller.
    fn number(&mut self, of_callee: bool) -> &mut Self {
        let user: &User = if of_callee { self.parties.callee } else { self.parties.caller };
        self.out.extend_from_slice(user.number.as_bytes());
        self
    }

    fn transport(&mut self, of_callee: bool) -> &mut Self {
        let transport: Transport =
            if of_callee { self.parties.callee.transport } else { self.parties.caller.transport };
        self.out.extend_from_slice(transport.upper().as_bytes());
        self
    }
}
