"""What operate.md tells of logs, health pages and units is in the code."""

from __future__ import annotations

import re

from bridge.processes import BRIDGE, VAULT
from tests.docs.papers import ROOT, blocks

PAGE = (ROOT / "docs" / "operate.md").read_text("utf-8")
SOURCE = "\n".join(
    path.read_text("utf-8")
    for folder in ("bridge", "runtime", "vault")
    for path in (ROOT / folder).rglob("*.py")
)


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


def test_each_proxy_example_lets_through_what_the_services_serve():
    examples = [b.text for b in blocks(PAGE) if "127.0.0.1:8000" in b.text and "verify." in b.text]
    proxies = [text for text in examples if "server" in text or "reverse_proxy" in text]

    assert len(proxies) == 2
    for text in proxies:
        for path in ("/hooks/", "/c/", "/health/", "/verify", "/business/certificate-vault"):
            assert path in text
