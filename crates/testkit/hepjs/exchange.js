// One JSON object a line comes in, one goes out:
//   {"encapsulate": {"rcinfo": {...}, "payload": "..."}} -> {"hex": "..."}
//   {"decapsulate": "hex"}                               -> {"rcinfo": {...}, "payload": "..."}
const HEPjs = require('hep-js');
const readline = require('node:readline');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line);
  const { encapsulate, decapsulate } = asked;
  const answer = encapsulate
    ? { hex: HEPjs.encapsulate(encapsulate.payload, encapsulate.rcinfo).toString('hex') }
    : HEPjs.decapsulate(Buffer.from(decapsulate, 'hex'));
  console.log(JSON.stringify(answer));
});
