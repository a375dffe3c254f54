// What to write into the configuration of each sender so that it talks to this server.

export interface Listening {
  name: string;
  address: string;
}

export interface Target {
  host: string;
  udp: string | null;
  tcp: string | null;
  http: string | null;
}

export interface Snippet {
  id: string;
  name: string;
  /** File the lines belong to. */
  file: string;
  text: string;
  note: string;
}

/** Addresses as a sender must write them: a wildcard address becomes the name this page was opened by. */
export function targetOf(listening: readonly Listening[], pageHost: string): Target {
  const find = (name: string) => listening.find((one) => one.name === name || one.name.endsWith(`-${name}`) || one.name.endsWith(`_${name}`));
  const reachable = (one: Listening | undefined): string | null => {
    const parts = /^(.*):(\d+)$/.exec(one?.address ?? '');
    if (!parts) return null;
    const ip = parts[1] ?? '';
    return `${ip === '0.0.0.0' || ip === '[::]' || ip === '' ? pageHost : ip}:${parts[2]}`;
  };
  const udp = reachable(find('udp'));
  const tcp = reachable(find('tcp'));
  const http = reachable(find('http'));
  const host = (udp ?? tcp ?? `${pageHost}:`).replace(/:\d*$/, '');
  return { host, udp, tcp, http };
}

export function snippets(target: Target): Snippet[] {
  const collector = target.udp ?? target.tcp ?? `${target.host}:9060`;
  const transport = target.udp ? 'udp' : 'tcp';
  const uri = transport === 'udp' ? `sip:${collector}` : `sip:${collector};transport=tcp`;
  return [
    {
      id: 'kamailio',
      name: 'Kamailio',
      file: 'kamailio.cfg',
      text: `loadmodule "siptrace.so"
modparam("siptrace", "duplicate_uri", "${uri}")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "hep_capture_id", 101)
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_mode", 1)`,
      note: 'trace_mode 1 sends every message and needs no change to the routes. Restart Kamailio afterwards.',
    },
    {
      id: 'opensips',
      name: 'OpenSIPS',
      file: 'opensips.cfg',
      text: `socket=hep_udp:127.0.0.1:6060

loadmodule "proto_hep.so"
modparam("proto_hep", "hep_id", "[rhapsode] ${collector}; transport=${transport}; version=3")
modparam("proto_hep", "hep_capture_id", 102)

loadmodule "tracer.so"
modparam("tracer", "trace_on", 1)
modparam("tracer", "trace_id", "[calls]uri=hep:rhapsode")

route {
    if (!has_totag() && is_method("INVITE")) trace("calls", "d", "sip|xlog");
    else if (!has_totag()) trace("calls", "t", "sip|xlog");
    # ... your route goes on here
}`,
      note: 'Scope "d" follows a whole dialog (it needs the dialog module), "t" one transaction. Use an address of this machine in hep_udp if the collector is another one.',
    },
    {
      id: 'freeswitch',
      name: 'FreeSWITCH',
      file: 'autoload_configs/sofia.conf.xml and each SIP profile',
      text: `<!-- sofia.conf.xml, in <global_settings> -->
<param name="capture-server" value="udp:${collector};hep=3;capture_id=103"/>

<!-- each profile, in <settings> -->
<param name="sip-capture" value="yes"/>`,
      note: 'Then reload mod_sofia, or for a profile at once: sofia profile internal capture on',
    },
    {
      id: 'asterisk',
      name: 'Asterisk',
      file: 'hep.conf',
      text: `[general]
enabled = yes
capture_address = ${collector}
capture_id = 104
uuid_type = call-id`,
      note: 'Needs res_hep, res_hep_pjsip and, for media reports, res_hep_rtcp. uuid_type = call-id joins the reports to their calls.',
    },
    {
      id: 'rtpengine',
      name: 'rtpengine',
      file: 'rtpengine.conf',
      text: `[rtpengine]
homer = ${target.udp ?? collector}
homer-protocol = ${transport}
homer-id = 105`,
      note: 'Sends RTCP reports with the Call-ID: loss and jitter appear inside the ladder of the call.',
    },
    ...(target.http
      ? [
          {
            id: 'http',
            name: 'HTTP',
            file: 'any shell',
            text: `curl --data-binary @packet.hep \\
  -H 'content-type: application/octet-stream' \\
  http://${target.http}/hep`,
            note: 'One or many HEP packets in a body. The answer 200 comes once they are safely on disk.',
          },
        ]
      : []),
  ];
}
