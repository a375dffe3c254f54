// Sends packets as users of hep-js do. usage: node send.js URL PACKETS [CA.pem]
//   udp://HOST:PORT                      its frames in datagrams
//   http(s)://HOST:PORT/hep              its frames, one a request
//   http(s)://HOST:PORT/api/v1/ingest    the JSON it decodes its frames to, one a request
// PACKETS has {"rcinfo": {...}, "payload": "..."} on each line. The certificate is one for localhost.
const HEPjs = require('hep-js');
const dgram = require('node:dgram');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const [url, packets, authority] = process.argv.slice(2);
const { protocol, hostname, port, pathname } = new URL(url);
const lines = fs.readFileSync(packets, 'utf8').trim().split('\n');
const frames = lines.map((line) => JSON.parse(line)).map(({ rcinfo, payload }) => HEPjs.encapsulate(payload, rcinfo));

function datagrams() {
  const socket = dgram.createSocket('udp4');
  const sent = frames.map((frame) => new Promise((resolve, reject) => socket.send(frame, port, hostname, (error) => (error ? reject(error) : resolve()))));
  return Promise.all(sent).then(() => socket.close());
}

async function requests() {
  const client = protocol === 'https:' ? https : http;
  const agent = new client.Agent({ keepAlive: true, maxSockets: 1, ...(protocol === 'https:' && { ca: fs.readFileSync(authority), servername: 'localhost' }) });
  const isJson = pathname.endsWith('/ingest');
  for (const frame of frames) {
    const body = isJson ? JSON.stringify(HEPjs.decapsulate(frame)) : frame;
    const headers = { 'content-type': isJson ? 'application/json' : 'application/octet-stream', 'content-length': Buffer.byteLength(body) };
    const status = await new Promise((resolve, reject) => {
      const request = client.request({ hostname, port, path: pathname, method: 'POST', agent, headers }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
      });
      request.on('error', reject);
      request.end(body);
    });
    if (status !== 200) throw new Error(`status ${status}`);
  }
  agent.destroy();
}

(protocol === 'udp:' ? datagrams() : requests()).then(() => console.log(`sent ${frames.length}`));
