// The built screens and the mock API on one port, with the headers the product sends.
//   node mock/serve.mjs [--port 9081] [--empty]

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mockApi } from './api.mjs';

const KINDS = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export function serve(port, { empty = false } = {}) {
  const answer = mockApi({ empty });
  const dist = fileURLToPath(new URL('../dist/', import.meta.url));
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    if (url.pathname.startsWith('/api/v1/')) {
      let text = '';
      for await (const part of request) text += part;
      const { status, body } = answer(request.method, url.pathname.slice('/api/v1/'.length), url.searchParams, text === '' ? {} : JSON.parse(text), request.headers.cookie, request.headers.authorization?.replace(/^Bearer /, ''));
      if (body.exported) return exported(response, url.searchParams.get('format'));
      const { cookie, ...rest } = body;
      if (cookie) response.setHeader('set-cookie', cookie);
      if (status === 200 && request.headers.accept === 'application/x-ndjson') return lines(response, rest);
      if (status === 200 && request.headers.accept === 'text/csv') return response.writeHead(200, { 'content-type': 'text/csv' }).end(csv(rest));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(rest));
      return;
    }
    const file = normalize(url.pathname === '/' ? 'index.html' : url.pathname.slice(1));
    try {
      if (file.startsWith('..')) throw new Error('outside');
      response.writeHead(200, { 'content-type': KINDS[extname(file)] ?? 'application/octet-stream' }).end(await readFile(join(dist, file)));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.on('upgrade', (request, socket) => tail(request, socket, answer));
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}

function csv({ columns, rows }) {
  const cell = (value) => (value === null ? '' : /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return [columns.map((column) => column.name), ...rows].map((row) => `${row.map(cell).join(',')}\n`).join('');
}

/** A list of messages as the product sends it line by line. */
function lines(response, { messages, ...end }) {
  const witnesses = Object.fromEntries(messages.filter((row) => row.witness_of).map((row) => [row.id, row.witness_of]));
  const rows = messages.map(({ witness_of: _, ...row }) => row);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.end([...rows, { witnesses, ...end }].map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** `tail`: the newest messages again and again, a few a second. */
function tail(request, socket, answer) {
  const url = new URL(request.url, 'http://mock');
  const newest = answer('GET', 'messages', new URLSearchParams({ q: url.searchParams.get('q') ?? '', limit: '400' }), {}, request.headers.cookie).body.messages ?? [];
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const say = (message) => {
    const text = Buffer.from(JSON.stringify(message));
    const head = text.length < 126 ? [0x81, text.length] : [0x81, 126, text.length >> 8, text.length & 255];
    socket.write(Buffer.concat([Buffer.from(head), text]));
  };
  let number = 0;
  const timer = setInterval(() => {
    number += 1;
    const message = newest[newest.length - (number % newest.length) - 1];
    if (message) say({ messages: [{ ...message, id: `live-${number}`, ts: new Date().toISOString().replace('Z', '000Z') }] });
    if (number % 50 === 0) say({ skipped: 7 });
  }, 250);
  socket.on('close', () => clearInterval(timer)).on('error', () => clearInterval(timer)).resume();
}

/** Enough of each format for the screens' own check. */
function exported(response, format) {
  const pcapHead = Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex');
  const bodies = { pcap: Buffer.concat([pcapHead, Buffer.alloc(16)]), text: Buffer.from('SIP/2.0 200 OK\r\n\r\n'), json: Buffer.from('[]'), hepjs: Buffer.from('{}\n') };
  response.writeHead(200, { 'content-disposition': `attachment; filename="call.${format}"` }).end(bodies[format]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const place = process.argv.indexOf('--port');
  const port = place < 0 ? 9081 : Number(process.argv[place + 1]);
  await serve(port, { empty: process.argv.includes('--empty') });
  console.log(`http://127.0.0.1:${port}  user admin, password rhapsode`);
}
