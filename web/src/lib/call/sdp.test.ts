import { expect, test } from 'vitest';
import { descriptionOf, exchanges, judge, parseSdp } from './sdp';
import { message } from './testing';

const sdp = (...lines: string[]) => parseSdp(['v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 10.0.0.1', 't=0 0', ...lines, ''].join('\r\n'));
const texts = (offer: ReturnType<typeof sdp>, answer: ReturnType<typeof sdp>) => judge(offer, answer).map((notes) => notes.map((note) => `${note.severity}: ${note.text}`));

test('media sections have their own address, codecs by name, and direction', () => {
  const description = sdp('a=sendonly', 'm=audio 4000 RTP/SAVP 8 101', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16', 'a=ptime:20', 'a=crypto:1 AES inline:x', 'm=video 5000 RTP/AVP 96', 'c=IN IP6 2001:db8::1', 'a=rtpmap:96 H264/90000', 'a=inactive');
  expect(description.media).toEqual([
    { kind: 'audio', port: 4000, transport: 'RTP/SAVP', address: '10.0.0.1', direction: 'sendonly', ptime: '20', keys: 'SDES', rtcp: null, codecs: [{ payload: '8', name: 'PCMA/8000', fmtp: '' }, { payload: '101', name: 'telephone-event/8000', fmtp: '0-16' }] },
    { kind: 'video', port: 5000, transport: 'RTP/AVP', address: '2001:db8::1', direction: 'inactive', ptime: null, keys: '', rtcp: null, codecs: [{ payload: '96', name: 'H264/90000', fmtp: '' }] },
  ]);
});

test('a description is found in one of several parts', () => {
  const body = '--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 a\r\nm=audio 1 RTP/AVP 0\r\n--x\r\nContent-Type: text/plain\r\n\r\nm=audio 9\r\n--x--';
  expect(descriptionOf(`INVITE sip:b SIP/2.0\r\nCall-ID: 1\r\n\r\n${body}`)?.media.map((section) => section.port)).toEqual([1]);
  expect(descriptionOf('BYE sip:b SIP/2.0\r\nCall-ID: 1\r\n\r\n')).toBeNull();
});

test('the answer is judged by the offer', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 8 0 101', 'a=rtpmap:101 telephone-event/8000', 'm=video 5000 RTP/AVP 96', 'a=rtpmap:96 H264/90000');
  expect(texts(offer, sdp('m=audio 6000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', 'm=video 0 RTP/AVP 96'))).toEqual([['info: agreed on PCMU/8000'], ['warning: refused: the answer has port 0']]);
  expect(texts(offer, sdp('m=audio 6000 RTP/AVP 18', 'a=recvonly'))).toEqual([
    ['error: no codec in common', 'warning: answered but not offered: G729/8000', 'info: media recvonly as the answer has it'],
    ['error: the answer lacks this section (RFC 3264 section 6)'],
  ]);
});

test('a direction that is no answer, keys and transports that do not fit are errors', () => {
  const offer = sdp('m=audio 4000 RTP/SAVP 8', 'a=crypto:1 AES inline:x', 'a=sendonly');
  expect(texts(offer, sdp('m=audio 6000 RTP/AVP 8', 'a=sendrecv'))).toEqual([
    ['error: RTP/SAVP was offered, RTP/AVP answered', 'info: agreed on PCMA/8000', 'error: sendrecv is no answer to sendonly', 'error: keys: SDES offered, none answered'],
  ]);
});

const withSdp = { detail: { media: '10.0.0.1:4000', codecs: 'PCMA' } };
const [A, B] = ['10.0.0.1', '10.0.0.2'] as const;

test('an offer in the INVITE is answered by the first reply that has a description', () => {
  const invite = message(0, A, B, 'INVITE', withSdp);
  const progress = message(10, B, A, 183, withSdp);
  const ok = message(20, B, A, 200, withSdp);
  expect(exchanges([invite, progress, ok]).map(({ offer, answer }) => [offer.id, answer?.id])).toEqual([[invite.id, progress.id]]);
});

test('an INVITE without one is offered something by the reply, and the ACK answers', () => {
  const invite = message(0, A, B, 'INVITE');
  const ok = message(20, B, A, 200, withSdp);
  const ack = message(30, A, B, 'ACK', { ...withSdp, cseq_method: 'ACK' });
  expect(exchanges([ack, invite, ok]).map(({ offer, answer }) => [offer.id, answer?.id])).toEqual([[ok.id, ack.id]]);
});

test('each hop has its own exchange, and one that nobody answered says so', () => {
  const first = message(0, A, B, 'INVITE', withSdp);
  const second = message(1, B, '10.0.0.3', 'INVITE', withSdp);
  const refused = message(9, '10.0.0.3', B, 486);
  expect(exchanges([first, second, refused]).map(({ offer, answer }) => [offer.id, answer])).toEqual([[first.id, null], [second.id, null]]);
});
