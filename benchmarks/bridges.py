"""A bridge to measure: a vault and an LMS that answer at once, sites, a mapping; its webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from benchmarks.load import post
from benchmarks.processes import HOST, PATIENCE_S, POLL_S, answers, free_port, program, running
from benchmarks.stub_lms import StubConnector
from bridge.store import accounts, mapping_versions
from bridge.wiring import MIGRATIONS
from connectors.signatures import signing_key
from runtime.database import Database
from runtime.keys import Keys
from runtime.redis_server import embedded
from runtime.schema import migrate
from tests import scripted_lms

RECORDING = Path(__file__).parents[1] / "tests/connectors/moodle/recordings/completed_first"
#: What the recorded webhook proves itself by, and the number in it that no two share.
RECORDED_TOKEN, RECORDED_NUMBER = "s3cret-webhook-token", b'"objectid":"16"'
MOODLE, STUB = "/hooks/moodle/moodle", "/hooks/stub/stub"
MAPPING = """\
mapping: 1
name: completion
issuer: main
site: "*"
match: {course: "*"}
entry:
  certificate_title: "Certificate of Completion: {{ course.title }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
  issue_date: "{{ completed_at | local_date: 'UTC' }}"
"""
#: Every worker that certificates pass through; the fifth, reconcile, compares afterwards.
WORKERS = tuple(("worker", bell) for bell in ("normalise", "issue", "follow", "write_back"))
#: A course's gradebook is written together, and courses are of such a size.
COURSE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A migrated bridge with an issuer, a Moodle, and the stub of an LMS."""

    environment: Mapping[str, str]
    port: int
    vault_port: int
    lms_port: int
    secret: str  #: that the stub's webhooks are signed with

    @property
    def vault_url(self) -> str:
        """The vault's address."""
        return f"http://{HOST}:{self.vault_port}"

    @property
    def lms_url(self) -> str:
        """The stub's address."""
        return f"http://{HOST}:{self.lms_port}"

    def told(self) -> int:
        """How many cells of the gradebook say something."""
        return int(httpx.get(self.lms_url, trust_env=False).json())

    def wait_until_told(self, count: int) -> None:
        """Wait until so many do; raises TimeoutError where none was added for a while."""
        seen, deadline = self.told(), time.monotonic() + PATIENCE_S
        while (now := self.told()) < count:
            if now > seen:
                seen, deadline = now, time.monotonic() + PATIENCE_S
            if time.monotonic() > deadline:
                raise TimeoutError(f"the gradebook tells of {now} certificates, not {count}")
            time.sleep(POLL_S)

    def recorded(self, numbers: Sequence[int]) -> list[bytes]:
        """Requests with the webhook that was recorded of Moodle, each another event."""
        body = (RECORDING / "body.raw").read_bytes()
        headers = json.loads((RECORDING / "request.json").read_text("utf-8"))["headers"]
        bodies = [body.replace(RECORDED_NUMBER, b'"objectid":"%d"' % n) for n in numbers]
        return [post(MOODLE, body, headers) for body in bodies]

    def signed(self, numbers: Iterable[int]) -> list[bytes]:
        """Requests with the stub's webhooks, each of another learner, signed now."""
        return [post(STUB, body, headers) for body, headers in self.webhooks(numbers)]

    def webhooks(self, numbers: Iterable[int]) -> Iterator[tuple[bytes, Mapping[str, str]]]:
        """The stub's webhooks, each of another learner, signed now: body and headers."""
        now, key = datetime.now(UTC), signing_key(self.secret)
        at = str(int(now.timestamp()))
        for number in numbers:
            body = completion(number, now)
            message = f"msg_{number}.{at}.".encode() + body
            mac = hmac.new(key, message, hashlib.sha256).digest()
            yield (
                body,
                {
                    "content-type": "application/json",
                    "webhook-id": f"msg_{number}",
                    "webhook-timestamp": at,
                    "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
                },
            )


def completion(number: int, now: datetime) -> bytes:
    """What the stub's webhook tells: everything a certificate needs."""
    course = number // COURSE
    data = {
        "completed_at": now.isoformat(),
        "course": {"id": str(course), "code": f"C{course}", "title": f"Marine Biology {course}"},
        "enrolled": COURSE,
        "learner": {
            "id": str(number),
            "full_name": f"Amina O'Brien {number}",
            "email": f"learner{number}@example.edu",
        },
    }
    message = {"type": "course.completed", "timestamp": now.isoformat(), "data": data}
    return json.dumps(message).encode()


def prepare(database_url: str, folder: Path) -> Prepared:
    """Make a bridge in an empty database, its vault and LMS at free ports of this machine."""
    keys = Keys.read_or_create(folder / "secret.key")
    port, vault_port, lms_port = free_port(), free_port(), free_port()
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    database = Database(database_url)
    migrate(database, MIGRATIONS, backups=None)
    now = datetime.now(UTC)
    began = now - timedelta(days=3650)
    with database.write() as conn:
        accounts.add_issuer(
            conn,
            "main",
            keys=keys,
            secrets={"token": "x"},
            now=now,
            vault_url=f"http://{HOST}:{vault_port}",
            institution_name="University of Sharjah",
        )
        for name, settings, hidden in (
            (
                "moodle",
                {"base_url": "http://127.0.0.1:8080"},
                {"token": "0" * 32, "webhook_tokens": [RECORDED_TOKEN]},
            ),
            (StubConnector.name, {"base_url": f"http://{HOST}:{lms_port}"}, {"secrets": [secret]}),
        ):
            accounts.add_site(
                conn,
                name,
                connector=name,
                settings=settings,
                secrets=hidden,
                keys=keys,
                now=now,
                issue_from=began,
            )
        mapping_versions.add(conn, "completion", MAPPING, now=now)
    database.close()
    plugin = scripted_lms.install(folder / "plugin", StubConnector)
    environment = {
        "BRIDGE_DATABASE_URL": database_url,
        "BRIDGE_REDIS_URL": embedded(folder / "run").url,
        "BRIDGE_KEY_FILE": str(folder / "secret.key"),
        "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
        "BRIDGE_PORT": str(port),
        "BRIDGE_ALLOWED_PRIVATE_HOSTS": HOST,
        "BRIDGE_CACHE_DIR": str(folder / "cache"),
        # The vault has made it at once, and is asked soon.
        "BRIDGE_POLL_FIRST": "0.25",
        "BRIDGE_SWEEP": "0.25",
        "PYTHONPATH": os.pathsep.join([str(plugin), str(Path(__file__).parents[1])]),
    }
    return Prepared(
        environment=environment, port=port, vault_port=vault_port, lms_port=lms_port, secret=secret
    )


@contextmanager
def partners(bridge: Prepared, folder: Path) -> Iterator[None]:
    """Run its vault and its LMS."""
    with ExitStack() as stack:
        for stub, port in (("stub_vault", bridge.vault_port), ("stub_lms", bridge.lms_port)):
            log = folder / f"{stub}.log"
            stack.enter_context(program(f"benchmarks.{stub}", str(port), environment={}, log=log))
            answers(port)
        yield


@contextmanager
def working(bridge: Prepared, folder: Path) -> Iterator[Sequence[int]]:
    """Run web, workers and clock, with the vault and the LMS; the ids of web and workers."""
    commands = (("web",), *WORKERS, ("clock",))
    served = running("bridge.cli", *commands, environment=bridge.environment, folder=folder)
    with partners(bridge, folder), served as pids:
        answers(bridge.port)
        yield pids[:-1]
