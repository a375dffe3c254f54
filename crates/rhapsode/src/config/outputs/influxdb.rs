//! Settings of `kind = "influxdb"`.

use anyhow::Result;
use calls::kpi::By;
use outputs::{InfluxDb, Place};
use toml::Spanned;

use super::{Output, Source, at_most_keys};

impl Output {
    pub(super) fn influxdb(&self, source: &Source<'_>) -> Result<InfluxDb> {
        let measurement = self.measurement.as_ref();
        if let Some(name) = measurement.filter(|name| !is_name(name.get_ref())) {
            let what = format!("{:?} is no name of a measurement; {NAME_RULE}", name.get_ref());
            return Err(source.wrong(&name.span(), what));
        }
        self.check_fixed_tags(source)?;
        let group = |name: &Spanned<String>| {
            By::named(name.get_ref()).ok_or_else(|| {
                let known = By::ALL.map(By::as_str).join(", ");
                source
                    .wrong(&name.span(), format!("{:?} is no group; the groups are {known}", name.get_ref()))
            })
        };
        let groups = match &self.groups {
            None => InfluxDb::GROUPS_DEFAULT.to_vec(),
            Some(groups) if groups.get_ref().is_empty() => {
                return Err(source.wrong(&groups.span(), "without groups nothing is sent"));
            }
            Some(groups) => groups.get_ref().iter().map(group).collect::<Result<_>>()?,
        };
        Ok(InfluxDb {
            endpoint: self.endpoint(source)?,
            place: self.place(source)?,
            measurement: measurement
                .map_or_else(|| InfluxDb::MEASUREMENT_DEFAULT.to_owned(), |name| name.get_ref().clone()),
            groups,
            fixed_tags: self.fixed_tags.as_ref().map(|tags| tags.get_ref().clone()).unwrap_or_default(),
        })
    }

    fn place(&self, source: &Source<'_>) -> Result<Place> {
        let named = [&self.database, &self.retention_policy, &self.org, &self.bucket];
        if let Some(empty) = named.into_iter().flatten().find(|name| name.get_ref().is_empty()) {
            return Err(source.wrong(&empty.span(), "an empty name is none"));
        }
        let text = |name: &Spanned<String>| name.get_ref().clone();
        match (&self.database, &self.org, &self.bucket) {
            (Some(database), None, None) => Ok(Place::Database {
                database: text(database),
                retention_policy: self.retention_policy.as_ref().map(text),
            }),
            (None, Some(org), Some(bucket)) => match &self.retention_policy {
                None => Ok(Place::Bucket { org: text(org), bucket: text(bucket) }),
                Some(policy) => Err(source.wrong(&policy.span(), "retention_policy needs database")),
            },
            (Some(_), Some(other), _) | (Some(_), _, Some(other)) => {
                Err(source.wrong(&other.span(), "database and org with bucket exclude each other"))
            }
            (None, Some(alone), None) => Err(source.wrong(&alone.span(), "org needs bucket")),
            (None, None, Some(alone)) => Err(source.wrong(&alone.span(), "bucket needs org")),
            (None, None, None) => Err(self.missing(source, "database, or org and bucket")),
        }
    }

    fn check_fixed_tags(&self, source: &Source<'_>) -> Result<()> {
        let Some(tags) = &self.fixed_tags else { return Ok(()) };
        at_most_keys(source, tags)?;
        for (name, value) in tags.get_ref() {
            let wrong = |what: String| Err(source.wrong(&tags.span(), what));
            if !is_name(name) {
                return wrong(format!("{name:?} is no name of a tag; {NAME_RULE}"));
            }
            if InfluxDb::RESERVED_TAGS.contains(&name.as_str()) {
                return wrong(format!("the tag {name} has a meaning already"));
            }
            let is_sayable = !value.contains(|sign: char| sign == '\\' || sign.is_control());
            if value.is_empty() || value.len() > InfluxDb::TAG_BYTES_MAX || !is_sayable {
                return wrong(format!(
                    "the value of the tag {name} is to be text of 1 to {} bytes, without backslashes",
                    InfluxDb::TAG_BYTES_MAX
                ));
            }
        }
        Ok(())
    }
}

const NAME_RULE: &str = "letters, digits and _ make one, and a letter begins it";

/// A name that neither InfluxDB nor VictoriaMetrics has to change; what begins with `_` means something to them.
fn is_name(name: &str) -> bool {
    const NAME_BYTES_MAX: usize = 64;
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
}
