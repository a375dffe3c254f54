import { expect, test } from 'vitest';
import { Hops, slowest } from './hops';
import { message } from './testing';

/** Phone, proxy, PBX. */
const [A, B, C] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const;

function call() {
  return {
    invite: message(0, A, B, 'INVITE'),
    trying: message(1, B, A, 100),
    on: message(3, B, C, 'INVITE'),
    ringing: message(200, C, B, 180),
    back: message(202, B, A, 180),
    answer: message(5_000, C, B, 200),
    answered: message(5_010, B, A, 200),
    ack: message(5_030, A, B, 'ACK'),
  };
}

test('a journey says what each host took, from the request to the reply', () => {
  const all = call();
  const [ringing, answered, ...more] = new Hops(Object.values(all), 'ip').journeys();
  expect(more).toEqual([]);
  expect(ringing?.stays.map(({ doing, host, begin, end }) => [doing, host, (end - begin) / 1000])).toEqual([
    ['passes on', B, 3],
    ['answers', C, 197],
    ['passes back', B, 2],
  ]);
  expect([answered?.request.id, answered?.reply.id]).toEqual([all.invite.id, all.answered.id]);
  expect(answered && slowest(answered)).toMatchObject({ doing: 'answers', host: C, received: all.on.id, sent: all.answer.id });
});

test('the stays of a journey fill it without a gap', () => {
  for (const journey of new Hops(Object.values(call()), 'ip').journeys()) {
    let at = journey.begin;
    for (const stay of journey.stays) {
      expect(stay.begin).toBe(at);
      at = stay.end;
    }
    expect(at).toBe(journey.end);
  }
});

test('a host that makes two calls of one passes on under another Call-ID', () => {
  const invite = message(0, A, B, 'INVITE');
  const leg = message(4, B, C, 'INVITE', { call_id: 'b', cseq: 700 });
  const answer = message(90, C, B, 200, { call_id: 'b', cseq: 700 });
  const answered = message(95, B, A, 200);
  const hops = new Hops([invite, leg, answer, answered], 'ip');
  expect(hops.previous(leg.id)?.id).toBe(invite.id);
  expect(hops.next(answer.id)?.id).toBe(answered.id);
  expect(hops.journeys().map((journey) => journey.stays.map(({ doing, host }) => `${host} ${doing}`))).toEqual([[`${B} passes on`, `${C} answers`, `${B} passes back`]]);
});

test('what was not captured is said to be so', () => {
  // The reply comes from a hop whose request nobody saw.
  const hops = new Hops([message(0, A, B, 'INVITE'), message(80, C, B, 200), message(81, B, A, 200)], 'ip');
  expect(hops.journeys()[0]?.stays.map(({ doing }) => doing)).toEqual(['not seen', 'passes back']);
});

test('retransmissions and further sightings are no hops', () => {
  const { invite, on, answer, answered } = call();
  const again = message(500, A, B, 'INVITE', { retransmission_of: invite.id });
  const seen = message(3.2, B, C, 'INVITE', { witness_of: on.id });
  const hops = new Hops([invite, on, again, seen, answer, answered], 'ip');
  expect(hops.journeys()).toHaveLength(1);
  expect(hops.previous(again.id)).toBeNull();
});

test('on one machine the ports tell the hosts apart', () => {
  const ip = '127.0.0.1';
  const invite = message(0, ip, ip, 'INVITE', { src_port: 5084, dst_port: 5060 });
  const on = message(1, ip, ip, 'INVITE', { src_port: 5060, dst_port: 5086 });
  expect(new Hops([invite, on], 'port').previous(on.id)?.id).toBe(invite.id);
});

test('each of 500 transactions has its journey', () => {
  const all = Array.from({ length: 500 }, (_, round) => [message(round * 100, A, B, 'INFO', { cseq: round }), message(round * 100 + 1, B, C, 'INFO', { cseq: round }), message(round * 100 + 5, C, B, 200, { cseq: round, cseq_method: 'INFO' }), message(round * 100 + 6, B, A, 200, { cseq: round, cseq_method: 'INFO' })]).flat();
  expect(new Hops(all, 'ip').journeys()).toHaveLength(500);
});
