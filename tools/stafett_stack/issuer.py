"""The token issuer: mock-oauth2-server in the part of Maskinporten and ID-porten.

Two kinds of token, both JWTs (RS256) that verify against `jwks_url`:

- machine token: who calls (consumer organisation, client, scope; a supplier, if there is one);
- attestation:   for whom the call is made (person, role, unit, purpose).

It believes everyone who asks, as mocks do: a client's secret is sent and not checked. The signing
key is the stack's own, not the one that the jar brings along and everybody knows.

Form parameters of POST <token_url>, with grant_type=client_credentials (see `_mappings`):
  client_id=<client>&scope=...                       a client's machine token
  client_id=attestation&person=<id>                  attestation of a person of the controllers' files
  client_id=attestation&attest=<id>&role=&unit=&organisation=&purpose=    of anybody
  client_id=attestation&guardian=<id>&purpose=       of a guardian: no unit, no organisation
  and expired_client= / expired_person= / expired_guardian= for tokens that ran out in 2023
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from stafett_stack.controllers import Client, Directory, Person
from stafett_stack.paths import ISSUER_JARS
from stafett_stack.procs import Process, StackError, free_port
from stafett_stack.secrets import Secrets

ISSUER = "stafett"
AUDIENCE = "stafett"
ATTESTATION_AUDIENCE = "stafett-attestation"
PURPOSE = "follow-up"
ACR = "idporten-loa-high"
GUARDIAN = "GUARDIAN"
SERVICE_CLIENTS = ("svc-cases", "svc-consent", "svc-disclosure", "svc-escalation", "svc-notifications")
INTERNAL_SCOPE = "stafett:internal"
LIFETIME_SECONDS = 3600
START_SECONDS = 60.0
HEAP_MB = 96

_EXPIRED = {"iat": 1_699_996_400, "nbf": 1_699_996_400, "exp": 1_700_000_000}
PERSON_ID = re.compile(r"[A-Za-z0-9._-]+")


class Tokens:
    """Asks an issuer that runs for tokens; needs only its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token_url = f"{url}/token"
        self.jwks_url = f"{url}/jwks"

    def client(
        self, client: Client, scopes: tuple[str, ...] | None = None, *, expired: bool = False
    ) -> str:
        """A machine token. Without `scopes`: all that the client has."""
        form = {"client_id": client.id, "scope": " ".join(client.scopes if scopes is None else scopes)}
        return self._ask(form | ({"expired_client": client.id} if expired else {}))

    def service(self, client_id: str) -> str:
        """The token with which one of our services calls another."""
        return self._ask({"client_id": client_id, "scope": INTERNAL_SCOPE})

    def person(self, person: Person, *, expired: bool = False) -> str:
        return self._attestation({"expired_person" if expired else "person": person.id})

    def guardian(self, person_id: str, *, purpose: str = PURPOSE, expired: bool = False) -> str:
        parameter = "expired_guardian" if expired else "guardian"
        return self._attestation({parameter: person_id, "purpose": purpose})

    def anybody(
        self, person_id: str, *, role: str, unit: str, organisation: str, purpose: str = PURPOSE
    ) -> str:
        """An attestation that the controllers' files need not know (for refusals)."""
        form = {"role": role, "unit": unit, "organisation": organisation, "purpose": purpose}
        if not all(form.values()):
            raise StackError("role, unit, organisation and purpose must not be empty")
        return self._attestation({"attest": person_id, **form})

    def verify(self, token: str, audience: str) -> dict:
        """The claims of a token with a valid signature by a key of `jwks_url`; raises if not."""
        key = jwt.PyJWKClient(self.jwks_url).get_signing_key_from_jwt(token)
        return jwt.decode(
            token, key.key, algorithms=["RS256"], audience=audience, issuer=self.url
        )

    def _attestation(self, form: Mapping[str, str]) -> str:
        subject = next(iter(form.values()))
        if not PERSON_ID.fullmatch(subject):
            raise StackError(f"a person's id is of letters, digits, '.', '_' and '-': {subject!r}")
        return self._ask({"client_id": "attestation", "scope": "attestation", **form})

    def _ask(self, form: Mapping[str, str]) -> str:
        # The secret makes it the form of a confidential client; the mock does not look at it.
        body = {"grant_type": "client_credentials", "client_secret": "unchecked", **form}
        data = urllib.parse.urlencode(body).encode()
        try:
            with urllib.request.urlopen(self.token_url, data, timeout=10) as response:
                return json.load(response)["access_token"]
        except urllib.error.HTTPError as error:
            raise StackError(f"the token issuer refused: {error.read().decode()[:300]}") from error
        except OSError as error:
            raise StackError(f"the token issuer at {self.url} does not answer: {error}") from error


class Issuer:
    """issuer = Issuer(dir, secrets, directory_of_controllers); issuer.start(); issuer.tokens.…"""

    def __init__(
        self,
        directory: Path,
        secrets: Secrets,
        known: Directory,
        *,
        detached: bool = False,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self.directory = directory
        self.secrets = secrets
        self.known = known
        self.detached = detached
        self.port = (ports or {}).get("issuer") or free_port()
        self.url = f"http://127.0.0.1:{self.port}/{ISSUER}"
        self.tokens = Tokens(self.url)
        self.process: Process | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    def start(self) -> None:
        self.begin_start()
        self.wait_ready()

    def begin_start(self) -> None:
        if not ISSUER_JARS.is_dir():
            raise StackError("the token issuer's jars are not there; run tools/setup")
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "issuer.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._configuration(), indent=1))
        self.process = Process(
            "issuer",
            ["java", f"-Xmx{HEAP_MB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-cp", f"{ISSUER_JARS}/*", "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"],
            self.directory / "issuer.log",
            env={
                "SERVER_HOSTNAME": "127.0.0.1",
                "SERVER_PORT": str(self.port),
                "JSON_CONFIG_PATH": str(config),
                "LOG_LEVEL": "WARN",
            },
            detached=self.detached,
        )  # fmt: skip

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(self._answers, "no answer", timeout)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    kill = stop  # it keeps nothing

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.tokens.jwks_url, timeout=2) as response:
                return bool(json.load(response)["keys"])
        except (OSError, ValueError):
            return False

    def _configuration(self) -> dict:
        key = self.secrets.custom("issuer-key", _new_signing_key)
        return {
            "interactiveLogin": False,
            "httpServer": "NettyWrapper",
            "tokenProvider": {"keyProvider": {"initialKeys": key, "algorithm": "RS256"}},
            "tokenCallbacks": [
                {
                    "issuerId": ISSUER,
                    "tokenExpiry": LIFETIME_SECONDS,
                    "requestMappings": _mappings(self.known),
                }
            ],
        }


def _mappings(known: Directory) -> list[dict]:
    """Which form parameter gives which claims. The first that matches counts; `match` is a regular
    expression; ${x} in a claim is the form parameter x."""

    def mapping(parameter: str, match: str, claims: dict) -> dict:
        match = match if match == "*" else re.escape(match)
        return {"requestParam": parameter, "match": match, "claims": claims}

    people = {person.id: _person_claims(person) for person in known.people}
    clients = {client.id: _client_claims(client) for client in known.clients}
    guardian = _attestation_claims("${guardian}", GUARDIAN, "", "", "${purpose}")
    expired_guardian = {**guardian, "sub": "${expired_guardian}", **_EXPIRED}
    anybody = _attestation_claims("${attest}", "${role}", "${unit}", "${organisation}", "${purpose}")
    return [
        *(mapping("expired_client", id_, {**claims, **_EXPIRED}) for id_, claims in clients.items()),
        *(mapping("expired_person", id_, {**claims, **_EXPIRED}) for id_, claims in people.items()),
        mapping("expired_guardian", "*", expired_guardian),
        *(mapping("person", id_, claims) for id_, claims in people.items()),
        mapping("guardian", "*", guardian),
        mapping("attest", "*", anybody),
        *(mapping("client_id", id_, claims) for id_, claims in clients.items()),
        *(mapping("client_id", id_, _service_claims(id_)) for id_ in SERVICE_CLIENTS),
    ]


def _client_claims(client: Client) -> dict:
    claims = {
        "sub": client.id,
        "aud": [AUDIENCE],
        "client_id": client.id,
        "scope": "${scope}",
        "consumer": _organisation(client.organisation),
    }
    if client.supplier:
        claims["supplier"] = _organisation(client.supplier)
    return claims


def _service_claims(client_id: str) -> dict:
    return {"sub": client_id, "aud": [AUDIENCE], "client_id": client_id, "scope": INTERNAL_SCOPE}


def _person_claims(person: Person) -> dict:
    return _attestation_claims(person.id, person.role, person.unit, person.organisation, PURPOSE)


def _attestation_claims(sub: str, role: str, unit: str, organisation: str, purpose: str) -> dict:
    return {
        "sub": sub,
        "aud": [ATTESTATION_AUDIENCE],
        "role": role,
        "unit": unit,
        "organisation": organisation,
        "purpose": purpose,
        "acr": ACR,
    }


def _organisation(number: str) -> dict:
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"}


def _new_signing_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
    # The public half is served with the same words, where "key_ops": ["sign"] would be wrong.
    del jwk["key_ops"]
    return json.dumps({**jwk, "use": "sig", "alg": "RS256", "kid": ISSUER})
