// A few hours of an invented voice network, the same at every start: records as the API answers them.

let state = 20261121;
/** mulberry32: the mock shows the same calls at every start. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const hex = (digits) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
const digits = (number) => Array.from({ length: number }, () => Math.floor(random() * 10)).join('');

const PHONE = { ip: '203.0.113.24', port: 5062 };
const EDGE = { ip: '198.51.100.5', port: 5060 };
const PROXY = { ip: '10.20.0.11', port: 5060 };
const PBX = { ip: '10.20.0.31', port: 5060 };
const CARRIER_A = { ip: '192.0.2.77', port: 5060 };
const CARRIER_B = { ip: '192.0.2.140', port: 5060 };
const RELAY = '10.20.0.21';

const REASONS = {
  100: 'Trying', 180: 'Ringing', 183: 'Session Progress', 200: 'OK', 302: 'Moved Temporarily', 401: 'Unauthorized', 403: 'Forbidden',
  404: 'Not Found', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 480: 'Temporarily Unavailable', 486: 'Busy Here',
  487: 'Request Terminated', 500: 'Server Internal Error', 503: 'Service Unavailable', 603: 'Decline',
};

const iso = (micros) => `${new Date(Math.floor(micros / 1000)).toISOString().slice(0, -4)}${String(((micros % 1e6) + 1e6) % 1e6).padStart(6, '0')}Z`;
const at = ({ ip, port }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

export class Traffic {
  records = [];
  #next = 7_405_568n << 16n;

  #push(record) {
    this.#next += 1n + BigInt(Math.floor(random() * 3));
    const whole = {
      received: iso(record.micros + 900 + Math.floor(random() * 2400)), sender: PROXY.ip, node: 'edge-fra-1', capture_id: 2001, hep_type: 1,
      transport: 'udp', call_id: null, correlation_id: null, flags: [], method: null, status: null, cseq: null, cseq_method: null, from_user: null, to_user: null,
      detail: {}, problems: [], extra: {}, retransmission_of: null, witness_of: null, shown: null, ...record, id: String(this.#next),
    };
    whole.ts = iso(record.micros);
    whole.size = whole.bytes.length;
    this.records.push(whole);
    return whole.id;
  }

  /** A second capture point that saw the signalling of a call too. */
  sniff(callId) {
    for (const record of this.records.filter((one) => one.call_id === callId && one.table === 'sip')) {
      this.#push({ ...record, micros: record.micros + 180, sender: '10.20.0.12', node: 'sniffer', capture_id: 2002, retransmission_of: null, witness_of: record.id });
    }
  }

  sip(call, micros, from, to, start, options = {}) {
    const response = typeof start === 'number';
    const cseqMethod = options.cseqMethod ?? (response ? 'INVITE' : start === 'ACK' || start === 'CANCEL' ? start : start);
    const cseq = options.cseq ?? call.cseq ?? 1;
    const sdp = options.sdp ? this.#sdp(options.sdp) : '';
    const first = response ? `SIP/2.0 ${start} ${REASONS[start]}` : `${start} sip:${call.to}@${options.host ?? 'voip.example.net'}${options.port ?? ''} SIP/2.0`;
    const lines = [
      first,
      `Via: SIP/2.0/UDP ${at(response ? to : from)};branch=z9hG4bK${options.branch ?? call.branch}${response ? `;received=${to.ip}` : ''};rport`,
      ...(response ? [] : [`Max-Forwards: ${options.hops ?? 70}`]),
      `From: "${call.name}" <sip:${call.from}@voip.example.net>;tag=${call.fromTag}`,
      `To: <sip:${call.to}@voip.example.net>${start === 100 || (start === 'INVITE' && !options.inDialog) || start === 'REGISTER' || start === 'OPTIONS' ? '' : `;tag=${call.toTag}`}`,
      `Call-ID: ${call.id}`,
      `CSeq: ${cseq} ${cseqMethod}`,
      ...(start === 100 || start === 'ACK' ? [] : [`Contact: <sip:${response ? call.to : call.from}@${at(from)}>`]),
      ...(response ? [`Server: ${options.agent ?? 'Asterisk PBX 20.9.3'}`] : [`User-Agent: ${options.agent ?? 'Yealink SIP-T46U 108.86.0.90'}`]),
      ...(start === 'INVITE' ? ['Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE', 'Supported: timer, replaces, 100rel', `P-Asserted-Identity: "${call.name}" <sip:${call.from}@voip.example.net>`] : []),
      ...(start === 401 || start === 407 ? [`${start === 401 ? 'WWW' : 'Proxy'}-Authenticate: Digest realm="voip.example.net", nonce="${hex(40)}", algorithm=MD5, qop="auth"`] : []),
      ...(options.authorized ? [`Proxy-Authorization: Digest username="${call.from}", realm="voip.example.net", nonce="${hex(40)}", uri="sip:${call.to}@voip.example.net",`, ` response="${hex(32)}", algorithm=MD5, qop=auth, cnonce="${hex(8)}", nc=00000001`] : []),
      ...(options.headers ?? []),
      ...(sdp ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${sdp.length}`,
    ];
    return this.#push({
      micros, table: 'sip', src_ip: from.ip, src_port: from.port, dst_ip: to.ip, dst_port: to.port, call_id: call.id,
      label: response ? `${start} ${REASONS[start]}` : start, method: response ? cseqMethod : start, status: response ? start : null, cseq, cseq_method: cseqMethod,
      from_user: call.from, to_user: call.to, bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${sdp}`),
      retransmission_of: options.again ?? null, flags: options.flags ?? [], ...(options.record ?? {}),
      detail: {
        from_tag: call.fromTag, to_tag: call.toTag, via_branch: `z9hG4bK${options.branch ?? call.branch}`, user_agent: options.agent ?? null,
        ...(sdp ? { media: `${options.sdp.ip}:${options.sdp.port}`, codecs: options.sdp.codecs ?? 'PCMA,PCMU,G729,telephone-event', content_type: 'application/sdp' } : {}),
      },
    });
  }

  #sdp({ ip, port, mode = 'sendrecv' }) {
    return [
      'v=0', `o=- ${digits(10)} 1 IN IP4 ${ip}`, 's=-', `c=IN IP4 ${ip}`, 't=0 0', `m=audio ${port} RTP/AVP 8 0 18 101`, 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:18 G729/8000', 'a=fmtp:18 annexb=no', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16', 'a=ptime:20', `a=${mode}`, '',
    ].join('\r\n');
  }

  rtcp(call, micros, from, to, { loss = 0, jitter = 12, packets, lost = 0 }) {
    const ssrc = Number.parseInt(hex(7), 16);
    const json = `{ "sender_information":{"ntp_timestamp_sec":${3_989_000_000 + Math.floor(random() * 1e6)},"ntp_timestamp_usec":${Math.floor(random() * 4e9)},"octets":${packets * 160},"rtp_timestamp":${packets * 160},"packets":${packets}},"ssrc":${ssrc},"type":200,"report_count":1,"report_blocks":[{"source_ssrc":${Number.parseInt(hex(7), 16)},"highest_seq_no":${packets + 3011},"fraction_lost":${Math.round(loss * 2.56)},"ia_jitter":${jitter},"packets_lost":${lost},"lsr":${Math.floor(random() * 4e9)},"dlsr":${Math.floor(random() * 1e5)}}],"sdes_report_count":1,"sdes_information":[{"sdes_chunk_ssrc":${ssrc},"type":1,"text":"${hex(12)}@phone"}] }`;
    this.#push({
      micros, table: 'rtcp', hep_type: 5, label: 'RTCP SR', node: 'rtpengine-1', sender: RELAY, capture_id: 2002, src_ip: from.ip, src_port: from.port, dst_ip: to.ip, dst_port: to.port,
      call_id: call.id, correlation_id: call.id, bytes: Buffer.from(json),
      detail: { ssrc, report_type: 200, packets, octets: packets * 160, fraction_lost: loss, packets_lost: lost, jitter },
    });
  }

  log(call, micros, text, level = 'NOTICE') {
    this.#push({
      micros, table: 'log', hep_type: 100, label: text.slice(0, 80), src_ip: PROXY.ip, src_port: PROXY.port, dst_ip: '10.20.0.50', dst_port: 9060, call_id: call.id, correlation_id: call.id,
      bytes: Buffer.from(text), detail: { level, text },
    });
  }

  opaque(call, micros, bytes, type) {
    this.#push({ micros, table: 'other', hep_type: type, label: `type ${type}`, src_ip: PBX.ip, src_port: 4500, dst_ip: PROXY.ip, dst_port: 4500, call_id: call?.id ?? null, bytes, detail: {} });
  }
}

function newCall(from, to, name = 'Ada Byron', id = `${hex(8)}-${hex(4)}-${hex(4)}@${PHONE.ip}`) {
  return { id, from, to, name, fromTag: hex(10), toTag: `as${hex(8)}`, branch: hex(12), cseq: 1 };
}

const ms = (number) => Math.round(number * 1000);

/** Challenged, answered, 92 seconds of talk, reports and log lines: everything in one ladder. */
function answered(t, start, call = newCall('+4969555010', '+493055512', 'Ada Byron')) {
  const media = { ip: PHONE.ip, port: 40_102 };
  const relay = { ip: RELAY, port: 30_014 };
  const far = { ip: PBX.ip, port: 17_208 };
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  t.sip(call, now, PHONE, EDGE, 'INVITE', { sdp: media });
  t.sip(call, step(2.1), EDGE, PHONE, 407, { agent: 'kamailio (5.8.2 (x86_64/linux))' });
  t.sip(call, step(31), PHONE, EDGE, 'ACK', { cseqMethod: 'ACK' });
  call.cseq = 2;
  t.sip(call, step(4), PHONE, EDGE, 'INVITE', { sdp: media, authorized: true });
  t.sip(call, step(1.2), EDGE, PHONE, 100, { agent: 'kamailio (5.8.2 (x86_64/linux))' });
  t.sip(call, step(2.7), EDGE, PROXY, 'INVITE', { sdp: media, hops: 69 });
  t.log(call, step(0.8), `${call.from} authenticated, route to pbx-1, media through relay`);
  t.sip(call, step(1.9), PROXY, PBX, 'INVITE', { sdp: { ip: relay.ip, port: relay.port }, hops: 68 });
  t.sip(call, step(5.4), PBX, PROXY, 100);
  t.sip(call, step(212), PBX, PROXY, 180);
  t.sip(call, step(0.6), PROXY, EDGE, 180);
  t.sip(call, step(0.5), EDGE, PHONE, 180);
  const ok = t.sip(call, step(4630), PBX, PROXY, 200, { sdp: far });
  const ok2 = t.sip(call, step(1.1), PROXY, EDGE, 200, { sdp: { ip: relay.ip, port: relay.port + 2 } });
  const ok3 = t.sip(call, step(0.6), EDGE, PHONE, 200, { sdp: { ip: relay.ip, port: relay.port + 2 } });
  t.sip(call, step(497), PBX, PROXY, 200, { sdp: far, again: ok });
  t.sip(call, step(0.9), PROXY, EDGE, 200, { sdp: { ip: relay.ip, port: relay.port + 2 }, again: ok2 });
  t.sip(call, step(0.5), EDGE, PHONE, 200, { sdp: { ip: relay.ip, port: relay.port + 2 }, again: ok3 });
  t.sip(call, step(41), PHONE, EDGE, 'ACK', { cseqMethod: 'ACK' });
  t.sip(call, step(0.7), EDGE, PROXY, 'ACK', { cseqMethod: 'ACK' });
  t.sip(call, step(0.6), PROXY, PBX, 'ACK', { cseqMethod: 'ACK' });
  for (let round = 1; round <= 4; round += 1) {
    t.rtcp(call, step(5000 + random() * 300), { ip: media.ip, port: media.port + 1 }, { ip: RELAY, port: relay.port + 3 }, { packets: 250 * round, loss: round === 3 ? 4.3 : 0.4, jitter: 9 + round * 3, lost: round });
    t.rtcp(call, step(210), { ip: far.ip, port: far.port + 1 }, { ip: RELAY, port: relay.port + 1 }, { packets: 252 * round, loss: 0, jitter: 2 });
  }
  t.log(call, step(900), 'rtpengine: packet loss 4.3 % from 203.0.113.24 in the last report', 'WARNING');
  step(66_000);
  call.cseq = 3;
  t.sip(call, step(20), PHONE, EDGE, 'BYE');
  t.sip(call, step(0.8), EDGE, PROXY, 'BYE', { hops: 69 });
  t.sip(call, step(0.7), PROXY, PBX, 'BYE', { hops: 68 });
  t.sip(call, step(3.9), PBX, PROXY, 200, { cseqMethod: 'BYE' });
  t.sip(call, step(0.5), PROXY, EDGE, 200, { cseqMethod: 'BYE' });
  t.sip(call, step(0.5), EDGE, PHONE, 200, { cseqMethod: 'BYE' });
}

/** The ACK never arrives: the far side repeats its 200 and gives up after 32 seconds (RFC 3261 section 13.3.1.4). */
function dropsAt32(t, start) {
  const call = newCall('+4989555077', '+390655514', 'Grace Hopper');
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  const media = { ip: PHONE.ip, port: 41_220 };
  t.sip(call, now, PHONE, PROXY, 'INVITE', { sdp: media });
  t.sip(call, step(1), PROXY, PHONE, 100, { agent: 'kamailio (5.8.2 (x86_64/linux))' });
  t.sip(call, step(3), PROXY, CARRIER_A, 'INVITE', { sdp: media, hops: 69 });
  t.sip(call, step(24), CARRIER_A, PROXY, 100, { agent: 'Sonus SBC' });
  t.sip(call, step(1210), CARRIER_A, PROXY, 183, { sdp: { ip: '192.0.2.78', port: 22_010, codecs: 'PCMA' }, agent: 'Sonus SBC' });
  t.sip(call, step(0.7), PROXY, PHONE, 183, { sdp: { ip: '192.0.2.78', port: 22_010, codecs: 'PCMA' }, agent: 'Sonus SBC' });
  const first = t.sip(call, step(3010), CARRIER_A, PROXY, 200, { sdp: { ip: '192.0.2.78', port: 22_010, codecs: 'PCMA' }, agent: 'Sonus SBC' });
  const second = t.sip(call, step(0.6), PROXY, PHONE, 200, { sdp: { ip: '192.0.2.78', port: 22_010, codecs: 'PCMA' }, agent: 'Sonus SBC' });
  t.sip(call, step(38), PHONE, { ip: '10.0.0.14', port: 5060 }, 'ACK', { cseqMethod: 'ACK' });
  let wait = 460;
  for (let round = 0; round < 10; round += 1) {
    t.sip(call, step(wait), CARRIER_A, PROXY, 200, { sdp: { ip: '192.0.2.78', port: 22_010, codecs: 'PCMA' }, again: first, agent: 'Sonus SBC' });
    t.sip(call, step(0.5), PROXY, PHONE, 200, { sdp: { ip: '192.0.2.78', port: 22_010, codecs: 'PCMA' }, again: second, agent: 'Sonus SBC' });
    wait = Math.min(wait * 2, 4000);
  }
  t.sip(call, step(3900), CARRIER_A, PROXY, 'BYE', { cseq: 1, agent: 'Sonus SBC', headers: ['Reason: SIP;cause=408;text="ACK timeout"'] });
  t.sip(call, step(0.8), PROXY, PHONE, 'BYE', { cseq: 1, agent: 'Sonus SBC' });
  t.sip(call, step(22), PHONE, PROXY, 200, { cseqMethod: 'BYE' });
  t.sip(call, step(0.6), PROXY, CARRIER_A, 200, { cseqMethod: 'BYE' });
}

/** First carrier refuses, second takes it and is busy. */
function rerouted(t, start, final = 486) {
  const call = newCall('+4940555031', `+44207946${digits(4)}`, 'Alan Turing');
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  const media = { ip: PHONE.ip, port: 42_004 };
  t.sip(call, now, PHONE, PROXY, 'INVITE', { sdp: media });
  t.sip(call, step(1.2), PROXY, PHONE, 100);
  t.sip(call, step(2), PROXY, CARRIER_A, 'INVITE', { sdp: media, hops: 69 });
  t.sip(call, step(180), CARRIER_A, PROXY, 503, { agent: 'Sonus SBC', headers: ['Retry-After: 30'] });
  t.sip(call, step(0.5), PROXY, CARRIER_A, 'ACK', { cseqMethod: 'ACK' });
  t.log(call, step(0.4), 'carrier A answered 503, next gateway: carrier B', 'WARNING');
  t.sip(call, step(0.8), PROXY, CARRIER_B, 'INVITE', { sdp: media, hops: 69 });
  t.sip(call, step(22), CARRIER_B, PROXY, 100);
  t.sip(call, step(730), CARRIER_B, PROXY, final);
  t.sip(call, step(0.6), PROXY, CARRIER_B, 'ACK', { cseqMethod: 'ACK' });
  t.sip(call, step(0.7), PROXY, PHONE, final);
  t.sip(call, step(35), PHONE, PROXY, 'ACK', { cseqMethod: 'ACK' });
}

function cancelled(t, start) {
  const call = newCall('+4971155509', '+4989555000', 'Edsger Dijkstra');
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  t.sip(call, now, PHONE, PROXY, 'INVITE', { sdp: { ip: PHONE.ip, port: 43_000 } });
  t.sip(call, step(1), PROXY, PHONE, 100);
  t.sip(call, step(2), PROXY, PBX, 'INVITE', { sdp: { ip: PHONE.ip, port: 43_000 }, hops: 69 });
  t.sip(call, step(190), PBX, PROXY, 180);
  t.sip(call, step(0.6), PROXY, PHONE, 180);
  t.sip(call, step(9800), PHONE, PROXY, 'CANCEL');
  t.sip(call, step(0.4), PROXY, PHONE, 200, { cseqMethod: 'CANCEL' });
  t.sip(call, step(0.4), PROXY, PBX, 'CANCEL');
  t.sip(call, step(2), PBX, PROXY, 200, { cseqMethod: 'CANCEL' });
  t.sip(call, step(0.3), PBX, PROXY, 487);
  t.sip(call, step(0.3), PROXY, PBX, 'ACK', { cseqMethod: 'ACK' });
  t.sip(call, step(0.4), PROXY, PHONE, 487);
  t.sip(call, step(30), PHONE, PROXY, 'ACK', { cseqMethod: 'ACK' });
}

/** Everything on one machine, as in a test bench: only ports differ. */
function loopback(t, start) {
  const call = newCall('alice', 'bob', 'alice', `1-${digits(5)}@127.0.0.1`);
  const alice = { ip: '127.0.0.1', port: 5084 };
  const proxy = { ip: '127.0.0.1', port: 5060 };
  const bob = { ip: '127.0.0.1', port: 5086 };
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  t.sip(call, now, alice, proxy, 'INVITE', { sdp: { ip: '127.0.0.1', port: 16_000, codecs: 'PCMA' } });
  t.sip(call, step(1), proxy, alice, 100);
  t.sip(call, step(1), proxy, bob, 'INVITE', { sdp: { ip: '127.0.0.1', port: 30_010, codecs: 'PCMA' } });
  t.sip(call, step(4), bob, proxy, 180);
  t.sip(call, step(1), proxy, alice, 180);
  t.sip(call, step(800), bob, proxy, 200, { sdp: { ip: '127.0.0.1', port: 16_100, codecs: 'PCMA' } });
  t.sip(call, step(1), proxy, alice, 200, { sdp: { ip: '127.0.0.1', port: 30_012, codecs: 'PCMA' } });
  t.sip(call, step(2), alice, proxy, 'ACK', { cseqMethod: 'ACK' });
  t.sip(call, step(1), proxy, bob, 'ACK', { cseqMethod: 'ACK' });
  t.rtcp(call, step(5000), { ip: '127.0.0.1', port: 16_001 }, { ip: '127.0.0.1', port: 30_013 }, { packets: 250, jitter: 3 });
  t.rtcp(call, step(300), { ip: '127.0.0.1', port: 16_101 }, { ip: '127.0.0.1', port: 30_011 }, { packets: 260, jitter: 4 });
  t.sip(call, step(7000), alice, proxy, 'BYE', { cseq: 2 });
  t.sip(call, step(1), proxy, bob, 'BYE', { cseq: 2 });
  t.sip(call, step(2), bob, proxy, 200, { cseqMethod: 'BYE', cseq: 2 });
  t.sip(call, step(1), proxy, alice, 200, { cseqMethod: 'BYE', cseq: 2 });
}

/** A conference that refreshes and reports without end: for the length of a ladder. */
function long(t, start) {
  const call = newCall('+4930555900', 'conference-7', 'Board room', `long-${hex(8)}@${PHONE.ip}`);
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  t.sip(call, now, PHONE, PROXY, 'INVITE', { sdp: { ip: PHONE.ip, port: 45_000 } });
  t.sip(call, step(2), PROXY, PBX, 'INVITE', { sdp: { ip: PHONE.ip, port: 45_000 } });
  t.sip(call, step(20), PBX, PROXY, 200, { sdp: { ip: PBX.ip, port: 18_000 } });
  t.sip(call, step(1), PROXY, PHONE, 200, { sdp: { ip: PBX.ip, port: 18_000 } });
  t.sip(call, step(30), PHONE, PROXY, 'ACK', { cseqMethod: 'ACK' });
  t.sip(call, step(1), PROXY, PBX, 'ACK', { cseqMethod: 'ACK' });
  for (let round = 0; round < 330; round += 1) {
    call.cseq += 1;
    t.rtcp(call, step(2500), { ip: PHONE.ip, port: 45_001 }, { ip: PBX.ip, port: 18_001 }, { packets: 125 * (round + 1), loss: round % 40 === 7 ? 12 : 0, jitter: 5 + (round % 9) });
    t.rtcp(call, step(100), { ip: PBX.ip, port: 18_001 }, { ip: PHONE.ip, port: 45_001 }, { packets: 125 * (round + 1), jitter: 3 });
    const info = t.sip(call, step(900), PHONE, PROXY, 'INFO', { headers: ['Content-Type: application/media_control+xml'] });
    if (round % 20 === 3) t.sip(call, step(500), PHONE, PROXY, 'INFO', { again: info });
    t.sip(call, step(1), PROXY, PBX, 'INFO');
    t.sip(call, step(4), PBX, PROXY, 200, { cseqMethod: 'INFO' });
    t.sip(call, step(1), PROXY, PHONE, 200, { cseqMethod: 'INFO' });
  }
}

function ipv6(t, start) {
  const call = newCall('+33155570', '+33155571', 'Blaise Pascal', `${hex(12)}@[2001:db8:20::14]`);
  const phone = { ip: '2001:db8:20::14', port: 5060 };
  const proxy = { ip: '2001:db8:1::5060', port: 5060 };
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  t.sip(call, now, phone, proxy, 'INVITE', { flags: ['bad_time'], record: { extra: { original_time: '2016-01-01T00:00:12.000000Z' } } });
  t.sip(call, step(1), proxy, phone, 404);
  t.sip(call, step(20), phone, proxy, 'ACK', { cseqMethod: 'ACK' });
}

function short(t, start) {
  const kind = random();
  const user = `+49${pick(['30', '40', '69', '89', '221', '711'])}555${digits(3)}`;
  const phone = { ip: `203.0.113.${1 + Math.floor(random() * 250)}`, port: 5060 + Math.floor(random() * 40) };
  let now = start;
  const step = (milliseconds) => (now += ms(milliseconds));
  if (kind < 0.35) {
    const call = newCall(user, user, '', `${hex(16)}@${phone.ip}`);
    t.sip(call, now, phone, EDGE, 'REGISTER', { headers: ['Expires: 600'] });
    t.sip(call, step(1.4), EDGE, phone, 401, { cseqMethod: 'REGISTER' });
    t.sip(call, step(33), phone, EDGE, 'REGISTER', { cseq: 2, authorized: true });
    t.sip(call, step(3), EDGE, phone, random() < 0.06 ? 403 : 200, { cseqMethod: 'REGISTER', cseq: 2 });
  } else if (kind < 0.5) {
    const call = newCall('ping', 'keepalive', '', `${hex(16)}@${PROXY.ip}`);
    t.sip(call, now, PROXY, CARRIER_A, 'OPTIONS');
    t.sip(call, step(12), CARRIER_A, PROXY, 200, { cseqMethod: 'OPTIONS' });
  } else {
    const call = newCall(user, `+4${digits(9)}`, '', `${hex(20)}@${phone.ip}`);
    t.sip(call, now, phone, EDGE, 'INVITE', { sdp: { ip: phone.ip, port: 40_000 } });
    t.sip(call, step(1), EDGE, phone, 100);
    const final = pick([200, 200, 200, 200, 200, 486, 404, 480, 487, 503, 603, 302, 408]);
    if (final === 200) t.sip(call, step(150), EDGE, phone, 180);
    t.sip(call, step(2000 + random() * 6000), EDGE, phone, final, final === 200 ? { sdp: { ip: EDGE.ip, port: 30_100 } } : {});
    t.sip(call, step(30), phone, EDGE, 'ACK', { cseqMethod: 'ACK' });
    if (final === 200 && random() < 0.9) {
      t.sip(call, step(4000 + random() * 300_000), phone, EDGE, 'BYE', { cseq: 2 });
      t.sip(call, step(2), EDGE, phone, 200, { cseqMethod: 'BYE', cseq: 2 });
    }
  }
}

/** `calls` short ones over the last hours, and each special one near the end. */
export function traffic(calls = 1500, nowMicros = Date.now() * 1000) {
  const t = new Traffic();
  const minute = 60e6;
  for (let index = calls; index > 0; index -= 1) short(t, nowMicros - index * 7.3e6 - 5 * minute - Math.floor(random() * 5e6));
  long(t, nowMicros - 40 * minute);
  answered(t, nowMicros - 9 * minute);
  dropsAt32(t, nowMicros - 5 * minute);
  rerouted(t, nowMicros - 4 * minute);
  rerouted(t, nowMicros - 3.5 * minute, 603);
  cancelled(t, nowMicros - 3 * minute);
  loopback(t, nowMicros - 2 * minute);
  ipv6(t, nowMicros - 1.6 * minute);
  const broken = newCall('+4930555', 'x', 'Broken');
  t.sip(broken, nowMicros - 1.3 * minute, PHONE, EDGE, 'INVITE', { headers: ['Contact; missing a colon', 'CSeq: abc INVITE'], flags: ['truncated'] });
  const record = t.records.at(-1);
  const bad = record.bytes.indexOf('Contact; missing');
  record.problems = [{ message: 'header line without a colon', at: [bad, bad + 'Contact; missing a colon'.length] }];
  t.opaque(null, nowMicros - 1.2 * minute, Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256))), 54);
  answered(t, nowMicros - 2.1 * minute, newCall('+4922155560', '+4930555666', 'Emmy Noether'));
  t.sniff(t.records.at(-1).call_id);
  return t.records.sort((a, b) => a.micros - b.micros);
}
