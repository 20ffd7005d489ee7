"""What operate.md tells of logs, health pages and units is in the code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path

import pytest

from bridge.app import create_app
from bridge.processes import BRIDGE, VAULT
from bridge.wiring import assemble
from runtime.database import Database
from runtime.keys import Keys
from tests.bridge.institution import KEY, settings
from tests.docs.papers import ROOT, blocks
from tests.vault.world import make

PAGE = (ROOT / "docs" / "operate.md").read_text("utf-8")
SOURCE = "\n".join(
    path.read_text("utf-8")
    for folder in ("bridge", "runtime", "vault")
    for path in (ROOT / folder).rglob("*.py")
)

#: Not for the world: only this machine, or who has the token, is told.
METRICS = "/metrics"


def section(title: str) -> str:
    """The part of the page under a heading of the second rank."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_each_event_it_tells_to_look_for_is_logged():
    table = section("Health, logs, ports, memory").partition("| event |")[2].partition("\n\n")[0]
    events = re.findall(r"`([a-z_]+)`", table)

    assert len(events) > 5
    assert [] == [e for e in events if not re.search(rf'log\.\w+\(\s*"{e}"', SOURCE)]


def test_each_process_has_its_line_in_the_table_of_processes():
    told = re.findall(
        r"^\| `((?:vaultbridge|certvault)[^`]*)` \|", section("The processes"), re.MULTILINE
    )

    assert [" ".join(command) for command in (*BRIDGE.values(), *VAULT.values())] == told


def test_the_unit_restarts_always_and_never_gives_up():
    unit = next(b.text for b in blocks(PAGE) if b.language == "ini")

    for line in ("Restart=always", "RestartSec=2", "StartLimitIntervalSec=0", "User=vaultbridge"):
        assert f"\n{line}\n" in unit


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path) -> Mapping[str, list[str]]:
    """Every path that each service serves, by what the proxies' examples call it."""
    database = Database(sqlite_url)
    bridge = assemble(settings(), database=database, keys=Keys([KEY]), ring=print)
    vault = make(f"sqlite:///{tmp_path / 'vault.sqlite'}", tmp_path / "files")
    apps = {"127.0.0.1:8000": create_app(bridge), "127.0.0.1:8200": vault.app}
    served = {name: [rule.rule for rule in app.url_map.iter_rules()] for name, app in apps.items()}
    served["127.0.0.1:8000"].remove(METRICS)
    return served


def test_no_proxy_lets_metrics_through():
    for proxy in proxies():
        assert [] == [p for p in let_through(site(proxy, "8000")) if fnmatchcase(METRICS, p)]


def proxies() -> list[str]:
    """The examples of reverse proxies."""
    return [b.text for b in blocks(section("Reverse proxy"))]


def site(proxy: str, service: str) -> str:
    """What a proxy's example says of one service."""
    return next(part for part in re.split(r"(?m)^\}$", proxy) if service in part)


def let_through(site: str) -> list[str]:
    """The patterns of paths that nginx or Caddy passes on."""
    locations = re.findall(r"location (= )?(/\S*) +\{([^}]*)\}", site)
    passed = [(exact, path) for exact, path, does in locations if "proxy_pass" in does]
    return [path if exact else f"{path}*" for exact, path in passed] + re.findall(
        r"(?<= )/\S*", "".join(re.findall(r"@ours path(.*)", site))
    )


def test_each_proxy_example_lets_through_what_the_services_serve(served: Mapping[str, list[str]]):
    assert 2 == len(proxies())
    for proxy, (service, paths) in product(proxies(), served.items()):
        patterns = let_through(site(proxy, service))

        assert [] == [path for path in paths if not any(fnmatchcase(path, p) for p in patterns)]


def test_the_table_of_paths_to_let_through_is_whole(served: Mapping[str, list[str]]):
    table = section("Reverse proxy").partition("\n| vault |")
    told = {
        service: re.findall(r"`(/[^`]+)`", rows.partition("\n\n")[0])
        for service, rows in zip(served, (table[0], table[2]), strict=True)
    }
    for service, paths in served.items():
        below = tuple(told[service])

        assert [] == [path for path in paths if path != "/" and not path.startswith(below)]


def test_no_proxy_logs_an_address_that_is_a_key(served: Mapping[str, list[str]]):
    nginx = proxies()[0]
    for service, paths in served.items():
        unlogged = re.findall(r"location (\S+) \{\s+access_log off;", site(nginx, service))

        assert [] == [p for p in paths if "<token>" in p and not p.startswith(tuple(unlogged))]


def test_each_example_of_an_environment_tells_both_services_what_stands_before_and_behind_them():
    examples = [b.text for b in blocks(PAGE) if "\nBRIDGE_TRUSTED_PROXIES=" in b.text]
    needed = {
        f"{service}_{name}"
        for service in ("BRIDGE", "VAULT")
        for name in ("PUBLIC_URL", "TRUSTED_PROXIES", "MAIL_SERVER", "MAIL_FROM")
    }

    assert 2 == len(examples)
    for example in examples:
        assert set() == needed - {line.partition("=")[0] for line in example.splitlines()}
