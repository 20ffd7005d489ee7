"""A whole installation to do harm to: bridge, both vaults, campus, Redis, proxies between them.

Course 2 is certified at a vendor's vault, the scripted one, in bad moods and with a duplicate check
that is not atomic; course 3 at our own. Both tell by webhook what becomes of certificates. Of each
worker and clock there are two, and where the database allows it of the web process. Every duration
is about a fiftieth of what it is in life.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import sqlalchemy as sa

from bridge.processes import BRIDGE, VAULT
from campus.people import LIFESAVING, WATER_SAFETY
from runtime.embedded import resolve
from runtime.keys import Keys
from runtime.redis_server import embedded
from tests.chaos.fleet import Fleet
from tests.faults.proxy import FaultProxy
from tests.polling import eventually
from tests.ports import free_port
from tests.scripted_vault import TOKEN

VENDOR, OURS = "vendor", "ours"
SITE = "campus"
#: The campus's report of completions.
REPORT = 2
VAULT_OF = {WATER_SAFETY: VENDOR, LIFESAVING: OURS}
CODES = {WATER_SAFETY: "WS101", LIFESAVING: "WS201"}
MAPPING = """\
mapping: 1
name: {vault}
issuer: {vault}
site: campus
match: {{course: "{code}"}}
entry:
  certificate_title: "Certificate of Completion: {{{{ course.title }}}}"
  full_name: "{{{{ learner.full_name }}}}"
  applicant_email: "{{{{ learner.email }}}}"
  issue_date: "{{{{ completed_at | local_date: 'UTC' }}}}"
"""
QUICK = {
    "BRIDGE_LEASE": "4",
    "BRIDGE_VAULT_DEADLINE": "2.5",
    "BRIDGE_LMS_DEADLINE": "2.5",
    "BRIDGE_QUIET_PERIOD": "3",
    "BRIDGE_APPEAR_WITHIN": "6",
    "BRIDGE_FILE_ID_LIFETIME": "20",
    "BRIDGE_SWEEP": "0.3",
    "BRIDGE_POLL_FIRST": "0.3",
    "BRIDGE_POLL_LONGEST": "2",
    "BRIDGE_RETRY_FIRST": "0.3",
    "BRIDGE_RETRY_LONGEST": "2",
    "BRIDGE_RECONCILE": "10",
    "BRIDGE_RECONCILE_GRACE": "5",
    "BRIDGE_RECONCILE_STUCK": "20",
    "VAULT_LEASE_SECONDS": "10",
    "VAULT_CLOCK_SECONDS": "0.3",
    "VAULT_WEBHOOK_TIME_SCALE": "0.01",
    "VAULT_REQUESTS_PER_MINUTE": "60000",
}
READY_S = 90
#: What there is two of; a second web process besides, where the database is PostgreSQL.
TWICE = (
    *("worker-normalise", "worker-issue", "worker-follow", "worker-write-back", "clock"),
    *("vault-worker", "vault-clock"),
)
INSTITUTION = "Institute of the Sea"


@dataclass
class Town:
    """Where everything is, and the processes."""

    folder: Path
    fleet: Fleet
    links: Mapping[str, FaultProxy]
    env: dict[str, str]
    bridge_database: str  #: reached directly, whatever is cut off
    vault_url: str  #: ours, reached directly
    campus_url: str  #: reached directly
    redis_url: str
    web_urls: tuple[str, ...]  #: reached directly
    tokens: dict[str, str] = field(default_factory=lambda: {VENDOR: TOKEN})

    @property
    def campus_file(self) -> Path:
        return self.folder / "campus" / "campus.sqlite"

    @property
    def vendor_file(self) -> Path:
        return self.folder / "vendor.sqlite"

    def hook_of(self, vault: str) -> str:
        """The address that a vault tells the bridge at."""
        return f"{self.links['vault-hooks'].url}/hooks/vault/{vault}"

    def run(self, *command: str) -> str:
        """Run a command of ours; its standard output."""
        done = subprocess.run(  # noqa: S603  # our own
            resolve(command), env=self.env, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout


@contextmanager
def town(folder: Path, *, postgres: sa.URL | None, seed: int) -> Iterator[Town]:
    """Everything running and set up. SQLite, unless there is a PostgreSQL server."""
    ports = {name: free_port() for name in ("web", "vault", "vendor", "campus")}
    # On SQLite there may be but one web process.
    ports["web-2"] = ports["web"] if postgres is None else free_port()
    redis = embedded(folder / "run")
    upstream: dict[str, str | Path] = {
        "vendor": f"127.0.0.1:{ports['vendor']}",
        "ours": f"127.0.0.1:{ports['vault']}",
        "campus": f"127.0.0.1:{ports['campus']}",
        "hooks": f"127.0.0.1:{ports['web']}",
        "vault-hooks": f"127.0.0.1:{ports['web-2']}",
        "redis": Path(redis.url.removeprefix("unix://")),
    }
    bridge_database, vault_database = _databases(folder, postgres)
    if postgres is not None:
        upstream["database"] = _socket_of(postgres)
    links = {name: FaultProxy(place) for name, place in upstream.items()}
    with ExitStack() as stack:
        for link in links.values():
            stack.enter_context(link.running())
        seen_database = bridge_database
        if postgres is not None:
            seen_database = _by_tcp(bridge_database, links["database"])
        fleet = Fleet(folder)
        stack.callback(fleet.end)
        found = Town(
            folder=folder,
            fleet=fleet,
            links=links,
            env=_environment(folder, ports, links, seen_database, vault_database),
            bridge_database=bridge_database,
            vault_url=f"http://127.0.0.1:{ports['vault']}",
            campus_url=f"http://127.0.0.1:{ports['campus']}",
            redis_url=redis.url,
            web_urls=tuple(f"http://127.0.0.1:{ports[name]}" for name in ("web", "web-2")),
        )
        fleet.add("redis", redis.command, env=found.env)
        _migrate(found)
        _start(found, ports, seed)
        _configure(found)
        yield found


def _databases(folder: Path, postgres: sa.URL | None) -> tuple[str, str]:
    if postgres is None:
        return f"sqlite:///{folder / 'bridge.sqlite'}", f"sqlite:///{folder / 'vault.sqlite'}"
    made = []
    for name in ("bridge", "vault"):
        text = postgres.render_as_string(hide_password=False)
        with psycopg.connect(text, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE chaos_{name}")  # type: ignore[arg-type]
        made.append(postgres.set(database=f"chaos_{name}").render_as_string(hide_password=False))
    return made[0], made[1]


def _socket_of(postgres: sa.URL) -> Path:
    found = postgres.query["host"]
    return Path(str(found)) / f".s.PGSQL.{postgres.port or 5432}"


def _by_tcp(database: str, link: FaultProxy) -> str:
    url = sa.make_url(database)
    through = url.set(host="127.0.0.1", port=link.port, query={})
    return through.render_as_string(hide_password=False)


def _environment(
    folder: Path,
    ports: Mapping[str, int],
    links: Mapping[str, FaultProxy],
    bridge_database: str,
    vault_database: str,
) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "VAULT_"))},
        **QUICK,
        "BRIDGE_DATABASE_URL": bridge_database,
        "BRIDGE_REDIS_URL": f"redis://{links['redis'].address}",
        "BRIDGE_KEY_FILE": str(folder / "secret.key"),
        "BRIDGE_PUBLIC_URL": links["hooks"].url,
        "BRIDGE_PORT": str(ports["web"]),
        "BRIDGE_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        "BRIDGE_CACHE_DIR": str(folder / "cache"),
        "VAULT_DATABASE_URL": vault_database,
        "VAULT_REDIS_URL": f"redis://{links['redis'].address}",
        "VAULT_PUBLIC_URL": links["ours"].url,
        "VAULT_PORT": str(ports["vault"]),
        "VAULT_FILES": str(folder / "vault-files"),
        "VAULT_KEY_FILE": str(folder / "secret.key"),
        "VAULT_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
    }


def _migrate(made: Town) -> None:
    Keys.read_or_create(made.folder / "secret.key")
    made.run("vaultbridge", "migrate")
    made.run("certvault", "migrate")
    made.run("certvault", "institution", "add", INSTITUTION)
    out = made.folder / "token-ours"
    made.run("certvault", "token", "create", "--institution", INSTITUTION, "--out", str(out))
    made.tokens[OURS] = out.read_text().strip()
    (made.folder / "token-vendor").write_text(TOKEN)
    told = made.run("certvault", "webhook", "add", made.hook_of(OURS), "--institution", INSTITUTION)
    (made.folder / f"told-{OURS}").write_text(told.split()[-1])
    (made.folder / f"told-{VENDOR}").write_text(secrets.token_hex(16))
    (made.folder / "hook-token").write_text(secrets.token_hex(16))
    (made.folder / "ws-token").write_text(secrets.token_hex(16))


def _start(made: Town, ports: Mapping[str, int], seed: int) -> None:
    commands = {**BRIDGE, **VAULT}
    for name, command in commands.items():
        made.fleet.add(name, resolve(command), env=made.env)
    for name in TWICE:
        made.fleet.add(f"{name}-2", resolve(commands[name]), env=made.env)
    if ports["web-2"] != ports["web"]:
        env = {**made.env, "BRIDGE_PORT": str(ports["web-2"])}
        made.fleet.add("web-2", resolve(BRIDGE["web"]), env=env)
    vendor = ("-m", "tests.scripted_vault", "--port", str(ports["vendor"]), "--careless")
    kept = ("--file", str(made.vendor_file), "--seed", str(seed))
    secret = str(made.folder / f"told-{VENDOR}")
    tells = ("--hook", made.hook_of(VENDOR), "--hook-secret-file", secret)
    made.fleet.add("vendor", (sys.executable, *vendor, *kept, *tells), env=made.env)
    campus = ("-m", "campus", "--control", "--port", str(ports["campus"]))
    where = ("--wwwroot", made.links["campus"].url, "--data", str(made.campus_file.parent))
    hook = ("--hook-url", f"{made.links['hooks'].url}/hooks/moodle/{SITE}")
    tokens = (
        *("--hook-token-file", str(made.folder / "hook-token")),
        *("--ws-token-file", str(made.folder / "ws-token")),
    )
    made.fleet.add("campus", (sys.executable, *campus, *where, *hook, *tokens), env=made.env)


def _configure(made: Town) -> None:
    for vault in (VENDOR, OURS):
        made.run(
            *("vaultbridge", "issuer", "add", vault, "--institution", INSTITUTION),
            *("--url", made.links[vault].url),
            *("--secret", f"token=@{made.folder / f'token-{vault}'}"),
            *("--secret", f"webhook_secret=@{made.folder / f'told-{vault}'}"),
        )
    made.run(
        *("vaultbridge", "site", "add", SITE, "--connector", "moodle"),
        *("--set", f"base_url={made.links['campus'].url}"),
        *("--set", f"completions_report_id={REPORT}"),
        *("--secret", f"token=@{made.folder / 'ws-token'}"),
        *("--secret", f"webhook_tokens=@{made.folder / 'hook-token'}"),
    )
    made.run("vaultbridge", "site", "set", SITE, "--auto-mend")
    for course, vault in VAULT_OF.items():
        mapping = made.folder / f"{vault}.yaml"
        mapping.write_text(MAPPING.format(vault=vault, code=CODES[course]))
        made.run("vaultbridge", "mappings", "add", str(mapping))
    for url in (*made.web_urls, made.vault_url):
        eventually(lambda url=url: _is_ready(f"{url}/health/ready"), within=READY_S)
    eventually(lambda: _is_ready(made.campus_url), within=READY_S)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
