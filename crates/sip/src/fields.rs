//! The headers of a message, typed.

use alloc::borrow::Cow;

use crate::bytes::{Split, number_u32, trim};
use crate::message::Message;
use crate::name::Name;
use crate::start::Start;
use crate::value::{
    Addresses, CSeq, Contact, ContentType, Credentials, DialogId, Diversion, HistoryEntry, Identity,
    NameAddr, Params, RAck, Reason, RetryAfter, RtpStat, SessionExpires, SessionId, Uri, Via, Warning, list,
};

impl<'a> Message<'a> {
    /// The Request-URI.
    #[inline]
    pub fn request_uri(&self) -> Option<Uri<'a>> {
        match self.start {
            Start::Request { uri, .. } => Some(Uri::parse(uri)),
            _ => None,
        }
    }

    /// The Call-ID, if it is not empty.
    #[inline]
    pub fn call_id(&self) -> Option<&'a [u8]> {
        self.header(Name::CallId).filter(|value| !value.is_empty())
    }

    /// CSeq.
    #[inline]
    pub fn cseq(&self) -> Option<CSeq<'a>> {
        self.header(Name::CSeq).map(CSeq::parse)
    }

    /// From.
    #[inline]
    pub fn from(&self) -> Option<NameAddr<'a>> {
        self.header(Name::From).map(NameAddr::parse)
    }

    /// To.
    #[inline]
    pub fn to(&self) -> Option<NameAddr<'a>> {
        self.header(Name::To).map(NameAddr::parse)
    }

    /// The topmost Via.
    #[inline]
    pub fn via(&self) -> Option<Via<'a>> {
        let value = self.header(Name::Via)?;
        Split::outside_quotes(value, b',').next().map(Via::parse)
    }

    /// The branch of the topmost Via.
    #[inline]
    pub fn via_branch(&self) -> Option<&'a [u8]> {
        self.header(Name::Via).and_then(Via::first_branch)
    }

    /// Every Via, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Via<'a>> + use<'a> {
        self.values(Name::Via).flat_map(Via::list)
    }

    /// The first Contact address; `None` for `*`.
    #[inline]
    pub fn contact(&self) -> Option<NameAddr<'a>> {
        self.first_address(Name::Contact).filter(|contact| contact.uri.raw != b"*")
    }

    /// All of Contact.
    pub fn contacts(&self) -> Option<Contact<'a>> {
        match trim(self.header(Name::Contact)?) {
            b"*" => Some(Contact::Wildcard),
            _ => Some(Contact::Addresses(self.addresses(Name::Contact))),
        }
    }

    /// The addresses of any address header, over all its lines: Route, Record-Route, Path, Service-Route, ...
    pub fn addresses(&self, name: Name) -> Addresses<'a> {
        Addresses::new(self.values(name))
    }

    /// User-Agent.
    #[inline]
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.header(Name::UserAgent)
    }

    /// Server.
    #[inline]
    pub fn server(&self) -> Option<&'a [u8]> {
        self.header(Name::Server)
    }

    /// The first P-Asserted-Identity. A second one, a `tel:` URI beside a `sip:` one, is in
    /// `addresses(Name::PAssertedIdentity)`.
    #[inline]
    pub fn pai(&self) -> Option<NameAddr<'a>> {
        self.first_address(Name::PAssertedIdentity)
    }

    /// The first P-Preferred-Identity.
    pub fn ppi(&self) -> Option<NameAddr<'a>> {
        self.first_address(Name::PPreferredIdentity)
    }

    /// The first Remote-Party-ID; `party`, `screen` and `privacy` are in its parameters.
    pub fn remote_party_id(&self) -> Option<NameAddr<'a>> {
        self.first_address(Name::RemotePartyId)
    }

    /// Every Diversion, last diversion first.
    pub fn diversions(&self) -> impl Iterator<Item = Diversion<'a>> + use<'a> {
        self.values(Name::Diversion).flat_map(list).map(Diversion::parse)
    }

    /// Every History-Info entry, in order.
    pub fn history(&self) -> impl Iterator<Item = HistoryEntry<'a>> + use<'a> {
        self.values(Name::HistoryInfo).flat_map(list).map(HistoryEntry::parse)
    }

    /// Every Reason.
    pub fn reasons(&self) -> impl Iterator<Item = Reason<'a>> + use<'a> {
        self.values(Name::Reason).flat_map(list).map(Reason::parse)
    }

    /// Authorization, else Proxy-Authorization.
    #[inline]
    pub fn authorization(&self) -> Option<Credentials<'a>> {
        self.header(Name::Authorization)
            .or_else(|| self.header(Name::ProxyAuthorization))
            .map(Credentials::parse)
    }

    /// The user that authenticates: of Authorization, else of Proxy-Authorization.
    #[inline]
    pub fn auth_user(&self) -> Option<Cow<'a, [u8]>> {
        self.authorization()?.username()
    }

    /// Every Authorization and Proxy-Authorization.
    pub fn credentials(&self) -> impl Iterator<Item = Credentials<'a>> + use<'a> {
        self.values(Name::Authorization).chain(self.values(Name::ProxyAuthorization)).map(Credentials::parse)
    }

    /// Every WWW-Authenticate and Proxy-Authenticate.
    pub fn challenges(&self) -> impl Iterator<Item = Credentials<'a>> + use<'a> {
        self.values(Name::WwwAuthenticate).chain(self.values(Name::ProxyAuthenticate)).map(Credentials::parse)
    }

    /// The values of Privacy (RFC 3323): `id`, `header`, `none`.
    pub fn privacy(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let parts = |value: &'a [u8]| value.split(|byte| matches!(byte, b';' | b',')).map(trim);
        self.values(Name::Privacy).flat_map(parts).filter(|part| !part.is_empty())
    }

    /// Every Warning.
    pub fn warnings(&self) -> impl Iterator<Item = Warning<'a>> + use<'a> {
        self.values(Name::Warning).flat_map(list).map(Warning::parse)
    }

    /// RAck.
    pub fn rack(&self) -> Option<RAck<'a>> {
        self.header(Name::RAck).map(RAck::parse)
    }

    /// X-RTP-Stat.
    pub fn rtp_stat(&self) -> Option<RtpStat<'a>> {
        self.header(Name::XRtpStat).map(RtpStat::parse)
    }

    /// Expires, if it is a number.
    pub fn expires_seconds(&self) -> Option<u32> {
        self.number(Name::Expires)
    }

    /// Max-Forwards, if it is a number.
    pub fn max_forwards(&self) -> Option<u32> {
        self.number(Name::MaxForwards)
    }

    /// Session-ID.
    #[inline]
    pub fn session_id(&self) -> Option<SessionId<'a>> {
        self.header(Name::SessionId).map(SessionId::parse)
    }

    /// Every Identity.
    pub fn identities(&self) -> impl Iterator<Item = Identity<'a>> + use<'a> {
        self.values(Name::Identity).flat_map(list).map(Identity::parse)
    }

    /// The parameters of P-Charging-Vector: `icid-value`, `icid-generated-at`, `orig-ioi`, `term-ioi` (RFC 7315 4.6).
    pub fn charging_vector(&self) -> Option<Params<'a>> {
        self.header(Name::PChargingVector).map(Params::parse)
    }

    /// Refer-To.
    pub fn refer_to(&self) -> Option<NameAddr<'a>> {
        self.header(Name::ReferTo).map(NameAddr::parse)
    }

    /// Referred-By.
    pub fn referred_by(&self) -> Option<NameAddr<'a>> {
        self.header(Name::ReferredBy).map(NameAddr::parse)
    }

    /// The dialog that this one replaces: the Replaces header, or the one inside Refer-To.
    pub fn replaces(&self) -> Option<DialogId<'a>> {
        match self.header(Name::Replaces) {
            Some(value) => Some(DialogId::parse(value)),
            None => self.refer_to()?.uri.header(b"Replaces").map(DialogId::from_escaped),
        }
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Option<SessionExpires<'a>> {
        self.header(Name::SessionExpires).map(SessionExpires::parse)
    }

    /// Retry-After.
    pub fn retry_after(&self) -> Option<RetryAfter<'a>> {
        self.header(Name::RetryAfter).map(RetryAfter::parse)
    }

    /// Content-Type.
    #[inline]
    pub fn content_type(&self) -> Option<ContentType<'a>> {
        self.header(Name::ContentType).map(ContentType::parse)
    }

    #[inline]
    fn first_address(&self, name: Name) -> Option<NameAddr<'a>> {
        self.header(name).and_then(NameAddr::first)
    }

    fn number(&self, name: Name) -> Option<u32> {
        self.header(name).and_then(|value| number_u32(trim(value)))
    }
}
