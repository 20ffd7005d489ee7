"""Moodle as a connector: each of the contract's methods, handed to the module that knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from connectors.base import (
    Capability,
    Cell,
    CertificateFile,
    Completion,
    Connector,
    Finding,
    GradebookRow,
    InboundRequest,
    Malformed,
    Permanent,
    Problem,
    Receipt,
    Target,
)
from connectors.moodle import (
    assignments,
    certificates,
    checks,
    completions,
    deliveries,
    directory,
    enrichment,
    gradebook,
)
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import REMEDIES
from connectors.moodle.settings import MoodleSettings, MoodleSettingsSchema


class MoodleConnector(Connector[MoodleSettings]):
    """Moodle 4.1 and up, with the plugin local_webhooks 3.0.5. See the README beside it."""

    name = "moodle"
    settings_schema = MoodleSettingsSchema
    write_back_mails = True

    def capabilities(self) -> frozenset[Capability]:
        """Everything for which Moodle has what the settings name."""
        needed = {
            Capability.LIST_COMPLETIONS: self.settings.completions_report_id,
            Capability.FETCH_FILE: self.settings.customcert_name,
        }
        return super().capabilities() - {what for what, named in needed.items() if named is None}

    def check(self) -> Iterator[Finding]:
        """Try what can be tried without writing."""
        return checks.check(self._client(), self.settings)

    def verify(self, request: InboundRequest) -> None:
        """By the shared secret in the body: there is nothing else to go by."""
        deliveries.verify(request, self.settings)

    def parse(self, request: InboundRequest) -> Sequence[Completion]:
        """One completion, or none; Quarantined if it names another Moodle."""
        return deliveries.parse(request, self.settings)

    def event_name(self, request: InboundRequest) -> str:
        """Moodle's name of the event, such as ``\\core\\event\\course_viewed``."""
        return deliveries.event_name(request)

    def enrich(self, batch: Sequence[Completion]) -> Sequence[Completion | Problem]:
        """Who, which course, since when and with which grade; whether as its staff, if wanted."""
        return enrichment.enrich(self._client(), self.settings, batch)

    def enrolled(self, course_id: str, *, enough: int) -> int | None:
        """As its list of participants has it."""
        with _understood():
            return directory.how_many(self._client(), course_id, enough=enough)

    def write_back(self, batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        """Write as feedback into the ungraded assignment; a row that stands there is left alone.

        Each row that is written mails its learner. Not for two writers of one learner at once.
        """
        with _understood():
            return gradebook.write(self._client(), self.settings, batch)

    def read_back(self, batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        """The feedback as it was stored, not as it is shown."""
        with _understood():
            return gradebook.read(self._client(), self.settings, batch)

    def targets(self, course_ids: Sequence[str]) -> Sequence[Target]:
        """Whether each course has an assignment with our ID number, fit to be written to."""
        with _understood():
            return assignments.targets(self._client(), self.settings, course_ids)

    def create_target(self, course_id: str) -> Target:
        """Import the template course into a course that has no such assignment."""
        with _understood():
            return assignments.create(self._client(), self.settings, course_id)

    def completions(self, *, since: datetime) -> Iterator[Completion]:
        """By the custom report; nothing where there is none."""
        report_id = self.settings.completions_report_id
        with _understood():
            if report_id is not None:
                yield from completions.completions(self._client(), report_id, since=since)

    def certificate_file(self, completion: Completion) -> CertificateFile | Problem | None:
        """What the course's activity Custom certificate makes for the learner."""
        name = self.settings.customcert_name
        if name is None:
            return super().certificate_file(completion)
        return certificates.certificate_file(self._client(), name, completion)

    def _client(self) -> MoodleClient:
        return MoodleClient(self.settings, http=self.http, now=self.now)


@contextmanager
def _understood() -> Iterator[None]:
    """Turn an answer of unknown shape into what a write-back or a list may raise."""
    try:
        yield
    except Malformed as exc:
        raise Permanent(
            f"Moodle's answer has a shape this connector does not know: {exc}.",
            remedy=REMEDIES["invalidparameter"],
        ) from exc
