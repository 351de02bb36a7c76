"""Debian's aiosmtpd on three ports of loopback: in the clear, with STARTTLS, and with TLS from the beginning.

    python3 mail-server.py MAILDIR CERTIFICATE KEY

Takes mail into the Maildir. Some names of recipients say what is to be answered (451 and 550), as the user's name does
when somebody signs in. Prints the ports as JSON once it listens, and ends with its standard input.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult


class Handler(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("later"):
            return "451 4.3.0 The queue is full"
        if address.startswith("nobody"):
            return "550 5.1.1 No such user here"
        if address.startswith("login"):
            return "530 5.7.0 Authentication required"
        if address.startswith("relay"):
            return "550 5.7.1 Relaying denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, given):
    """Says no in as many words as it was told, as a careless server might."""
    login, password = given.login.decode(), given.password.decode()
    if login == "busy":
        return AuthResult(success=False, handled=False, message=f"454 4.7.0 Ask again, {login}")
    if password == "right":
        return AuthResult(success=True)
    return AuthResult(success=False, handled=False, message=f"535 5.7.8 {password} is wrong for {login}")


async def main(maildir, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = Handler(maildir)
    signing_in = {"authenticator": authenticate}

    async def listen(make, **options):
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, **options)
        return server.sockets[0].getsockname()[1]

    ports = {
        "none": await listen(lambda: SMTP(handler, auth_require_tls=False, enable_SMTPUTF8=True, **signing_in)),
        "starttls": await listen(
            lambda: SMTP(handler, tls_context=context, require_starttls=True, enable_SMTPUTF8=True, **signing_in)
        ),
        "tls": await listen(
            lambda: SMTP(handler, auth_require_tls=False, enable_SMTPUTF8=True, **signing_in), ssl=context
        ),
    }
    print(json.dumps(ports), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
