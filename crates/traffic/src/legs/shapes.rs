//! The ways calls go.

use std::net::Ipv4Addr;

use super::dialog::{Dialog, Way};
use super::network::{
    BRIDGE, MILLISECOND, Network, Plan, SECOND, border, carrier, other_carrier, phone, proxy, system, written,
};
use super::outline::{End, Outline};
use super::{Links, Shape, TrueCall};

pub(super) fn play(network: &mut Network, plan: &Plan) -> TrueCall {
    let dialogs = match plan.shape {
        Shape::Proxy => through_proxy(network, plan),
        Shape::B2bua => b2bua(network, plan),
        Shape::Chain => chain(network, plan),
        Shape::Translation => translation(network, plan),
        Shape::Failover => failover(network, plan),
        Shape::RingGroup => ring(network, plan, true),
        Shape::Fork => ring(network, plan, false),
        Shape::BlindTransfer => blind_transfer(network, plan),
        Shape::AttendedTransfer => attended_transfer(network, plan),
        Shape::Pickup => pickup(network, plan),
        Shape::Conference => conference(network, plan),
    };
    let legs = dialogs.into_iter().map(Dialog::done).filter(|leg| !leg.sent.is_empty()).collect();
    TrueCall { shape: plan.shape, legs }
}

/// From a carrier's customer to one of ours.
fn incoming(network: &mut Network, plan: &Plan, to: Ipv4Addr) -> Dialog {
    let from = carrier(plan.caller);
    dialog(network, vec![from, to], plan.caller, plan.callee)
}

fn dialog(network: &mut Network, path: Vec<Ipv4Addr>, caller: u64, callee: u64) -> Dialog {
    let first = path.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
    let (from, to) = (written(caller, first), written(callee, first));
    Dialog::new(network, path, from, to)
}

fn extension(number: u64) -> String {
    (number % 10_000).to_string()
}

/// What the machine says about where a leg comes from, in its way.
fn link(network: &Network, before: &mut Dialog, after: &mut Dialog) {
    if network.settings.links != Links::Headers {
        return;
    }
    let first = after.path.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
    let identity = before.identity;
    match first.octets()[3] % 5 {
        0 => after.headers.push(format!("X-CID: {}", before.call_id)),
        1 => {
            let new = format!("Session-ID: {identity:016x}{identity:016x};remote={:032}", 0);
            share(&mut before.every, &mut after.every, new);
        }
        2 => {
            let new = format!("P-Charging-Vector: icid-value=\"{identity:016x}\";orig-ioi=example.net");
            share(&mut before.headers, &mut after.headers, new);
        }
        3 => {
            let parts = [identity >> 48, identity >> 32 & 0xffff, identity >> 16 & 0xffff, identity & 0xffff];
            let new = format!("Cisco-Guid: {}-{}-{}-{}", parts[0], parts[1], parts[2], parts[3]);
            share(&mut before.headers, &mut after.headers, new);
        }
        _ => after.call_id = format!("{}_b2b-{}", before.call_id, 1 + after.identity % 900),
    }
}

/// The header of the leg before goes on, or a new one stands in both.
fn share(before: &mut Vec<String>, after: &mut Vec<String>, new: String) {
    let name = new.split(':').next().unwrap_or_default();
    let header = match before.iter().find(|header| header.starts_with(name)) {
        Some(known) => known.clone(),
        None => {
            before.push(new.clone());
            new
        }
    };
    after.push(header);
}

fn through_proxy(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let path = vec![phone(plan.caller), proxy(plan.callee), carrier(plan.callee)];
    let mut only = dialog(network, path, plan.caller, plan.callee);
    let outline = network.outline(plan.at);
    only.play(network, &outline);
    vec![only]
}

/// One leg behind another.
fn two(network: &mut Network, plan: &Plan, mut before: Dialog, mut after: Dialog) -> Vec<Dialog> {
    link(network, &mut before, &mut after);
    let thinking = network.thinking();
    let outline = network.outline(plan.at + thinking);
    let upstream = network.upstream(&outline, plan.at);
    before.play(network, &upstream);
    after.play(network, &outline);
    vec![before, after]
}

fn b2bua(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let machine = border(plan.callee);
    let before = incoming(network, plan, machine.outside);
    let mut after = dialog(network, vec![machine.inside, carrier(plan.callee)], plan.caller, plan.callee);
    // Houses that show their own number, and say who called in another header, or not.
    match network.random.f64() {
        ..0.05 => {
            after.headers.push(format!("P-Asserted-Identity: <sip:{}@example.net>", after.from));
            after.from = "4930680999000".to_owned();
        }
        ..0.10 => after.from = "4930680999000".to_owned(),
        ..0.15 => {
            after.headers.push(format!("P-Asserted-Identity: <sip:{}@example.net>", after.from));
            after.from = "anonymous".to_owned();
        }
        _ => {}
    }
    two(network, plan, before, after)
}

fn chain(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let machine = border(plan.callee);
    let system = system(plan.callee);
    let mut first = incoming(network, plan, machine.outside);
    let mut second = dialog(network, vec![machine.inside, system], plan.caller, plan.callee);
    let mut third = dialog(network, vec![system, phone(plan.callee)], plan.caller, plan.callee);
    third.to = extension(plan.callee);
    link(network, &mut first, &mut second);
    link(network, &mut second, &mut third);
    let (one, other) = (network.thinking(), network.thinking());
    let outline = network.outline(plan.at + one + other);
    let middle = network.upstream(&outline, plan.at + one);
    let upstream = network.upstream(&middle, plan.at);
    first.play(network, &upstream);
    second.play(network, &middle);
    third.play(network, &outline);
    vec![first, second, third]
}

fn translation(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let machine = border(plan.callee);
    let before = incoming(network, plan, machine.outside);
    let behind = 49_891_000_000 + plan.callee % 1_000 * 7_919;
    let mut after = dialog(network, vec![machine.inside, carrier(behind)], plan.caller, behind);
    match network.random.f64() {
        ..0.25 => {
            after.headers.push(format!("P-Asserted-Identity: <sip:{}@example.net>", after.from));
            after.from = "anonymous".to_owned();
        }
        ..0.5 => after.from = "4930680999000".to_owned(),
        _ => {}
    }
    two(network, plan, before, after)
}

fn failover(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let machine = border(plan.callee);
    let mut before = incoming(network, plan, machine.outside);
    let mut failed = dialog(network, vec![machine.inside, carrier(plan.callee)], plan.caller, plan.callee);
    let mut after =
        dialog(network, vec![machine.inside, other_carrier(plan.callee)], plan.caller, plan.callee);
    link(network, &mut before, &mut failed);
    link(network, &mut before, &mut after);
    let thinking = network.thinking();
    let refused = network.refused(plan.at + thinking, 503);
    let End::Refused { at, .. } = refused.end else { return Vec::new() };
    let relay = network.relay();
    let outline = network.outline(at + 5 * MILLISECOND + relay);
    let upstream = network.upstream(&outline, plan.at);
    before.play(network, &upstream);
    failed.play(network, &refused);
    after.play(network, &outline);
    vec![before, failed, after]
}

/// Several phones ring, one takes it.
fn ring(network: &mut Network, plan: &Plan, is_group: bool) -> Vec<Dialog> {
    let system = system(plan.callee);
    let mut before = incoming(network, plan, system);
    let thinking = network.thinking();
    let outline = network.outline(plan.at + thinking);
    let upstream = network.upstream(&outline, plan.at);
    let phones = 2 + network.random.u64(..3);
    let mut legs = Vec::new();
    for place in 0..phones {
        let member = plan.callee + 1 + place * 31;
        let mut after = dialog(network, vec![system, phone(member)], plan.caller, plan.callee);
        if is_group {
            after.to = extension(member);
        }
        link(network, &mut before, &mut after);
        let start = outline.start + network.between(0, 15 * MILLISECOND);
        let ringing = outline.ringing.map(|_| start + network.between(100 * MILLISECOND, 2 * SECOND));
        let own = match outline.end {
            _ if place == 0 => Outline { start, ..outline },
            End::Answered { at, .. } => {
                let at = at + network.relay();
                Outline { start, ringing, end: End::Cancelled { at } }
            }
            End::Cancelled { at } => Outline { start, ringing, end: End::Cancelled { at } },
            End::Refused { status, .. } => network.refused(start, status),
        };
        after.play(network, &own);
        legs.push(after);
    }
    before.play(network, &upstream);
    legs.push(before);
    legs
}

/// A call that is up: who called, by way of the telephone system, whom; and when it was answered.
fn talk(network: &mut Network, at: i64, caller: u64, callee: u64) -> (Dialog, Dialog, Outline, Outline) {
    let system = system(callee);
    let mut before = dialog(network, vec![phone(caller), system], caller, callee);
    let mut after = dialog(network, vec![system, phone(callee)], caller, callee);
    (before.from, before.to) = (extension(caller), extension(callee));
    (after.from, after.to) = (extension(caller), extension(callee));
    link(network, &mut before, &mut after);
    let thinking = network.thinking();
    let outline = network.answered(at + thinking);
    let upstream = network.upstream(&outline, at);
    (before, after, upstream, outline)
}

fn until(outline: Outline, end: i64, ends_by_caller: bool) -> Outline {
    let at = match outline.end {
        End::Answered { at, .. } => at,
        End::Refused { at, .. } | End::Cancelled { at } => at,
    };
    Outline {
        end: End::Answered { at, bye: end.max(at + MILLISECOND), by_caller: ends_by_caller },
        ..outline
    }
}

fn answered_at(outline: &Outline) -> i64 {
    match outline.end {
        End::Answered { at, .. } | End::Refused { at, .. } | End::Cancelled { at } => at,
    }
}

fn blind_transfer(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let system = system(plan.callee);
    let target = network.subscriber();
    let (mut first, mut second, upstream, outline) = talk(network, plan.at, plan.caller, plan.callee);
    let asks = answered_at(&outline) + 3 * SECOND + network.exponential(15.0);
    let refers = network.settings.links != Links::Nothing;
    let to = format!("{}@{system}", extension(target));
    // The system calls itself, or lets the phone of who called do it.
    let by_phone = refers && network.chance(0.5);
    let mut start = asks + network.between(10 * MILLISECOND, 200 * MILLISECOND);
    if refers {
        let there = second.refer(network, asks, Way::Back, &to);
        if by_phone {
            let relay = network.relay();
            start = first.refer(network, there + relay, Way::Back, &to) + network.between(20_000, 400_000);
        }
    }
    let mut legs = Vec::new();
    let far = network.answered(start + if by_phone { 30 * MILLISECOND } else { 0 });
    let mut third = dialog(network, vec![system, phone(target)], plan.caller, target);
    (third.from, third.to) = (extension(plan.caller), extension(target));
    let moved = answered_at(&far);
    let End::Answered { bye, by_caller, .. } = far.end else { return Vec::new() };
    let (relay, other) = (network.relay(), network.relay());
    second.play(network, &until(outline, moved + relay, true));
    if by_phone {
        let mut again = dialog(network, vec![phone(plan.caller), system], plan.caller, target);
        (again.from, again.to) = (extension(plan.caller), extension(target));
        if network.settings.links == Links::Headers {
            again.headers.push(format!("Referred-By: <sip:{}@{system}>", extension(plan.callee)));
        }
        link(network, &mut again, &mut third);
        let near = network.upstream(&far, start);
        again.play(network, &near);
        first.play(network, &until(upstream, moved + relay + other, true));
        legs.push(again);
    } else {
        link(network, &mut first, &mut third);
        let end = if by_caller { bye - 5 * MILLISECOND - other } else { bye + 5 * MILLISECOND + other };
        first.play(network, &until(upstream, end, by_caller));
    }
    third.play(network, &far);
    legs.extend([first, second, third]);
    legs
}

fn attended_transfer(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let target = network.subscriber();
    let (mut first, mut second, upstream, outline) = talk(network, plan.at, plan.caller, plan.callee);
    let asks = answered_at(&outline) + 3 * SECOND + network.exponential(15.0);
    // All of it goes through the machine of who was called first.
    let system = system(plan.callee);
    let (mut third, mut fourth, near, far) = talk(network, asks, plan.callee, target);
    for dialog in [&mut third, &mut fourth] {
        for host in &mut dialog.path {
            if host.octets()[..3] == [203, 0, 113] {
                *host = system;
            }
        }
    }
    let joins = answered_at(&far) + 2 * SECOND + network.exponential(10.0);
    if network.settings.links != Links::Nothing {
        let replaces = third.call_id.replace('@', "%40");
        let to = format!("{}@{system}?Replaces={replaces}%3Bto-tag%3Db1%3Bfrom-tag%3Da1", extension(target));
        second.refer(network, joins, Way::Back, &to);
    }
    let moved = joins + network.between(20 * MILLISECOND, 200 * MILLISECOND);
    let end = moved + SECOND + network.exponential(60.0);
    let (relay, other, by_caller) = (network.relay(), network.relay(), network.chance(0.5));
    second.play(network, &until(outline, moved, true));
    third.play(network, &until(near, moved + relay, false));
    let (one, two) = if by_caller { (end, end + other) } else { (end + other, end) };
    first.play(network, &until(upstream, one, by_caller));
    fourth.play(network, &until(far, two, by_caller));
    vec![first, second, third, fourth]
}

fn pickup(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let system = system(plan.callee);
    let mut before = incoming(network, plan, system);
    let mut after = dialog(network, vec![system, phone(plan.callee)], plan.caller, plan.callee);
    after.to = extension(plan.callee);
    link(network, &mut before, &mut after);
    let thinking = network.thinking();
    let rings = network.answered(plan.at + thinking);
    let answer = answered_at(&rings);
    let picker = network.subscriber();
    let mut taker = dialog(network, vec![phone(picker), system], picker, plan.callee);
    (taker.from, taker.to) = (extension(picker), extension(plan.callee));
    match network.settings.links {
        Links::Nothing => taker.to = format!("*8{}", extension(plan.callee)),
        _ => taker.headers.push(format!("Replaces: {};to-tag=b1;from-tag=a1;early-only", after.call_id)),
    }
    let start = answer - network.between(20 * MILLISECOND, 200 * MILLISECOND);
    let End::Answered { bye, by_caller, .. } = rings.end else { return Vec::new() };
    let relay = network.relay();
    let taken =
        Outline { start, ringing: None, end: End::Answered { at: answer, bye, by_caller: !by_caller } };
    let upstream =
        network.upstream(&Outline { end: End::Answered { at: answer, bye, by_caller }, ..rings }, plan.at);
    after.play(network, &Outline { end: End::Cancelled { at: answer + relay }, ..rings });
    before.play(network, &upstream);
    taker.play(network, &taken);
    vec![before, after, taker]
}

/// Each calls the room through the telephone system.
fn conference(network: &mut Network, plan: &Plan) -> Vec<Dialog> {
    let room = 7_000 + network.random.u64(..900);
    let system = system(room);
    let mut legs = Vec::new();
    let mut at = plan.at;
    for _ in 0..3 {
        let who = network.subscriber();
        let mut before = dialog(network, vec![phone(who), system], who, room);
        let mut after = dialog(network, vec![system, BRIDGE], who, room);
        (before.from, before.to) = (extension(who), room.to_string());
        (after.from, after.to) = (extension(who), room.to_string());
        link(network, &mut before, &mut after);
        if network.settings.links != Links::Nothing {
            after.answer.push(format!("Contact: <sip:{room}-{:x}@{BRIDGE}>;isfocus", plan.at));
        }
        let thinking = network.thinking();
        let outline = network.answered(at + thinking);
        let upstream = network.upstream(&outline, at);
        before.play(network, &upstream);
        after.play(network, &outline);
        legs.extend([before, after]);
        at += network.between(2 * SECOND, 20 * SECOND);
    }
    legs
}
