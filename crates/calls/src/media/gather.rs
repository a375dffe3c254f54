//! Which reports are about the same stream, and which of them are of the same reporter.

use super::STREAMS_MAX;
use super::report::{By, Kind, Report};
use super::twice::Told;
use crate::message::End;

/// Reporters of one stream that are told apart; a relay and two ends are three.
const ACCOUNTS_MAX: usize = 16;

/// All reports about one stream.
#[derive(Debug)]
pub(super) struct Group<'r, 'a> {
    pub(super) ssrc: Option<u32>,
    pub(super) from: End<'a>,
    pub(super) to: End<'a>,
    /// Whether the sender itself said where it sends from.
    knows_sender: bool,
    /// What its sender says it sent.
    pub(super) sent: Vec<&'r Report<'a>>,
    pub(super) accounts: Vec<Account<'r, 'a>>,
    pub(super) copies: usize,
    pub(super) left_out: bool,
}

/// What one reporter says of a stream, in one form.
#[derive(Debug)]
pub(super) struct Account<'r, 'a> {
    pub(super) kind: Kind,
    pub(super) by: By,
    pub(super) reporter_ssrc: Option<u32>,
    pub(super) reporter: Option<&'a str>,
    /// Where it was measured.
    pub(super) place: End<'a>,
    /// Where it comes from as seen from there.
    pub(super) heard_from: End<'a>,
    pub(super) reports: Vec<&'r Report<'a>>,
}

/// Those that name an SSRC first: the others are matched with them by address.
pub(super) fn groups<'r, 'a>(told: &[Told<'r, 'a>]) -> Vec<Group<'r, 'a>> {
    let mut groups: Vec<Group<'r, 'a>> = Vec::new();
    for told in told.iter().filter(|told| told.report.ssrc.is_some()) {
        let place = groups.iter().position(|group| group.is_of(told.report));
        put(&mut groups, place, told);
    }
    for told in told.iter().filter(|told| told.report.ssrc.is_none()) {
        let mut fitting = groups.iter().enumerate().filter(|(_, group)| group.fits(told.report));
        // Two streams between the same ends: no telling which is meant.
        let place = match (fitting.next(), fitting.next()) {
            (Some((place, _)), None) => Some(place),
            _ => groups.iter().position(|group| group.ssrc.is_none() && group.fits(told.report)),
        };
        put(&mut groups, place, told);
    }
    groups.sort_by_key(Group::first);
    groups
}

fn put<'r, 'a>(groups: &mut Vec<Group<'r, 'a>>, place: Option<usize>, told: &Told<'r, 'a>) {
    let is_full = groups.len() >= STREAMS_MAX;
    if let Some(group) = place.and_then(|place| groups.get_mut(place)) {
        group.add(told);
    } else if !is_full {
        let mut group = Group::of(told.report);
        group.add(told);
        groups.push(group);
    } else if let Some(last) = groups.last_mut() {
        last.left_out = true;
    }
}

impl<'r, 'a> Group<'r, 'a> {
    fn of(report: &Report<'a>) -> Self {
        Self {
            ssrc: report.ssrc,
            from: report.from(),
            to: report.to(),
            knows_sender: false,
            sent: Vec::new(),
            accounts: Vec::new(),
            copies: 0,
            left_out: false,
        }
    }

    /// The same SSRC, unless it goes the other way: both ends may have chosen the same one (RFC 3550 8.2).
    fn is_of(&self, report: &Report<'a>) -> bool {
        let goes_back = is_same(self.from, report.to()) && is_same(self.to, report.from());
        self.ssrc == report.ssrc && !goes_back
    }

    /// Between the same ends, as far as they are told.
    fn fits(&self, report: &Report<'a>) -> bool {
        let (from, to) = (report.from(), report.to());
        let may_be =
            |one: End<'_>, other: End<'_>| one.ip.is_none() || other.ip.is_none() || is_same(one, other);
        let is_known = |one: End<'_>, other: End<'_>| one.ip.is_some() && is_same(one, other);
        // A receiver knows where it listens; where media comes from may be a relay that others do not see.
        match report.by {
            By::Receiver => {
                is_known(self.to, to)
                    || self
                        .accounts
                        .iter()
                        .any(|account| account.by == By::Receiver && is_known(account.place, to))
            }
            By::Sender => is_known(self.from, from),
            By::Between => {
                may_be(self.from, from) && may_be(self.to, to) && (to.ip.is_some() || from.ip.is_some())
            }
        }
    }

    fn add(&mut self, told: &Told<'r, 'a>) {
        let report = told.report;
        self.copies += told.copies;
        if report.by == By::Sender {
            if !self.knows_sender && report.from().ip.is_some() {
                (self.from, self.knows_sender) = (report.from(), true);
            }
            if self.to.ip.is_none() {
                self.to = report.to();
            }
            self.sent.push(report);
            return;
        }
        if self.from.ip.is_none() {
            self.from = report.from();
        }
        if self.to.ip.is_none() || self.accounts.is_empty() && report.by == By::Receiver {
            self.to = report.to();
        }
        let place = self.accounts.iter().position(|account| account.is_of(report));
        if let Some(account) = place.and_then(|place| self.accounts.get_mut(place)) {
            account.reports.push(report);
        } else if self.accounts.len() < ACCOUNTS_MAX {
            self.accounts.push(Account {
                kind: report.kind,
                by: report.by,
                reporter_ssrc: report.reporter_ssrc,
                reporter: report.reporter,
                place: report.to(),
                heard_from: report.from(),
                reports: vec![report],
            });
        } else {
            self.left_out = true;
        }
    }

    fn first(&self) -> (i64, i64) {
        let own = self.accounts.iter().flat_map(|account| &account.reports).chain(&self.sent);
        own.map(|report| (report.at, report.id)).min().unwrap_or_default()
    }
}

impl<'a> Account<'_, 'a> {
    fn is_of(&self, report: &Report<'a>) -> bool {
        if self.kind != report.kind || self.by != report.by {
            return false;
        }
        match (self.reporter_ssrc, report.reporter_ssrc) {
            (Some(own), Some(other)) => own == other,
            // One of them does not say: Asterisk writes something else there.
            _ => match (self.reporter, report.reporter) {
                (Some(own), Some(other)) => own == other,
                _ => self.place.ip.is_none() || report.to().ip.is_none() || is_same(self.place, report.to()),
            },
        }
    }
}

/// The same address, and the same port if both are known: that of RTCP counts as that of RTP below it (RFC 3550 11).
pub(super) fn is_same(one: End<'_>, other: End<'_>) -> bool {
    let even = |end: End<'_>| end.port.filter(|port| *port != 0).map(|port| port & !1);
    let ports = match (even(one), even(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.ip.is_some() && one.ip == other.ip && ports
}
