//! Settings of `kind = "nats"` and `kind = "mqtt"`.

use anyhow::Result;
use outputs::{Format, Mqtt, Nats, Topic};
use toml::Spanned;

use super::{FormatName, Output, Source};
use crate::config::brokers::{self, WrittenBroker};

impl Output {
    pub(super) fn nats(&self, source: &Source<'_>) -> Result<Nats> {
        let Some(subject) = &self.subject else { return Err(self.missing(source, "subject")) };
        let broker = self.broker();
        let format = self.format(source)?;
        let url = self.url(source)?;
        let address = broker.nats_address(source, url)?;
        Ok(Nats {
            tls: broker.tls(source, url, &address)?,
            address,
            login: broker.nats_login(source)?,
            subject: Topic::of_nats(subject.get_ref())
                .map_err(|error| source.wrong(&subject.span(), error))?,
            stream: self.stream.as_ref().map(|name| brokers::jetstream_name(source, name)).transpose()?,
            format,
        })
    }

    pub(super) fn mqtt(&self, source: &Source<'_>) -> Result<Mqtt> {
        let Some(topic) = &self.topic else { return Err(self.missing(source, "topic")) };
        let broker = self.broker();
        let format = self.format(source)?;
        let url = self.url(source)?;
        let address = broker.mqtt_address(source, url)?;
        Ok(Mqtt {
            tls: broker.tls(source, url, &address)?,
            address,
            login: broker.mqtt_login(source)?,
            client_id: self.client_id.as_ref().map(|id| brokers::client_id(source, id)).transpose()?,
            topic: Topic::of_mqtt(topic.get_ref()).map_err(|error| source.wrong(&topic.span(), error))?,
            quality: brokers::quality(source, self.qos.as_ref())?,
            format,
        })
    }

    fn url(&self, source: &Source<'_>) -> Result<&Spanned<String>> {
        self.url.as_ref().ok_or_else(|| self.missing(source, "url"))
    }

    fn format(&self, source: &Source<'_>) -> Result<Format> {
        let is_json = self.format.as_ref().is_some_and(|format| *format.get_ref() == FormatName::Json);
        if is_json {
            let of_packets = [
                ("form", self.form.as_ref().map(Spanned::span)),
                ("delete", self.delete.as_ref().map(Spanned::span)),
                ("set", self.set.as_ref().map(Spanned::span)),
            ];
            let written = of_packets.into_iter().find_map(|(key, span)| span.map(|span| (key, span)));
            return match written {
                Some((key, span)) => {
                    Err(source.wrong(&span, format!("{key} is of packets, and format is \"json\"")))
                }
                None => Ok(Format::Json {
                    payload: self.payload.as_ref().is_none_or(|payload| *payload.get_ref()),
                }),
            };
        }
        match &self.payload {
            Some(payload) => Err(source.wrong(&payload.span(), "payload needs format = \"json\"")),
            None => Ok(Format::Hep(self.form(source)?)),
        }
    }

    fn broker(&self) -> WrittenBroker<'_> {
        WrittenBroker {
            user: self.user.as_ref(),
            password: self.password.as_ref(),
            token: self.token.as_ref(),
            credentials: self.credentials.as_ref(),
            nkey: self.nkey.as_ref(),
            tls_ca: self.tls_ca.as_ref(),
            tls_certificate: self.tls_certificate.as_ref(),
            tls_key: self.tls_key.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use outputs::{Form, Kind};
    use reach::mqtt::Quality;

    use super::*;
    use crate::config::{Resolved, ServeArguments, resolve};

    fn resolved(toml: &str) -> Result<Resolved> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(&path, toml)?;
        resolve(&ServeArguments { config: Some(path), ..ServeArguments::default() })
    }

    #[test]
    fn outputs_to_brokers_are_read() {
        let settings = resolved(
            "[[output]]\nname = \"bus\"\nkind = \"nats\"\nurl = \"tls://n\"\nsubject = \"hep.{table}.{node}\"\n\
             stream = \"HEP\"\nnkey = \"/etc/user.nk\"\ndelete = [\"vlan\"]\n\
             [[output]]\nname = \"sites\"\nkind = \"mqtt\"\nurl = \"mqtts://m\"\ntopic = \"hep/{capture_id}\"\nformat = \"json\"\n\
             payload = false\nuser = \"u\"\npassword = \"p\"\n",
        );
        let settings = settings.expect("resolves");
        let [bus, sites] = settings.outputs.as_slice() else { panic!("two outputs") };
        let Kind::Nats(bus) = &bus.kind else { panic!("NATS") };
        assert_eq!((bus.address.to_string().as_str(), bus.stream.as_deref()), ("tls://n:4222", Some("HEP")));
        assert!(matches!(&bus.format, Format::Hep(Form::Hep3 { delete, .. }) if delete.len() == 1));
        let Kind::Mqtt(sites) = &sites.kind else { panic!("MQTT") };
        assert_eq!((sites.address.port(), sites.quality), (8883, Quality::AtLeastOnce));
        assert_eq!(sites.format, Format::Json { payload: false });
        assert!(!format!("{settings:?}").contains("\"p\""));
    }

    #[test]
    fn wrong_outputs_to_brokers_are_named_with_their_line() {
        let nats = "[[output]]\nname = \"a\"\nkind = \"nats\"\nurl = \"nats://b\"\nsubject = \"hep\"\n";
        let mqtt = "[[output]]\nname = \"a\"\nkind = \"mqtt\"\nurl = \"mqtt://b\"\ntopic = \"hep\"\n";
        for (toml, line, words) in [
            (nats.replace("subject = \"hep\"\n", ""), 2, "needs subject"),
            (nats.replace("url = \"nats://b\"\n", ""), 2, "needs url"),
            (nats.replace("nats://b", "http://b"), 4, "is no address of a broker"),
            (
                nats.replace("\"hep\"", "\"hep.{nod}\""),
                5,
                "{nod} stands for nothing; the places are {table}, {hep_type}",
            ),
            (nats.replace("\"hep\"", "\"hep.>\""), 5, "is no subject to publish to"),
            (format!("{nats}topic = \"x\"\n"), 6, "topic means nothing for kind = \"nats\"; it is of mqtt"),
            (format!("{nats}format = \"jsn\"\n"), 6, "did you mean json?"),
            (format!("{nats}format = \"json\"\nset = []\n"), 7, "set is of packets"),
            (format!("{nats}payload = false\n"), 6, "payload needs format = \"json\""),
            (format!("{nats}token = \"t\"\nnkey = \"/x\"\n"), 7, "exclude each other"),
            (format!("{nats}targets = [\"a\"]\n"), 6, "targets means nothing"),
            (mqtt.replace("\"hep\"", "\"hep/#\""), 5, "is no topic to publish to"),
            (format!("{mqtt}token = \"t\"\n"), 6, "token means nothing for kind = \"mqtt\""),
            (format!("{mqtt}qos = 2\n"), 6, "qos = 2 is not spoken"),
            (format!("{mqtt}client_id = \"\"\n"), 6, "is no client_id"),
        ] {
            let message = format!("{:#}", resolved(&toml).expect_err(words));
            assert!(message.contains(&format!("rhapsode.toml:{line}: ")), "{toml}: {message}");
            assert!(message.contains(words), "{toml}: {message}");
        }
    }
}
