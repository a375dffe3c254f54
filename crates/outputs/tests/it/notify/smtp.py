"""A mail server: prints what it takes, a line each. PORT [CERTIFICATE KEY MECHANISM]: with these it wants STARTTLS, and a
login by this mechanism alone."""
import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Printer:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        login = session.auth_data.login.decode() if session.auth_data else None
        mail = envelope.content.decode()
        encrypted = session.ssl is not None
        print(json.dumps({"to": envelope.rcpt_tos, "login": login, "encrypted": encrypted, "mail": mail}), flush=True)
        return "250 OK"


def check(server, session, envelope, mechanism, data):
    known = data.login == b"rhapsode" and data.password == b"secret"
    return AuthResult(success=known, handled=False, auth_data=data)


port, *rest = sys.argv[1:]
settings = {}
if rest:
    certificate, key, mechanism = rest
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    others = [name for name in ("PLAIN", "LOGIN") if name != mechanism]
    settings = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": check,
                "auth_exclude_mechanism": others}
Controller(Printer(), hostname="127.0.0.1", port=int(port), **settings).start()
print("ready", flush=True)
threading.Event().wait()
