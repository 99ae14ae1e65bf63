"""A real mail server that delivers nowhere: takes mails by SMTP with STARTTLS and keeps each as a file.

  python mail_server.py --port N --certificate FILE --key FILE --kept DIRECTORY

DIRECTORY/000001.json and so on: {"from", "to", "tls", "message"}. If DIRECTORY/answer is there, every mail is answered
with its text ("451 later", "550 never") and not kept: for tests of refusals.
"""

import argparse
import json
import os
import signal
import ssl
from pathlib import Path

from aiosmtpd.controller import Controller

MOST_BYTES = 1_000_000


class Keep:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.number = max((int(file.stem) for file in directory.glob("[0-9]*.json")), default=0)

    async def handle_DATA(self, _server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.directory / "answer"
        if answer.exists():
            return answer.read_text().strip()
        self.number += 1
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "message": envelope.original_content.decode(),
        }
        # Whoever sees the file sees all of it; and it is there before the sender hears yes.
        draft = self.directory / f".{self.number:06}"
        with open(draft, "w") as file:
            json.dump(kept, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.directory / f"{self.number:06}.json")
        return "250 kept"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True)
    arguments = parser.parse_args()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(arguments.certificate, arguments.key)
    server = Controller(
        Keep(arguments.kept),
        hostname="127.0.0.1",
        port=arguments.port,
        tls_context=tls,
        require_starttls=True,
        data_size_limit=MOST_BYTES,
    )
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # before its thread starts
    server.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    main()
