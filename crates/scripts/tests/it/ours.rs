//! Scripts in our own form, and what Lua's strings do.

use scripts::Outcome;

use super::{load, printed, report, row, run, settings};

#[test]
fn a_packet_is_read_changed_tagged_and_correlated() {
    let report = run("local function helper() return 'vip' end\n\
         function unused() error('a helper is not run') end\n\
         function packet(p)\n\
           print(p.src_ip, p.src_port, p.hep_type, p.transport, p.size == #p.payload, p.nonsense)\n\
           print(p:header('user-agent'), p:header('X-None'))\n\
           p.src_ip = '198.51.100.1'\n\
           p.node = 'edge'\n\
           p:tag(helper()) p:tag('vip') p:tag('two words')\n\
           p:correlate('other-leg@192.0.2.9')\n\
           p:set('customer', 4711)\n\
         end");
    assert_eq!(report.errors, [""; 0]);
    assert_eq!(report.prints, ["192.0.2.1\t5060\t1\tudp\ttrue\tnil", "example/1.0\tnil"]);
    assert_eq!(
        row(&report, &["src_ip", "node", "correlation_id", "flags"]),
        ["198.51.100.1", "edge", "other-leg@192.0.2.9", "scripted"]
    );
    let extra = &row(&report, &["extra"])[0];
    assert!(
        extra.contains(r#""tags":["vip","two words"]"#) && extra.contains(r#""customer":"4711""#),
        "{extra}"
    );
}

#[test]
fn both_ends_may_be_of_another_family() {
    let report = run("function packet(p) p.src_ip = '2001:db8::1' p.dst_ip = '2001:db8::2' end");
    assert_eq!(row(&report, &["src_ip", "dst_ip", "flags"]), ["2001:db8::1", "2001:db8::2", "scripted"]);
}

#[test]
fn a_record_has_columns_and_columns_may_be_others() {
    let report = run("function packet(p) p.payload = p.payload:gsub('alice', 'bob') end\n\
         function record(r)\n\
           print(r.table, r.method, r.from_user, r.cseq, r.status, r.contact, r.call_id)\n\
           r:set('user_agent', 'normal') r:set('cseq', 7) r:set('status', 'none')\n\
           r:tag('seen')\n\
         end");
    assert_eq!(report.errors, [""; 0]);
    assert_eq!(
        report.prints,
        ["sip\tINVITE\t+4989987654\t314159\tnil\tsip:bob@192.0.2.1:5060\ta84b4c76e66710@192.0.2.1"]
    );
    assert_eq!(row(&report, &["user_agent", "cseq", "status"]), ["normal", "7", "null"]);
    let extra = &row(&report, &["extra"])[0];
    assert!(extra.contains(r#""user_agent":"example/1.0""#), "what was sent: {extra}");
    assert!(extra.contains(r#""status":"none""#), "what fits no column is kept as a text: {extra}");
}

#[test]
fn a_packet_may_be_dropped_at_either_stage() {
    for text in [
        "function packet(p) if p:header('CSeq'):find('INVITE', 1, true) then p:drop('no calls') end end",
        "function record(r) if r.method == 'INVITE' then r:drop('no calls') end end",
    ] {
        let scripts = load(text).expect("it loads");
        let report = report(&scripts);
        assert_eq!((report.outcome, report.dropped.as_deref()), (Outcome::Dropped, Some("no calls")));
        let status = &scripts.status()[0];
        assert_eq!((status.runs, status.dropped, status.changed, status.errors), (1, 1, 0, 0));
    }
}

#[test]
fn scripts_follow_each_other_and_one_that_fails_leaves_no_trace() {
    let settings = settings(&[
        "function packet(p) p:tag('first') end",
        "function packet(p)\n  p:tag('second')\n  p.src_ip = 'nowhere'\nend",
        "function packet(p) p:tag('third') end",
    ]);
    let scripts = scripts::Scripts::load(&settings, 2, None).expect("they load");
    let report = report(&scripts);
    assert_eq!(report.errors, ["/etc/rhapsode/scripts/1.lua:3: \"nowhere\" is no src_ip"]);
    let extra = &row(&report, &["extra"])[0];
    assert!(extra.contains(r#""by":["0.lua","2.lua"],"tags":["first","third"]"#), "{extra}");
    let status = scripts.status();
    assert_eq!(status.iter().map(|of| of.errors).collect::<Vec<_>>(), [0, 1, 0]);
    // What was counted goes on when they are loaded anew.
    let again = scripts::Scripts::load(&settings, 1, Some(&scripts)).expect("they load");
    assert_eq!(again.status()[1].errors, 1);
}

#[test]
fn a_packet_that_a_script_made_too_long_for_hep_is_not_kept_as_it_was_sent() {
    let report = run("function packet(p) p.payload = ('x'):rep(70000) end");
    assert_eq!(report.outcome, Outcome::Dropped);
    assert!(report.errors[0].contains("65535"), "{:?}", report.errors);
}

#[test]
fn wrong_scripts_are_refused_with_their_line() {
    let refused = |text: &str| scripts::check(&settings(&[text])).expect_err("refused").to_string();
    assert_eq!(
        refused("function packet(p)\n  if p.src_ip then\nend\n"),
        "/etc/rhapsode/scripts/0.lua:4: 'end' expected (to close 'function' at line 1) near '<eof>'"
    );
    assert_eq!(
        refused("local x = nil\n\nx.y = 1"),
        "/etc/rhapsode/scripts/0.lua:3: attempt to index local 'x' (a nil value)"
    );
    assert_eq!(
        refused("function check()\n  local port = GetHepSrcPort()\nend"),
        "/etc/rhapsode/scripts/0.lua:2: attempt to call global 'GetHepSrcPort' (a nil value)"
    );
    assert!(refused("local x = 1").contains("no global function"));
    assert!(refused("\u{1b}Lua").contains("compiled code"));
    scripts::check(&settings(&["function packet(p) error('for this packet') end"]))
        .expect("it may fail at times");
}

#[test]
fn strings_do_what_the_manual_of_lua_says() {
    let said = printed(
        r#"function packet()
             print(('hello world'):find('wor'), ('hello'):find('l', 1, true), ('hello'):find('xyz'), ('a.b'):find('.', 2, true))
             print(('hello'):find('(l)(l)'), ('hello'):find('', 10), ('hello'):find('', 6))
             print(('key = value'):match('^(%w+)%s*=%s*(%w+)$'), ('2026-01-02'):match('(%d+)-(%d+)-(%d+)'))
             print(('  trim  '):match('^%s*(.-)%s*$') .. '|', ('f(a(b)c)d'):match('%b()'), ('THE (quick) fox'):find('%((%a+)%)'))
             print(('hello'):gsub('l', 'L'), ('hello'):gsub('l', 'L', 1), ('abc'):gsub('%w', '%0%0'), ('abc'):gsub('', '-'))
             print(('$name is $age'):gsub('%$(%w+)', { name = 'Bob', age = 7 }), ('abc'):gsub('%w', function(c) if c == 'b' then return 'B' end end))
             local words = {} for w in ('one two  three'):gmatch('%a+') do words[#words + 1] = w end
             print(table.concat(words, ','), ('hello'):match('()ll()'), ('x-y'):gsub('[%-]', '+'), ('[a]'):find('[]]'))
             print(('THE (quick) fox'):gsub('%f[%a]%a+', 'w'), ('aXb'):match('%u'), ('aa'):match('^(a)%1$'), ('ab12'):match('[^%d]+'))
             print(('abc'):rep(2), ('x'):byte(), ('%d|%5.1f|%s'):format(3, 2.25, 'x'), ('Abc'):lower(), #('abc'), ('abc'):sub(-2), 10 / 2, 7 % 3)
           end"#,
    );
    assert_eq!(
        said,
        "7\t3\tnil\t2\t2\n\
         3\tnil\t6\t5\n\
         key\t2026\t01\t02\n\
         trim|\t(a(b)c)\t5\t11\tquick\n\
         heLLo\theLlo\taabbcc\t-a-b-c-\t4\n\
         Bob is 7\taBc\t3\n\
         one,two,three\t3\tx+y\t3\t3\n\
         w (w) w\tX\ta\tab\n\
         abcabc\t120\t3|  2.2|x\tabc\t3\tbc\t5\t1"
    );
}

#[test]
fn the_script_of_the_manual_does_what_the_manual_says() {
    let page = include_str!("../../../../docs/scripts.md");
    let script = page.split("```lua\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a script");
    scripts::check(&settings(&[script])).expect("it loads");
    let report = run(script);
    assert_eq!((report.errors.len(), report.outcome), (0, Outcome::Unchanged));
    let report = run(&script.replace("192.0.2.66", "192.0.2.1"));
    assert_eq!(report.dropped.as_deref(), Some("load generator"));
    let report = run(&script.replace("^10%.20%.", "^192%.0%.").replace("friendly%-scanner", "^example/"));
    let extra = &row(&report, &["extra"])[0];
    for part in [r#""tags":["branch","scanner"]"#, r#""site":"Oslo""#, r#""user_agent":"example/1.0""#] {
        assert!(extra.contains(part), "{part} in {extra}");
    }
}
