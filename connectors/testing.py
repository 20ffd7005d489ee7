"""The tests every connector passes, shipped so that a plug-in's author runs them too.

Subclass ConnectorContract (or RestContract, for a connector that calls its LMS) in a test module.
A recording is a folder with ``body.raw`` (the exact bytes), ``expected.json`` (the completions as
`snapshot` renders them, ``[]`` for none) and, where it was captured from the real product,
``request.json`` (``headers``, ``path``, and ``received_at`` if the time is signed).
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Protocol

import httpx
import marshmallow as ma
import pytest

from connectors.base import (
    Capability,
    Cell,
    CertificateFile,
    Completion,
    Connector,
    ConnectorError,
    Finding,
    GradebookRow,
    InboundRequest,
    Malformed,
    Outcome,
    Permanent,
    Problem,
    Quarantined,
    ReceiptState,
    Temporary,
    Unverified,
)
from connectors.fields import secret_names
from connectors.hostile import (
    FAULTS,
    HOSTILE_BODIES,
    HOSTILE_VALUES,
    WRONG,
    after,
    damaged,
    losing,
    status,
)

#: The moment it is in every test.
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def no_network(request: httpx.Request) -> httpx.Response:
    """The transport of a connector that must not call anybody."""
    raise AssertionError(f"the network was used: {request.method} {request.url}")


def no_clock() -> datetime:
    """The clock of a connector that must not look at it."""
    raise AssertionError("the clock was looked at")


def snapshot(value: Any) -> Any:
    """A completion as JSON: what is None or empty left out, times in ISO 8601, numbers as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {k: snapshot(v) for k, v in fields.items() if v is not None and v not in ((), {})}
    if isinstance(value, Mapping):
        return {key: snapshot(member) for key, member in value.items()}
    if isinstance(value, tuple | list):
        return [snapshot(member) for member in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value.name if isinstance(value, enum.Enum) else value


def recorded_request(case: Path) -> tuple[InboundRequest, datetime]:
    """A captured delivery and when it arrived."""
    sent = json.loads((case / "request.json").read_text("utf-8"))
    request = InboundRequest(
        body=(case / "body.raw").read_bytes(),
        headers={name.lower(): value for name, value in sent["headers"].items()},
        method=sent.get("method", "POST"),
    )
    return request, datetime.fromisoformat(sent.get("received_at", NOW.isoformat()))


class ConnectorContract(ABC):
    """What holds for every connector. Name the connector, its recordings, three settings."""

    connector_class: ClassVar[type[Connector[Any]]]
    recordings: ClassVar[Path]
    settings: ClassVar[Mapping[str, Any]]
    #: A new secret beside the one that `signed` uses.
    rotated_settings: ClassVar[Mapping[str, Any]]
    #: Somebody else's secret only.
    foreign_settings: ClassVar[Mapping[str, Any]]
    #: Why this LMS's requests carry no time, so that an old one cannot be told from a new one.
    no_timestamp: ClassVar[str] = ""
    #: Why this LMS signs nothing, so that an altered body cannot be told from a genuine one.
    no_signature: ClassVar[str] = ""
    #: Methods that are overridden and yet no capability under `settings`, and why.
    withheld: ClassVar[Mapping[Capability, str]] = {}

    @abstractmethod
    def signed(self, body: bytes, *, at: datetime) -> InboundRequest:
        """``body`` as the LMS would send it at that time, under `settings`."""

    def connector(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        handler: Callable[[httpx.Request], httpx.Response] = no_network,
        now: Callable[[], datetime] = lambda: NOW,
    ) -> Connector[Any]:
        """The connector, with a transport that answers every call by ``handler``."""
        loaded = self.connector_class.settings_schema().load(settings or self.settings)
        http = httpx.Client(transport=httpx.MockTransport(handler))
        return self.connector_class(loaded, http=http, now=now)

    def secrets(self) -> list[str]:
        """Every secret in `settings`."""
        given = [self.settings[n] for n in secret_names(self.connector_class.settings_schema)]
        return [s for value in given for s in (value if isinstance(value, list) else [value])]

    @pytest.fixture
    def cases(self) -> dict[str, Path]:
        """The recordings, by name."""
        found = {path.parent.name: path.parent for path in self.recordings.glob("*/body.raw")}
        assert found, f"no recordings under {self.recordings}"
        return dict(sorted(found.items()))

    @pytest.fixture
    def bodies(self, cases: dict[str, Path]) -> dict[str, bytes]:
        """The recorded bodies, by name."""
        return {name: (case / "body.raw").read_bytes() for name, case in cases.items()}

    # Settings

    def test_the_connector_is_called_by_a_name_that_fits_an_address(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", self.connector_class.name)

    def test_settings_refuse_nothing_at_all(self) -> None:
        with pytest.raises(ma.ValidationError):
            self.connector_class.settings_schema().load({})

    def test_settings_refuse_a_misspelt_key_without_telling_a_secret(self) -> None:
        with pytest.raises(ma.ValidationError) as caught:
            self.connector_class.settings_schema().load({**self.settings, "misspelt": 1})

        assert "misspelt" in str(caught.value)
        self.assert_no_secret_in(str(caught.value))

    def test_every_setting_has_help_and_an_example_and_the_examples_are_valid(self) -> None:
        fields = self.connector_class.settings_schema().fields
        examples = {name: field.metadata["example"] for name, field in fields.items()}

        assert all(field.metadata["help"] for field in fields.values())
        self.connector_class.settings_schema().load(examples)

    def test_a_secret_that_is_made_is_as_good_as_one_that_is_typed(self) -> None:
        fields = self.connector_class.settings_schema().fields
        made = {
            name: field.metadata["make"]()
            for name, field in fields.items()
            if "make" in field.metadata
        }

        self.connector_class.settings_schema().load({**self.settings, **made})

    def test_some_setting_is_secret_and_repr_hides_each_of_them(self) -> None:
        assert self.secrets()
        self.assert_no_secret_in(repr(self.connector().settings))

    def test_settings_cannot_be_changed(self) -> None:
        settings = self.connector().settings
        for field in dataclasses.fields(settings):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(settings, field.name, None)

    def assert_no_secret_in(self, text: str) -> None:
        """No secret of `settings` stands in a text that people or logs see."""
        assert not [secret for secret in self.secrets() if secret in text]

    # Verification

    def test_a_genuine_request_is_let_in(self, bodies: dict[str, bytes]) -> None:
        for body in bodies.values():
            self.connector().verify(self.signed(body, at=NOW))

    def test_a_real_delivery_is_let_in(self, cases: dict[str, Path]) -> None:
        """What verifier and `signed` get wrong together, only this notices."""
        real = [case for case in cases.values() if (case / "request.json").exists()]
        assert real, "keep at least one delivery captured from the real product"
        for case in real:
            request, arrived = recorded_request(case)
            self.connector(now=lambda at=arrived: at).verify(request)  # type: ignore[misc]

    def test_a_rotated_secret_is_let_in(self, bodies: dict[str, bytes]) -> None:
        for body in bodies.values():
            self.connector(self.rotated_settings).verify(self.signed(body, at=NOW))

    def test_a_foreign_secret_is_turned_away(self, bodies: dict[str, bytes]) -> None:
        for body in bodies.values():
            with pytest.raises(Unverified):
                self.connector(self.foreign_settings).verify(self.signed(body, at=NOW))

    def test_an_altered_body_is_turned_away(self, bodies: dict[str, bytes]) -> None:
        for body in bodies.values():
            request = dataclasses.replace(self.signed(body, at=NOW), body=body + b" ")
            assert bool(self.no_signature) == self.is_let_in(request)

    def test_a_replay_is_turned_away(self, bodies: dict[str, bytes]) -> None:
        for body in bodies.values():
            for at in (NOW - timedelta(minutes=6), NOW + timedelta(minutes=6)):
                assert bool(self.no_timestamp) == self.is_let_in(self.signed(body, at=at))

    def test_an_old_request_cannot_be_made_young(self, bodies: dict[str, bytes]) -> None:
        for body in bodies.values():
            young, old = self.signed(body, at=NOW), self.signed(body, at=NOW - timedelta(days=1))
            for name in young.headers:
                mixed = {**old.headers, name: young.headers[name]}
                if mixed not in (young.headers, old.headers):
                    assert not self.is_let_in(dataclasses.replace(old, headers=mixed))

    def test_hostile_headers_are_turned_away_and_nothing_else(
        self, bodies: dict[str, bytes]
    ) -> None:
        genuine = self.signed(next(iter(bodies.values())), at=NOW)
        for name in genuine.headers:
            without = {k: v for k, v in genuine.headers.items() if k != name}
            for headers in [without, *({**without, name: bad} for bad in HOSTILE_VALUES)]:
                hostile = dataclasses.replace(genuine, headers=headers)
                # Where nothing is signed, no header is a proof; it must still do no harm.
                assert bool(self.no_signature) == self.is_let_in(hostile), headers

    def test_a_bare_request_is_turned_away(self) -> None:
        for body in HOSTILE_BODIES:
            assert not self.is_let_in(InboundRequest(body=body, headers={}))

    def test_hostile_bodies_are_let_in_or_turned_away_and_nothing_else(
        self, bodies: dict[str, bytes]
    ) -> None:
        for body in self.hostile_bodies(bodies):
            self.is_let_in(self.signed(body, at=NOW))
            self.is_let_in(dataclasses.replace(self.signed(b"{}", at=NOW), body=body))

    def is_let_in(self, request: InboundRequest) -> bool:
        """Whether it is verified; any other error than Unverified fails the test."""
        try:
            self.connector().verify(request)
        except Unverified as exc:
            self.assert_no_secret_in(str(exc))
            return False
        return True

    def hostile_bodies(self, bodies: Mapping[str, bytes]) -> Iterator[bytes]:
        """Bodies that nobody sends, and every recording damaged part by part."""
        yield from HOSTILE_BODIES
        for body in bodies.values():
            yield from (json.dumps(hurt).encode() for hurt in damaged(json.loads(body)))

    # Parsing

    def test_each_recording_gives_what_is_expected(self, cases: dict[str, Path]) -> None:
        for name, case in cases.items():
            expected = json.loads((case / "expected.json").read_text("utf-8"))
            completions = self.connector().parse(self.request_of(case))

            assert expected == [snapshot(completion) for completion in completions], name

    def test_a_redelivery_is_known_as_one(self, bodies: dict[str, bytes]) -> None:
        connector = self.connector()
        for body in bodies.values():
            first = self.signed(body, at=NOW)
            again = self.signed(body, at=NOW + timedelta(hours=3))

            assert connector.parse(first) == connector.parse(again)
            assert connector.delivery_id(first) == connector.delivery_id(again)

    def test_parsing_uses_neither_network_nor_clock(self, cases: dict[str, Path]) -> None:
        for case in cases.values():
            self.connector(now=no_clock).parse(self.request_of(case))

    def test_damaged_bodies_are_malformed_and_nothing_else(self, bodies: dict[str, bytes]) -> None:
        connector = self.connector(now=no_clock)
        for body in self.hostile_bodies(bodies):
            with suppress(Malformed, Quarantined):
                for completion in connector.parse(self.signed(body, at=NOW)):
                    assert completion.noticed_at.utcoffset() is not None
                    told = json.dumps(snapshot(completion), ensure_ascii=False)
                    assert told.encode()  # half a character cannot be stored, nor can a NUL
                    assert "\\u0000" not in told

    def test_a_delivery_has_a_name_and_perhaps_an_id_whatever_it_is(
        self, bodies: dict[str, bytes]
    ) -> None:
        connector = self.connector(now=no_clock)
        for body in self.hostile_bodies(bodies):
            request = self.signed(body, at=NOW)
            delivery_id = connector.delivery_id(request)

            assert 0 < len(connector.event_name(request)) <= 200
            assert delivery_id is None or delivery_id

    def test_an_answer_of_its_own_is_a_success(self, cases: dict[str, Path]) -> None:
        for case in cases.values():
            for outcome in Outcome:
                reply = self.connector().answer(self.request_of(case), outcome, "d-1")

                assert reply is None or 200 <= reply.status < 300

    def request_of(self, case: Path) -> InboundRequest:
        """The recording as it was sent, or as `signed` sends it."""
        if (case / "request.json").exists():
            return recorded_request(case)[0]
        return self.signed((case / "body.raw").read_bytes(), at=NOW)

    # Capabilities

    def test_the_capabilities_are_the_overridden_methods(self) -> None:
        overridden = {
            capability
            for capability in Capability
            if getattr(self.connector_class, capability.value)
            is not getattr(Connector, capability.value)
        }

        assert overridden - self.withheld.keys() == self.connector().capabilities()
        assert all(self.withheld.values())


class FakeLms(Protocol):
    """A stand-in for the LMS's API that remembers what was written."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What the LMS answers to a request."""

    def gradebook(self) -> object:
        """Everything a person at the LMS could see of what was written, mails included."""

    def a_person_writes(self, row: GradebookRow, text: str) -> None:
        """Let a teacher put a text into the place that is this row's."""


class RestContract(ConnectorContract):
    """What holds besides for a connector that calls its LMS."""

    #: Completions that the fake server knows, as `parse` gives them.
    completions: ClassVar[Sequence[Completion]]
    #: Rows that the fake server takes.
    rows: ClassVar[Sequence[GradebookRow]]

    @abstractmethod
    def server(self) -> FakeLms:
        """A fresh stand-in for the LMS."""

    def calls(self, connector: Connector[Any]) -> dict[str, Callable[[], object]]:
        """Everything this connector asks of its LMS."""
        courses = [row.course_id for row in self.rows]
        possible: dict[str, tuple[Capability, Callable[[], object]]] = {
            "enrich": (Capability.ENRICH, lambda: connector.enrich(self.completions)),
            "write_back": (Capability.WRITE_BACK, lambda: connector.write_back(self.rows)),
            "read_back": (Capability.WRITE_BACK, lambda: connector.read_back(self.rows)),
            "targets": (Capability.TARGETS, lambda: connector.targets(courses)),
            "completions": (
                Capability.LIST_COMPLETIONS,
                lambda: list(connector.completions(since=NOW)),
            ),
            "certificate_file": (
                Capability.FETCH_FILE,
                lambda: connector.certificate_file(self.completions[0]),
            ),
        }
        having = connector.capabilities()
        return {name: call for name, (needed, call) in possible.items() if needed in having}

    @pytest.mark.parametrize("fault", FAULTS)
    def test_each_fault_is_temporary_or_permanent(self, fault: str) -> None:
        handler, expected = FAULTS[fault]
        for call in self.calls(self.connector(handler=handler)).values():
            with pytest.raises(expected) as caught:
                call()
            self.assert_helpful(caught.value)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_in_any_later_call_is_told_too(self, fault: str) -> None:
        handler, expected = FAULTS[fault]
        for name in self.calls(self.connector()):
            for good in range(1, self.count(name)):
                faulty = after(good, self.server().answer, handler)
                with pytest.raises(expected):
                    self.calls(self.connector(handler=faulty))[name]()

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_check_tells_each_fault_and_raises_nothing(self, fault: str) -> None:
        findings = list(self.connector(handler=FAULTS[fault][0]).check())

        assert [finding for finding in findings if not finding.ok]
        for finding in findings:
            self.assert_tells(finding)

    def test_a_check_of_a_good_site_finds_nothing_missing(self) -> None:
        findings = list(self.connector(handler=self.server().answer).check())

        assert findings
        assert not [finding for finding in findings if not finding.ok]

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("30", timedelta(seconds=30)),
            (
                (NOW + timedelta(minutes=2)).strftime("%a, %d %b %Y %H:%M:%S GMT"),
                timedelta(minutes=2),
            ),
            ("0", timedelta(0)),
            ("86400", timedelta(days=1)),
            ("999999999", timedelta(days=1)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ],
    )
    def test_the_wait_asked_for_is_passed_on_within_reason(
        self, asked: str, expected: timedelta | None
    ) -> None:
        handler = status(429, headers={"retry-after": asked})
        for call in self.calls(self.connector(handler=handler)).values():
            with pytest.raises(Temporary) as caught:
                call()
            assert expected == caught.value.retry_after

    def test_answers_of_the_wrong_shape_are_no_crash(self) -> None:
        for wrong in WRONG:
            handler = status(200, content=json.dumps(wrong).encode())
            connector = self.connector(handler=handler)
            for call in self.calls(connector).values():
                with suppress(ConnectorError):
                    call()
            for finding in connector.check():
                self.assert_tells(finding)

    def test_enriching_gives_one_outcome_each_and_the_same_again(self) -> None:
        if Capability.ENRICH not in self.connector().capabilities():
            return
        connector = self.connector(handler=self.server().answer)
        outcomes = connector.enrich(self.completions)

        assert list(outcomes) == list(connector.enrich(self.completions))
        assert len(self.completions) == len(outcomes)
        for asked, told in zip(self.completions, outcomes, strict=True):
            assert isinstance(told, Problem) or _key(asked) == _key(told)

    def test_a_list_of_completions_is_cheap_and_the_same_again(self) -> None:
        if Capability.LIST_COMPLETIONS not in self.connector().capabilities():
            return
        connector = self.connector(handler=self.server().answer)
        listed = list(connector.completions(since=NOW))

        assert listed, "let the stand-in list some completions since NOW"
        assert listed == list(connector.completions(since=NOW))
        assert self.count("completions") < max(2, len(listed))
        assert not list(connector.completions(since=NOW + timedelta(days=3650)))

    def test_what_is_listed_can_be_enriched(self) -> None:
        having = self.connector().capabilities()
        if not {Capability.LIST_COMPLETIONS, Capability.ENRICH} <= having:
            return
        connector = self.connector(handler=self.server().answer)
        listed = list(connector.completions(since=NOW))
        for asked, told in zip(listed, connector.enrich(listed), strict=True):
            assert isinstance(told, Problem) or _key(asked) == _key(told)

    def test_a_file_that_the_lms_made_is_fetched(self) -> None:
        if Capability.FETCH_FILE not in self.connector().capabilities():
            return
        connector = self.connector(handler=self.server().answer)
        file = connector.certificate_file(self.completions[0])

        assert isinstance(file, CertificateFile), "let the stand-in make one for the first learner"
        assert file.content
        assert file.name

    def test_a_row_is_written_and_reads_back_as_it_was_sent(self) -> None:
        if Capability.WRITE_BACK not in self.connector().capabilities():
            return
        connector = self.connector(handler=self.server().answer)
        receipts = connector.write_back(self.rows)

        assert [ReceiptState.WRITTEN] * len(self.rows) == [r.state for r in receipts]
        assert [Cell(text=r.text) for r in receipts] == list(connector.read_back(self.rows))

    def test_a_later_row_is_written_over_our_own(self) -> None:
        if Capability.WRITE_BACK not in self.connector().capabilities():
            return
        connector = self.connector(handler=self.server().answer)
        before = connector.write_back(self.rows)
        later = [
            dataclasses.replace(_withdrawn(row), known=(old.text or "",))
            for row, old in zip(self.rows, before, strict=True)
        ]
        receipts = connector.write_back(later)

        assert [ReceiptState.WRITTEN] * len(later) == [r.state for r in receipts]
        assert [Cell(text=r.text) for r in receipts] == list(connector.read_back(later))

    def test_what_a_person_wrote_is_left_alone_and_the_others_are_written(self) -> None:
        if Capability.WRITE_BACK not in self.connector().capabilities():
            return
        server = self.server()
        server.a_person_writes(self.rows[0], "Well done!")
        connector = self.connector(handler=server.answer)
        receipts = connector.write_back(self.rows)
        left, *others = connector.read_back(self.rows)

        assert receipts[0].state is ReceiptState.OVERRIDDEN
        assert left is not None
        assert left.text == "Well done!"
        assert [Cell(text=r.text) for r in receipts[1:]] == others

    def test_writing_twice_leaves_the_gradebook_as_once(self) -> None:
        if Capability.WRITE_BACK not in self.connector().capabilities():
            return
        server = self.server()
        connector = self.connector(handler=server.answer)
        empty = server.gradebook()
        first = connector.write_back(self.rows)
        once = server.gradebook()

        assert list(first) == list(connector.write_back(self.rows))
        assert once == server.gradebook()
        assert empty != once

    def test_a_write_whose_answer_was_lost_is_made_good_by_the_next(self) -> None:
        if Capability.WRITE_BACK not in self.connector().capabilities():
            return
        whole = self.server()
        self.connector(handler=whole.answer).write_back(self.rows)
        for good in range(self.count("write_back")):
            server = self.server()
            with pytest.raises(Temporary):
                self.connector(handler=losing(good, server.answer)).write_back(self.rows)
            self.connector(handler=server.answer).write_back(self.rows)

            assert whole.gradebook() == server.gradebook()

    def test_no_rows_and_no_completions_are_no_calls(self) -> None:
        connector = self.connector()
        if Capability.ENRICH in connector.capabilities():
            assert not connector.enrich([])
        if Capability.WRITE_BACK in connector.capabilities():
            assert not connector.write_back([])
            assert not connector.read_back([])

    def count(self, name: str) -> int:
        """How many requests one of `calls` takes when all goes well."""
        seen: list[httpx.Request] = []
        server = self.server()

        def counted(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return server.answer(request)

        self.calls(self.connector(handler=counted))[name]()
        return len(seen)

    def assert_helpful(self, error: ConnectorError) -> None:
        """It says what happened, without a secret; and what to do, if a person must."""
        told = str(error)
        if isinstance(error, Permanent):
            assert error.remedy
            told += error.remedy
        assert str(error)
        self.assert_no_secret_in(told)

    def assert_tells(self, finding: Finding) -> None:
        """It names what was tried, and says what is missing and what to do where it is."""
        assert finding.name
        assert finding.ok or (finding.problem and finding.remedy)
        self.assert_no_secret_in(repr(finding))


def _withdrawn(row: GradebookRow) -> GradebookRow:
    certificates = tuple(
        dataclasses.replace(c, status="Withdrawn", void=True) for c in row.certificates
    )
    return dataclasses.replace(row, certificates=certificates, revision=row.revision + 1)


def _key(completion: Completion) -> tuple[str, str, datetime]:
    return completion.course.id, completion.learner.id, completion.noticed_at
