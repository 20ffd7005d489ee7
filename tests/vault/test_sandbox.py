"""The sandbox: what is opened there says the same as here, and what is poison holds up nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from runtime.child import Busy, NotStarted
from tests.processes import no_more_files
from tests.vault import bombs, samples
from tests.vault.registrar import registrars
from tests.vault.world import SANDBOX
from vault import qr
from vault.kinds import UNBEARABLE, FileKind, FileRefused
from vault.sandbox import Sandbox, Strip
from vault.stamp import Stamper

URL = "https://vault.example.edu/verify/VEC-IC-202567DAE48425BAD"
STRIP = Strip(reference_id="VEC-IC-202567DAE48425BAD", issuer="جامعة الإمارات", url=URL)


@pytest.fixture
def impatient() -> Iterator[Sandbox]:
    """A sandbox in which nothing may take longer than two seconds."""
    made = Sandbox(count=1, limit=timedelta(seconds=2))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (samples.pdf(), FileKind.PDF),
        (samples.jpeg(), FileKind.JPEG),
        (samples.png(), FileKind.PNG),
    ],
)
def test_files_are_known_and_become_what_the_stamp_makes_of_them(
    content: bytes, kind: FileKind
) -> None:
    made = SANDBOX.stamped(content, kind=kind, strip=STRIP)

    assert kind is SANDBOX.inspect(content)
    assert made is not None
    assert (STRIP.reference_id,) == SANDBOX.strips_on(made)
    assert () == SANDBOX.strips_on(content)
    assert made == SANDBOX.stamped(content, kind=kind, strip=STRIP)


def test_it_stamps_to_the_byte_as_the_stamper_does() -> None:
    here = Stamper().stamp(
        samples.pdf(),
        reference_id=STRIP.reference_id,
        issuer=STRIP.issuer,
        url=URL,
        qr_svg=qr.svg(URL),
    )

    assert here == SANDBOX.stamped(samples.pdf(), kind=FileKind.PDF, strip=STRIP)


def test_a_signed_pdf_is_not_stamped() -> None:
    assert None is SANDBOX.stamped(registrars(), kind=FileKind.PDF, strip=STRIP)


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (samples.pdf()[:300], FileKind.PDF, "is a damaged PDF"),
        (samples.png()[:60], FileKind.PNG, "is a damaged picture"),
    ],
)
def test_the_reasons_of_a_refusal_come_through(content: bytes, kind: FileKind, reason: str) -> None:
    with pytest.raises(FileRefused, match=f"The certificate file {reason}"):
        SANDBOX.inspect(content)
    with pytest.raises(FileRefused, match=f"The certificate file {reason}"):
        SANDBOX.stamped(content, kind=kind, strip=STRIP)
    assert () == SANDBOX.strips_on(content)


def test_what_unfolds_without_measure_is_refused(impatient: Sandbox) -> None:
    objects, table = bombs.unfolding_objects(300), bombs.unfolding_table(300)

    assert len(objects) + len(table) < 4_000_000
    with pytest.raises(FileRefused, match="more time or memory"):
        impatient.inspect(objects)
    with pytest.raises(FileRefused, match="is a damaged PDF"):
        impatient.inspect(table)
    assert () == impatient.strips_on(objects)
    assert () == impatient.strips_on(table)


def test_what_takes_for_ever_is_refused_and_the_next_is_taken(impatient: Sandbox) -> None:
    picture = bombs.many_scans(20_000)
    impatient.inspect(samples.jpeg())
    with pytest.raises(FileRefused, match="more time or memory") as inspected:
        impatient.inspect(picture)
    with pytest.raises(FileRefused, match="more time or memory"):
        impatient.stamped(picture, kind=FileKind.JPEG, strip=STRIP)

    assert UNBEARABLE == str(inspected.value)
    assert FileKind.JPEG is impatient.inspect(samples.jpeg())


def test_where_no_child_can_be_started_a_mere_check_finds_nothing() -> None:
    none = Sandbox(count=1)
    with no_more_files():
        with pytest.raises(NotStarted):
            none.inspect(samples.pdf())
        found = none.strips_on(samples.pdf())

    assert () == found


def test_whoever_finds_none_free_is_told_and_a_mere_check_finds_nothing() -> None:
    none = Sandbox(count=1, patience=timedelta(0))
    with none._children._one():
        with pytest.raises(Busy):
            none.inspect(samples.pdf())
        assert () == none.strips_on(samples.pdf())
