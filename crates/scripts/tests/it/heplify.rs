//! Scripts as they are written for heplify-server.

use super::{load, printed, row, run};

#[test]
fn every_global_function_runs_in_its_order_without_arguments() {
    let order = printed(
        "local function hidden() Print('hidden') end\n\
         function zulu(...) Print('zulu', select('#', ...)) end\n\
         function alpha() Print('alpha') hidden() end",
    );
    assert_eq!(order, "zulu\t0\nalpha\nhidden");
}

#[test]
fn what_is_read_is_what_the_packet_says() {
    let read = printed(
        "function read()\n\
           Print(GetHEPProtoType(), GetHEPSrcIP(), GetHEPSrcPort(), GetHEPDstIP(), GetHEPDstPort(), GetHEPNodeID())\n\
           Print(GetHEPTimeSeconds(), GetHEPTimeUseconds())\n\
           local hep, sip = GetHEPStruct(), GetSIPStruct()\n\
           Print(hep.ProtoType, hep.SrcIP, hep.NodeName == '', hep.SID, hep.SIP.FromUser)\n\
           Print(sip.FirstMethod, sip.FromUser, sip.FromHost, sip.ToUser, sip.CseqMethod, sip.CseqVal, sip.UserAgent)\n\
           Print(sip.URIUser, sip.URIHost, sip.CallID, sip.ContactHost, sip.PaiUser == '', sip.Nonsense)\n\
           Print(GetRawMessage():match('(CSeq):%s+(.-)\\r\\n'))\n\
         end",
    );
    assert_eq!(
        read,
        "1\t192.0.2.1\t5060\t192.0.2.2\t5060\t2001\n\
         1767225600\t0\n\
         1\t192.0.2.1\ttrue\ta84b4c76e66710@192.0.2.1\t+4989987654\n\
         INVITE\t+4989987654\texample.com\t+4930123456\tINVITE\t314159\texample/1.0\n\
         +4930123456\texample.org\ta84b4c76e66710@192.0.2.1\t192.0.2.1\ttrue\tnil\n\
         CSeq\t314159 INVITE"
    );
}

#[test]
fn what_is_set_is_in_the_row_and_what_was_sent_beside_it() {
    let report = run("function fields()\n\
           SetHEPField('SrcIP', '198.51.100.7')\n\
           SetHEPField('DstPort', 5080)\n\
           SetHEPField('NodeID', '42')\n\
           SetHEPField('NodeName', 'edge')\n\
           SetHEPField('CID', HashString('md5', 'abc'))\n\
         end\n\
         function message()\n\
           SetSIPHeader('FromHost', '1.1.1.1')\n\
           SetSIPProfile('registration')\n\
           SetCustomSIPHeader({ ['X-test'] = 'Super TEST Header' })\n\
           SetLokiLabel('from_host', GetSIPStruct().FromHost)\n\
         end");
    assert_eq!(report.errors, [""; 0]);
    let columns = [
        "src_ip",
        "dst_ip",
        "dst_port",
        "capture_id",
        "node",
        "correlation_id",
        "from_host",
        "call_id",
        "flags",
    ];
    assert_eq!(
        row(&report, &columns),
        [
            "198.51.100.7",
            "192.0.2.2",
            "5080",
            "42",
            "edge",
            "900150983cd24fb0d6963f7d28e17f72",
            "1.1.1.1",
            "a84b4c76e66710@192.0.2.1",
            "scripted"
        ]
    );
    let extra = &row(&report, &["extra"])[0];
    for part in [
        r#""by":["0.lua"]"#,
        r#""profile":"registration""#,
        r#""X-test":"Super TEST Header""#,
        r#""label_from_host":"1.1.1.1""#,
        r#""src_ip":"192.0.2.1""#,
        r#""capture_id":"2001""#,
        r#""from_host":"example.com""#,
    ] {
        assert!(extra.contains(part), "{part} in {extra}");
    }
}

#[test]
fn the_message_may_be_another_and_its_columns_follow() {
    let report = run("function anonymous() SetRawMessage((GetRawMessage():gsub('%+49%d+', '+49xxx'))) end");
    assert_eq!(row(&report, &["from_user", "to_user", "size"])[..2], ["+49xxx", "+49xxx"]);
    let raw = format!("{:?}", row(&report, &["raw"]));
    assert!(raw.len() > 100, "{raw}");
    let report = run("function same() SetRawMessage(GetRawMessage()) end");
    assert_eq!(report.outcome, scripts::Outcome::Unchanged);
}

#[test]
fn a_call_may_have_another_id_and_a_packet_another_type() {
    let report = run("function sid() SetHEPField('SID', 'joined') end");
    assert_eq!(row(&report, &["call_id"]), ["joined"]);
    let report =
        run("function route() SetHEPField('ProtoType', 100) SetHEPField('CID', 'abc@192.0.2.1') end");
    assert_eq!(row(&report, &["hep_type", "correlation_id"]), ["100", "abc@192.0.2.1"]);
}

#[test]
fn what_one_packet_said_is_there_for_the_next() {
    let scripts = load(
        "function count()\n\
           local seen = tonumber(HashTable('get', 'seen')) or 0\n\
           HashTable('set', 'seen', seen + 1)\n\
           if seen == 1 then HashTable('del', 'seen') end\n\
           Print(seen)\n\
         end",
    )
    .expect("it loads");
    let seen: Vec<String> = (0..4).flat_map(|_| super::report(&scripts).prints).collect();
    assert_eq!(seen, ["0", "1", "0", "1"]);
}

#[test]
fn digests_are_those_of_the_standards() {
    let digests = printed(
        "function digests() Print(HashString('sha1', 'abc')) Print(HashString('sha256', 'abc')) \
         Print(Hash('abc', 'md5')) Print(HashString('other', 'abc')) end",
    );
    assert_eq!(
        digests,
        "a9993e364706816aba3e25717850c26c9cd0d89d\n\
         ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\
         900150983cd24fb0d6963f7d28e17f72\nabc"
    );
}
