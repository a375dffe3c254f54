//! What a script cannot do, however it tries.

use std::time::Duration;

use hep::Edits;
use hep::chunk::Chunk;
use protocols::Protocols;
use protocols::scripted::{self, Said};
use scripts::{Limits, Outcome, Scripts, Settings, arrival};

use super::{load, printed, report, run, settings};

/// A failed run changes nothing and says which limit it met.
fn meets(limit: &str, text: &str) {
    let scripts = load(text).expect("it loads");
    let report = report(&scripts);
    assert_eq!(report.outcome, Outcome::Unchanged, "{text}");
    assert!(report.errors.iter().any(|error| error.contains(limit)), "{text}: {:?}", report.errors);
    let status = &scripts.status()[0];
    assert_eq!((status.errors, status.limits, status.is_off), (1, 1, false));
}

const INSTRUCTIONS: &str = "scripts.instructions_max";
const MEMORY: &str = "scripts.memory_bytes_max";

#[test]
fn loops_end() {
    meets(INSTRUCTIONS, "function packet(p) p:tag('x') while true do end end");
    meets(INSTRUCTIONS, "function packet() while true do pcall(function() while true do end end) end end");
    meets(
        INSTRUCTIONS,
        "function packet() while true do xpcall(function() while true do end end, function() end) end end",
    );
    meets(
        INSTRUCTIONS,
        "function packet() local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true do pcall(function() return t[1] end) end end",
    );
    meets(
        INSTRUCTIONS,
        "function packet() while true do ('x'):gsub('x', function() while true do end end) end end",
    );
}

#[test]
fn patterns_end() {
    let subject = "local s = ('a'):rep(5000)";
    for pattern in ["'.-.-.-.-b'", "('a*'):rep(20) .. 'b'", "('a?'):rep(100) .. 'b'"] {
        meets(INSTRUCTIONS, &format!("function packet() {subject} s:find({pattern}) end"));
        meets(INSTRUCTIONS, &format!("function packet() {subject} s:gsub({pattern}, '') end"));
        meets(INSTRUCTIONS, &format!("function packet() {subject} for _ in s:gmatch({pattern}) do end end"));
    }
    let deep = run("function packet() return (('a'):rep(2000)):find(('a?'):rep(500)) end");
    assert!(deep.errors[0].contains("too complex"), "{:?}", deep.errors);
    let long = run("function packet() return ('a'):find(('a?'):rep(5000)) end");
    assert!(long.errors[0].contains("longer than 1024"), "{:?}", long.errors);
}

#[test]
fn memory_ends() {
    meets(MEMORY, "function packet() local t = {} for i = 1, 1e9 do t[i] = { i } end end");
    meets(MEMORY, "function packet() local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000000) .. i end end");
    // It runs on afterwards.
    let scripts = load(
        "local first = true\n\
         function packet(p) if first then first = false local t = {} for i = 1, 1e9 do t[i] = { i } end end p:tag('again') end",
    )
    .expect("it loads");
    assert_eq!(report(&scripts).errors.len(), 1);
    assert!(matches!(report(&scripts).outcome, Outcome::Changed(_)));
    let large = run("function packet() return ('x'):rep(1e9) end");
    assert!(large.errors[0].contains("longer than 1048576"), "{:?}", large.errors);
    let nothing = printed("function packet() print(#(''):rep(1e15)) end");
    assert_eq!(nothing, "0");
}

#[test]
fn recursion_ends() {
    let deep = run("function packet() local function f() return 1 + f() end f() end");
    assert!(deep.errors[0].contains("stack overflow"), "{:?}", deep.errors);
    let deep = run("function packet() local function f() return (('x'):gsub('x', f)) end f() end");
    assert_eq!((deep.errors.len(), deep.outcome), (1, Outcome::Unchanged));
}

#[test]
fn nothing_reaches_out() {
    let names = "os io debug package require module load loadstring loadfile dofile newproxy coroutine collectgarbage";
    let there = printed(&format!(
        "function packet() for name in ('{names}'):gmatch('%a+') do if _G[name] then print(name) end end print(string.dump) end"
    ));
    assert_eq!(there, "nil");
}

#[test]
fn time_ends_too() {
    let limits =
        Limits { instructions_max: u64::MAX, time_max: Duration::from_millis(5), ..Limits::default() };
    let settings = Settings { limits, ..settings(&["function packet() while true do end end"]) };
    let scripts = Scripts::load(&settings, 1, None).expect("it loads");
    assert!(report(&scripts).errors[0].contains("scripts.milliseconds_max"));
}

#[test]
fn who_meets_limits_again_and_again_is_switched_off() {
    let limits = Limits { in_a_row_max: 3, ..settings(&[]).limits };
    let settings = Settings { limits, ..settings(&["function packet() while true do end end"]) };
    let scripts = Scripts::load(&settings, 1, None).expect("it loads");
    for _ in 0..5 {
        let _ = report(&scripts);
    }
    let status = &scripts.status()[0];
    assert_eq!((status.runs, status.limits, status.is_off), (3, 3, true));
    // Others in their place may yet be refused.
    let again = Scripts::load(&settings, 1, Some(&scripts)).expect("it loads");
    assert!(scripts.status()[0].is_off);
    again.switch_on();
    assert!(!again.status()[0].is_off);
}

#[test]
fn no_place_in_a_table_keeps_a_thread_busy() {
    let report = run("function packet() table.insert({}, -2 ^ 31, 1) end");
    assert!(report.errors[0].contains("bad place in table.insert"), "{:?}", report.errors);
    let report = run(
        "function packet(p) local t = { 2 } table.insert(t, 1, 1) table.insert(t, 3) p:tag(table.concat(t)) end",
    );
    assert_eq!((report.errors.len(), report.changes), (0, vec!["tag: 123".to_owned()]));
}

#[test]
fn running_out_of_memory_is_not_caught() {
    meets(
        MEMORY,
        "function packet() while true do pcall(function() local t = {} for i = 1, 1e9 do t[i] = { i } end end) end end",
    );
}

#[test]
fn the_lines_of_a_large_text_are_within_the_limits() {
    let report = run(
        "function packet(p) local n = 0 for line in (('line\\n'):rep(10000)):gmatch('[^\\n]+') do n = n + #line end p:tag('t' .. n) end",
    );
    assert_eq!((report.errors.len(), report.changes), (0, vec!["tag: t40000".to_owned()]));
}

#[test]
fn the_outermost_part_is_limited_when_it_is_loaded() {
    let error = load("while true do end").expect_err("refused").to_string();
    assert!(error.starts_with("/etc/rhapsode/scripts/0.lua:1: ") && error.contains(INSTRUCTIONS), "{error}");
}

#[test]
fn tags_and_texts_are_bounded() {
    for (text, words) in [
        ("for i = 1, 100 do p:tag('t' .. i) end", "more than 32 tags"),
        ("p:tag(('x'):rep(100))", "a tag has 1 to 64 bytes"),
        ("for i = 1, 100 do p:set('n' .. i, 'x') end", "more than 64 names"),
        ("p:set('n', ('x'):rep(5000))", "longer than 4096 bytes"),
        ("p.nonsense = 1", "a packet has no nonsense"),
    ] {
        let report = run(&format!("function packet(p) {text} end"));
        assert!(report.errors.iter().any(|error| error.contains(words)), "{text}: {:?}", report.errors);
    }
    let lines = run("function packet() for i = 1, 100 do print(('x'):rep(5000)) end end").prints;
    assert_eq!((lines.len(), lines[0].len()), (32, 1024));
}

/// A sender can put a chunk of ours into its packets. It cannot keep a script from doing its work by that.
#[test]
fn what_a_sender_says_takes_nothing_of_what_a_script_may_say() {
    let (frame, seconds) = scripts::sample();
    let said = Said {
        tags: (0..32).map(|n| format!("forged{n}")).collect(),
        set: (0..64).map(|n| (format!("name{n}"), "x".to_owned())).collect(),
        ..Said::default()
    };
    let said = said.encode();
    let (vendor, kind) = scripted::CHUNK;
    let set = [Chunk { vendor, kind, body: said.as_bytes() }];
    let forged = hep::edited(&frame, seconds, Edits { delete: &[], set: &set }).expect("a frame");
    let (packet, _) = hep::decode(&forged, seconds).expect("a packet");
    let scripts = load("function packet(p) p:tag('ours') p:set('site', 'Oslo') end").expect("it loads");
    let report = scripts.report(&packet, &forged, &arrival(seconds), Protocols::built_in());
    assert_eq!(report.errors, [""; 0]);
    let Outcome::Changed(changed) = report.outcome else { panic!("{:?}", report.outcome) };
    let (packet, _) = hep::decode(&changed, seconds).expect("a packet");
    let said = scripted::said(&packet).expect("it is said");
    assert!(said.tags.len() == 33 && said.tags.contains(&"ours".to_owned()), "{:?}", said.tags);
    assert_eq!(said.set.last(), Some(&("site".to_owned(), "Oslo".to_owned())));
}
