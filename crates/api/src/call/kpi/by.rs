//! What makes groups of calls.

use std::collections::HashMap;

use arrow::array::{RecordBatch, StringArray};
use arrow::error::ArrowError;
use calls::kpi::{family, prefix};
use model::Aliases;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use store::columns::texts;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// Address the first INVITE came from, or its alias.
    Src,
    /// Address it went to, or its alias.
    Dst,
    /// Both: a trunk in one direction.
    Trunk,
    FromHost,
    /// Host of the request URI.
    RuriHost,
    /// First digits of who was called.
    Prefix,
    /// User-Agent of the caller, without its version.
    UserAgent,
    /// User-Agent or Server of who answered, without its version.
    #[serde(rename = "answered_by")]
    Answerer,
    Status,
}

impl By {
    /// As requests name it.
    pub(crate) fn named(name: &str) -> Result<Self, serde::de::value::Error> {
        Self::deserialize(name.into_deserializer())
    }

    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Src => &["src_ip"],
            Self::Dst => &["dst_ip"],
            Self::Trunk => &["src_ip", "dst_ip"],
            Self::FromHost => &["from_host"],
            Self::RuriHost => &["ruri_host"],
            Self::Prefix => &["ruri_user"],
            Self::UserAgent => &["user_agent"],
            Self::Answerer => &["answered_by"],
            // Read as text, beside the number.
            Self::Status => &[],
        }
    }

    /// The group of each row.
    pub(super) fn keys(
        self,
        batch: &RecordBatch,
        digits: usize,
        aliases: &Aliases,
    ) -> Result<Vec<Option<String>>, ArrowError> {
        let of = |name: &str| texts(batch, name);
        let owned = |texts: StringArray| texts.iter().map(|text| text.map(str::to_owned)).collect();
        Ok(match self {
            Self::Trunk => {
                let (from, to) = (of("src_ip")?, of("dst_ip")?);
                let (from, to) = (hosts(&from, aliases), hosts(&to, aliases));
                let pairs = from.into_iter().zip(to);
                pairs.map(|(from, to)| Some(format!("{} > {}", from?, to?))).collect()
            }
            Self::Src | Self::Dst => {
                let addresses = of(self.columns()[0])?;
                hosts(&addresses, aliases).into_iter().map(|host| host.map(str::to_owned)).collect()
            }
            Self::Prefix => of("ruri_user")?.iter().map(|user| prefix(user?, digits)).collect(),
            Self::UserAgent | Self::Answerer => {
                let agents = of(self.columns()[0])?;
                agents.iter().map(|agent| Some(family(agent?).to_owned())).collect()
            }
            Self::Status => owned(of("status")?),
            Self::FromHost | Self::RuriHost => owned(of(self.columns()[0])?),
        })
    }
}

/// What people call these addresses, or the addresses themselves. Calls of one trunk leave from many ports: aliases for a
/// port name none of them.
fn hosts<'a>(addresses: &'a StringArray, aliases: &'a Aliases) -> Vec<Option<&'a str>> {
    // Most rows have one of few addresses.
    let mut known: HashMap<&str, &str> = HashMap::new();
    let mut name = |ip: &'a str| match aliases.is_empty() {
        true => ip,
        false => *known.entry(ip).or_insert_with(|| aliases.name_of_host(ip).unwrap_or(ip)),
    };
    addresses.iter().map(|ip| ip.map(&mut name)).collect()
}
