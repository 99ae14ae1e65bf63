"""The mail server of a stack (mail_server.py), with a certificate of its own."""

from __future__ import annotations

import datetime
import email
import email.policy
import ipaddress
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stafett_stack.procs import Process, free_port, port_answers
from stafett_stack.secrets import Secrets

START_SECONDS = 30.0
PROGRAM = Path(__file__).with_name("mail_server.py")


@dataclass(frozen=True)
class Mail:
    """A mail as the server got it."""

    sender: str
    to: tuple[str, ...]
    tls: bool
    message: EmailMessage

    @property
    def text(self) -> str:
        return self.message.get_content()


class MailServer:
    """mail = MailServer(directory, secrets); mail.start(); …; mail.mails()

    Its port stays the same over restarts, and so do the mails.
    """

    host = "127.0.0.1"

    def __init__(self, directory: Path, secrets: Secrets, *, detached: bool = False) -> None:
        self.directory = directory
        self.detached = detached
        self.port = free_port()
        self.process: Process | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._key = secrets.directory / "mail-key"
        secrets.custom("mail-key", _new_key)
        self.certificate = certificate(directory / "certificate.pem", self._key)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def kept(self) -> Path:
        return self.directory / "kept"

    def start(self) -> None:
        self.begin_start()
        self.wait_ready()

    def begin_start(self) -> None:
        self.process = Process(
            "mail",
            [sys.executable, PROGRAM, "--port", str(self.port), "--certificate", self.certificate, "--key", self._key,
             "--kept", self.kept],
            self.directory / "mail.log",
            detached=self.detached,
        )  # fmt: skip

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(lambda: port_answers(self.port), "no answer on its port", timeout)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    def answer(self, text: str | None) -> None:
        """From now on every mail is refused with `text` ("451 later"); None: taken again."""
        file = self.kept / "answer"
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(text)

    def mails(self) -> list[Mail]:
        """All that it ever took, in order; repeats too."""
        return list(self._read())

    def by_message(self) -> dict[str, list[Mail]]:
        """By the id that notifications gave the message: more than one mail is a repeat."""
        found: dict[str, list[Mail]] = {}
        for mail in self._read():
            found.setdefault(str(mail.message["Message-ID"]).strip("<> ").partition("@")[0], []).append(mail)
        return found

    def _read(self) -> Iterator[Mail]:
        for file in sorted(self.kept.glob("[0-9]*.json")):
            kept = json.loads(file.read_text())
            message = email.message_from_string(kept["message"], policy=email.policy.default)
            yield Mail(kept["from"], tuple(kept["to"]), kept["tls"], message)


def certificate(file: Path, key_file: Path) -> Path:
    """A self-made certificate for 127.0.0.1, made once; who trusts this very file trusts the server."""
    if file.exists():
        return file
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stafett test mail")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(MailServer.host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    draft = file.with_suffix(".new")
    draft.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    draft.rename(file)
    return file


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
