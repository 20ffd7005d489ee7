"""Sending: until it is accepted, on a schedule, fairly, and never to an address inside."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from runtime.keys import KeyProblem, Keys, new_key
from tests.polling import eventually
from tests.vault.webhooks.conftest import LEASE, Office
from tests.vault.webhooks.receiver import Receiver
from vault.store import endpoints, webhook_deliveries
from vault.webhooks.deliver import AT_ONCE, THREADS
from vault.webhooks.events import Event
from vault.webhooks.schedule import LONGEST_FAILING, MOST_GIVEN_UP, WAITS, Schedule

SECOND = timedelta(seconds=1)


def make(office: Office, count: int) -> list[str]:
    """Upload so many certificates; return their titles."""
    titles = [f"T{number}" for number in range(count)]
    for title in titles:
        office.upload(certificate_title=title)
    return titles


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_acceptance(office: Office, there: Receiver, status: int) -> None:
    there.statuses = [status]
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()

    assert [("delivered", None)] == [(one.state, one.next_run_at) for one in office.deliveries()]
    assert [(status, None)] == [(one.status, one.problem) for one in office.attempts()]


@pytest.mark.parametrize("status", [301, 304, 307, 400, 401, 404, 410, 429, 500, 503])
def test_anything_else_is_sent_again(office: Office, there: Receiver, status: int) -> None:
    there.statuses = [status, 204]
    there.headers = {"Location": there.url + "/elsewhere", "Retry-After": "0"}
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()

    (one,) = office.deliveries()
    assert ("waiting", office.now + WAITS[1]) == (one.state, one.next_run_at)
    office.now += WAITS[1]
    office.send()

    assert ["/vault", "/vault"] == [one.path for one in there.received]
    assert ["delivered"] == [one.state for one in office.deliveries()]
    assert [status, 204] == [one.status for one in office.attempts()]


def test_the_schedule_is_kept_and_then_given_up(each_office: Office, there: Receiver) -> None:
    office = each_office
    there.statuses = [500]
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    office.upload()
    sender = office.sender()
    begun = office.now
    moments = []
    for pause in WAITS:
        office.now += pause - (SECOND if pause else timedelta())
        before = len(there.received)
        office.send(sender)
        if pause:
            assert before == len(there.received)  # a second too early
            office.now += SECOND
            office.send(sender)
        assert before + 1 == len(there.received)
        moments.append(office.now - begun)

    seconds = [0, 5, 305, 2105, 9305, 27305, 63305, 99305]
    assert seconds == [moment.total_seconds() for moment in moments]
    assert [("failed", None)] == [(one.state, one.next_run_at) for one in office.deliveries()]
    assert [500] * 8 == [one.status for one in office.attempts()]
    bodies = {one.body for one in there.received}
    ids = {one.headers["webhook-id"] for one in there.received}
    stamps = {one.headers["webhook-timestamp"] for one in there.received}
    assert (1, 1, 8) == (len(bodies), len(ids), len(stamps))
    assert (1, None) == (office.found(endpoint_id).given_up, office.found(endpoint_id).disabled_at)
    office.now += timedelta(days=30)
    office.send(sender)
    assert 8 == len(there.received)


def test_waits_are_scattered_and_can_be_shortened() -> None:
    lowest, highest = Schedule(random=lambda: 0.0), Schedule(random=lambda: 1.0)
    short = Schedule(random=lambda: 0.5, scale=0.01)

    assert (timedelta(seconds=4), timedelta(seconds=6)) == (lowest.wait(1), highest.wait(1))
    assert (timedelta(hours=8), timedelta(hours=12)) == (lowest.wait(7), highest.wait(7))
    assert (timedelta(seconds=3), None) == (short.wait(2), short.wait(8))


def test_a_receiver_that_says_nothing_is_given_up_in_time(office: Office, there: Receiver) -> None:
    there.open.clear()
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send(office.sender(deadline=SECOND / 4))

    (one,) = office.attempts()
    assert (None, "no answer within 15 s (ReadTimeout)") == (one.status, one.problem)
    assert 200 <= one.ms < 30_000, "the receiver says nothing for longer"


def test_nobody_listening_is_told_in_the_log(office: Office) -> None:
    office.endpoint("http://127.0.0.1:1/", Event.CREATED)
    office.upload()
    office.send()

    assert ["could not connect (ConnectError)"] == [one.problem for one in office.attempts()]


def test_of_a_refusal_only_the_beginning_is_kept(office: Office, there: Receiver) -> None:
    there.statuses, there.answer = [400, 204], b"<h1>No\x00\n\x1b[31m</h1>" + b"x" * 1_000_000
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()

    (one,) = office.attempts()
    assert "<h1>No   [31m</h1>" + "x" * 182 == one.excerpt


def test_of_an_acceptance_nothing_is_kept(office: Office, there: Receiver) -> None:
    there.answer = b"x" * 1_000_000
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()

    assert [(204, None)] == [(one.status, one.excerpt) for one in office.attempts()]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
    ],
)
def test_nothing_is_sent_to_an_address_inside(office: Office, there: Receiver, url: str) -> None:
    port = there.url.rpartition(":")[2].partition("/")[0]
    office.endpoint(url.format(port=port), Event.CREATED)
    office.upload()
    office.send(office.sender(allowed=()))

    assert [] == there.received
    (one,) = office.attempts()
    assert None is one.status
    assert "is an address inside a private network. If it is meant, add" in one.problem


def test_a_redirect_inside_is_not_followed(
    office: Office, there: Receiver, elsewhere: Receiver
) -> None:
    there.statuses, there.headers = [307], {"Location": elsewhere.url}
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()

    assert (1, 0) == (len(there.received), len(elsewhere.received))
    assert ["answered 307, a redirect; none is followed"] == [
        one.problem for one in office.attempts()
    ]


def test_a_slow_endpoint_delays_no_other(
    each_office: Office, there: Receiver, elsewhere: Receiver
) -> None:
    office = each_office
    there.open.clear()  # holds whatever comes
    office.endpoint(there.url, Event.CREATED)
    office.endpoint(elsewhere.url, Event.CREATED)
    count = THREADS + AT_ONCE
    make(office, count)
    sender = office.sender()
    eventually(lambda: sender.run() and len(elsewhere.received) == count)

    assert AT_ONCE == len(there.received)
    there.open.set()
    office.send(sender)
    assert count == len(there.received)
    assert {"delivered"} == {one.state for one in office.deliveries()}


def test_many_slow_endpoints_leave_room_for_another(
    office: Office, there: Receiver, elsewhere: Receiver
) -> None:
    there.open.clear()
    for number in range(THREADS // AT_ONCE):
        office.endpoint(f"{there.url}/{number}", Event.CREATED)
    make(office, AT_ONCE)
    sender = office.sender()
    sender.run()
    office.endpoint(elsewhere.url, Event.CREATED)
    office.upload(certificate_title="Later")
    eventually(lambda: sender.run() and elsewhere.received)

    assert ["Later"] == [one.json["certificate_title"] for one in elsewhere.received]
    there.open.set()
    office.send(sender)


def test_a_failing_endpoint_is_sent_one_at_a_time_until_it_answers(
    office: Office, there: Receiver
) -> None:
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    there.statuses = [500, 204]
    office.upload(certificate_title="First")
    office.send()
    assert office.now == office.found(endpoint_id).failing_since
    make(office, 3)
    there.open.clear()
    sender = office.sender()
    for _ in range(3):
        sender.run()
    assert 2 == len(there.received)

    there.open.set()
    office.send(sender)
    assert None is office.found(endpoint_id).failing_since
    assert 4 == len(there.received)


def test_after_many_deliveries_given_up_in_a_row_an_endpoint_is_disabled(
    each_office: Office, there: Receiver
) -> None:
    office = each_office
    there.statuses = [500]
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    make(office, MOST_GIVEN_UP + 1)
    _last_try(office)
    office.send()

    row = office.found(endpoint_id)
    assert (
        office.now,
        "10 deliveries in a row were tried 8 times and never accepted.",
    ) == (row.disabled_at, row.disabled_reason)
    assert [("failed", None)] * 11 == [(one.state, one.next_run_at) for one in office.deliveries()]
    before = len(office.deliveries())
    office.upload(certificate_title="Unheard")
    assert before == len(office.deliveries())


def _last_try(office: Office) -> None:
    with office.database.write() as conn:
        conn.execute(sa.update(webhook_deliveries.delivery).values(tries=len(WAITS) - 1))


def test_one_acceptance_in_between_forgives(office: Office, there: Receiver) -> None:
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    make(office, 2 * MOST_GIVEN_UP)
    _last_try(office)
    waiting = office.deliveries()
    for status, count in ((500, MOST_GIVEN_UP - 1), (204, 1), (500, MOST_GIVEN_UP - 1)):
        there.statuses = [status]
        _only(office, [waiting.pop(0).id for _ in range(count)])
        office.send()

    row = office.found(endpoint_id)
    assert (MOST_GIVEN_UP - 1, None) == (row.given_up, row.disabled_at)


def _only(office: Office, ids: list[int]) -> None:
    """Let only these deliveries be due."""
    table = webhook_deliveries.delivery
    later = office.now + timedelta(hours=1)
    with office.database.write() as conn:
        waiting = sa.update(table).where(table.c.state == "waiting")
        conn.execute(waiting.values(next_run_at=later))
        conn.execute(waiting.where(table.c.id.in_(ids)).values(next_run_at=office.now))


def test_after_five_days_without_acceptance_an_endpoint_is_disabled(
    office: Office, there: Receiver
) -> None:
    there.statuses = [500]
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()
    office.now += LONGEST_FAILING - SECOND
    office.send()
    assert None is office.found(endpoint_id).disabled_at
    office.now += timedelta(minutes=10)
    office.send()

    row = office.found(endpoint_id)
    assert (office.now, "No delivery was accepted for 5 days.") == (
        row.disabled_at,
        row.disabled_reason,
    )
    assert ["failed"] == [one.state for one in office.deliveries()]


def test_an_enabled_endpoint_can_be_sent_what_it_missed(office: Office, there: Receiver) -> None:
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    make(office, 2)
    with office.database.write() as conn:
        webhook_deliveries.disable(conn, endpoint_id, reason="moving", now=office.now)
    office.send()
    assert [] == there.received
    (first, second) = office.deliveries()
    with (
        pytest.raises(webhook_deliveries.CannotResend, match="webhook enable"),
        office.database.write() as conn,
    ):
        webhook_deliveries.resend(conn, first.uuid, office.now)

    with office.database.write() as conn:
        endpoints.enable(conn, endpoint_id)
        assert 2 == webhook_deliveries.resend_failed(conn, endpoint_id, office.now)
    office.send()
    assert {first.uuid, second.uuid} == {one.headers["webhook-id"] for one in there.received}


def test_an_endpoint_disabled_while_it_is_being_sent_to_is_not_tried_again(
    office: Office, there: Receiver
) -> None:
    there.statuses = [500]
    there.open.clear()
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    office.upload()
    sender = office.sender()
    sender.run()
    with office.database.write() as conn:
        webhook_deliveries.disable(conn, endpoint_id, reason="moving", now=office.now)
    there.open.set()
    office.send(sender)

    assert [("failed", None)] == [(one.state, one.next_run_at) for one in office.deliveries()]
    assert "moving" == office.found(endpoint_id).disabled_reason


def test_a_delivery_can_be_sent_again_as_it_was(office: Office, there: Receiver) -> None:
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()
    (one,) = office.deliveries()
    with office.database.write() as conn:
        webhook_deliveries.resend(conn, one.uuid, office.now)
    office.send()

    first, second = there.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert [204, 204] == [one.status for one in office.attempts()]
    with (
        pytest.raises(webhook_deliveries.NoSuchDelivery, match="webhook deliveries"),
        office.database.write() as conn,
    ):
        webhook_deliveries.resend(conn, "nothing", office.now)


def test_a_delivery_on_its_way_is_sent_again_when_asked_for(
    office: Office, there: Receiver
) -> None:
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    there.open.clear()
    sender = office.sender()
    sender.run()
    eventually(lambda: there.received)
    (one,) = office.deliveries()
    with office.database.write() as conn:
        webhook_deliveries.resend(conn, one.uuid, office.now)
    there.open.set()
    office.send(sender)

    assert 2 == len(there.received)
    assert [("delivered", 1)] == [(one.state, one.tries) for one in office.deliveries()]


def test_two_workers_send_each_delivery_once(each_office: Office, there: Receiver) -> None:
    office = each_office
    office.endpoint(there.url, Event.CREATED)
    make(office, 30)
    senders = [office.sender(), office.sender()]
    threads = [threading.Thread(target=office.send, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    office.send()

    assert 30 == len({one.headers["webhook-id"] for one in there.received}) == len(there.received)


def test_whoever_lost_the_lease_changes_nothing(each_office: Office, there: Receiver) -> None:
    office = each_office
    there.statuses = [500, 204]
    there.open.clear()
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    first, second = (office.sender() for _ in range(2))
    first.run()
    eventually(lambda: there.received)
    office.now += LEASE
    second.run()
    eventually(lambda: len(there.received) == 2)
    there.open.set()
    office.send(second)
    office.send(first)

    (one,) = office.deliveries()
    assert 2 == one.fence
    assert [204, 500] == sorted(one.status for one in office.attempts())
    assert one.state in {"delivered", "waiting"}
    assert one.state == {204: "delivered", 500: "waiting"}[office.attempts()[1].status]


def test_a_lost_key_sends_nothing_and_loses_nothing(office: Office, there: Receiver) -> None:
    endpoint_id = office.endpoint(there.url, Event.CREATED)
    office.upload()
    right, office.keys = office.keys, Keys([new_key()])
    office.send()
    with pytest.raises(KeyProblem):
        endpoints.secrets_of(office.found(endpoint_id), office.keys)
    assert [("waiting", 0)] == [(one.state, one.tries) for one in office.deliveries()]

    office.keys = right
    office.send()
    assert ["delivered"] == [one.state for one in office.deliveries()]


def test_closing_saves_what_is_on_its_way(office: Office, there: Receiver) -> None:
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    sender = office.sender()
    assert sender.run() is True
    sender.close()

    assert ["delivered"] == [one.state for one in office.deliveries()]
