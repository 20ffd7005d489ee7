"""Metrics: from rows, few labels, told to who may ask; and each of them stands in the docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from bridge.web import metrics
from bridge.web.measured import MEASURES, PREFIX, Measured
from tests.bridge.world import SITE, World
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
TOKEN = "a token of sixteen or more"
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


def app(world: World, token: str | None = None) -> Flask:
    """An application of the metrics alone, which remembers no other test's rows."""
    settings = replace(world.bridge.settings, metrics_token=token)
    made = Flask(__name__)
    made.register_blueprint(metrics.blueprint(replace(world.bridge, settings=settings)))
    return made


def told(world: World) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, by its name and labels."""
    answer = app(world).test_client().get("/metrics", environ_base=LOCAL)
    assert 200 == answer.status_code
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def of(samples: Mapping[tuple[str, frozenset[tuple[str, str]]], float], name: str) -> object:
    """The values of one metric, by its labels' values in their names' order."""
    return {
        tuple(value for _, value in sorted(labels)): number
        for (found, labels), number in samples.items()
        if found == f"{PREFIX}{name}"
    }


def test_what_happened_is_counted_from_rows(world: World) -> None:
    world.generate()
    world.run("write_back")
    world.post(world.body("bob"), headers={})
    world.complete("eve", learner={"email": ""})
    world.run("normalise", "issue")

    samples = told(world)

    assert 2.0 == of(samples, "deliveries_received_total")[SITE,]  # type: ignore[index]
    assert {("unverified", SITE): 1.0} == of(samples, "deliveries_refused_total")
    assert {("upload", "done"): 1.0} == of(samples, "attempts_total")
    assert {("main",): 1.0} == of(samples, "certificates_total")
    assert {("0.5",), ("0.9",), ("0.99",)} == set(of(samples, "certificate_latency_seconds"))  # type: ignore[call-overload]
    assert 1.0 == of(samples, "gradebook_rows_written")[SITE,]  # type: ignore[index]
    assert 0.0 == of(samples, "process_alive")["clock",]  # type: ignore[index]
    assert 1.0 == of(samples, "unfinished")["dead", "deliveries"]  # type: ignore[index]
    assert 1.0 == sum(of(samples, "needs_a_person").values())  # type: ignore[attr-defined]


def test_what_has_settled_is_counted_once_and_what_changes_anew(world: World) -> None:
    collector = Measured(world.bridge, kept=0)

    def counted() -> dict[tuple[str, ...], float]:
        families = {family.name: family for family in collector.collect()}
        family = families[f"{PREFIX}attempts"]
        return {tuple(s.labels.values()): s.value for s in family.samples}

    world.issue()
    first = counted()
    world.later(hours=2)
    world.issue("bob")
    second = counted()
    third = counted()

    assert first != second == third


def test_no_name_of_a_person_is_told(world: World) -> None:
    world.generate("ada")
    world.complete("zoltan", learner={"full_name": ""})
    world.run("normalise", "issue")

    text = app(world).test_client().get("/metrics", environ_base=LOCAL).get_data(as_text=True)

    assert [] == [word for word in ("ada", "zoltan", "Lovelace", "@") if word in text]


def test_who_may_ask(world: World) -> None:
    def asks(token: str | None, address: str, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = (
            app(world, token)
            .test_client()
            .get("/metrics", headers=sent, environ_base={"REMOTE_ADDR": address})
        )
        return answer.status_code

    assert [200, 200, 403, 403] == [
        asks(None, "127.0.0.1"),
        asks(None, "::1"),
        asks(None, "192.0.2.7"),
        asks(None, "127.0.0.1", X_Forwarded_For="192.0.2.7"),
    ]
    assert [403, 403, 200] == [
        asks(TOKEN, "127.0.0.1"),
        asks(TOKEN, "192.0.2.7", Authorization="Bearer ü"),
        asks(TOKEN, "192.0.2.7", Authorization=f"Bearer {TOKEN}"),
    ]


def test_the_docs_tell_of_each_metric_and_of_no_other() -> None:
    rows = re.findall(r"^\| `vaultbridge_(\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    documented = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}

    assert {name: measure.labels for name, measure in MEASURES.items()} == documented
