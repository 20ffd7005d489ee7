"""Every crash point there is, and the run that comes by it; and what the source says there is."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

from bridge.pipeline.correcting import Asked
from bridge.store import corrections, replays, tables
from bridge.store.states import CorrectionState, MappingState
from campus.people import FIRST_AID, LIFESAVING, TEMPLATE, WATER_SAFETY
from tests.faults.stage import MAPPING, SITE, WS_TOKEN, Stage
from tests.faults.vault_stage import VaultStage
from tests.processes import ROOT
from tests.scripted_vault import TOKEN, answers, cut, lost_reply

EMMA, SEAN, ZOE = 12, 7, 11


def alone(stage: Stage) -> None:
    """One learner completes one course."""
    stage.complete(WATER_SAFETY, EMMA)


def many(stage: Stage) -> None:
    """Two learners, in two courses."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.complete(LIFESAVING, ZOE)


def set_aside(stage: Stage) -> None:
    """Beside a learner's completion comes one of another Moodle."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.deliveries["foreign"] = stage.deliveries[f"{WATER_SAFETY}:{EMMA}"].replace(
        '"host":"127.0.0.1"', '"host":"staging.example.edu"'
    )


def owned(stage: Stage) -> None:
    """The site's owner is told of what was set aside."""
    set_aside(stage)
    stage.own("owner@example.edu")


def mailed(stage: Stage) -> None:
    """A learner asks for the links again."""
    stage.complete(WATER_SAFETY, SEAN)
    stage.mails.append(stage.email(SEAN))


def lost(stage: Stage) -> None:
    """The vault makes a certificate, and nobody hears of it."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.vault.then("upload", lost_reply)


def unheard(stage: Stage) -> None:
    """The vault never gets to see what was sent."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.vault.then("upload", cut)


def lost_bulk(stage: Stage) -> None:
    """The vault takes a bulk upload in, and nobody hears of it."""
    many(stage)
    stage.vault.then("bulk", lost_reply)


def dropped(stage: Stage) -> None:
    """The vault takes a bulk upload in, and loses one entry of it."""
    many(stage)
    stage.vault.drops = {stage.email(ZOE)}


def failed(stage: Stage) -> None:
    """The vault fails to process a certificate, the first time."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.vault.outcomes.append("failed")


def never_told(stage: Stage) -> None:
    """A learner's webhook never comes; an hour later the site is reconciled, and mends."""
    name = stage.complete(WATER_SAFETY, EMMA)
    del stage.deliveries[name]
    stage.reconcile_in(timedelta(hours=1))


def spoken_of(stage: Stage) -> None:
    """The vault tells by webhook what has become of a certificate."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.vault_tells = True


def withdrawn(stage: Stage) -> None:
    """A certificate that stands in the gradebook is revoked; then the site is reconciled."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.live()
    stage.vault.only.status = "revoked"
    stage.retold[EMMA] += 1
    stage.reconcile_in(timedelta(hours=1))


def made_by_moodle(stage: Stage) -> None:
    """The certificate's file is the one that Moodle makes."""
    stage.map_by(f"{MAPPING}certificate: {{from: lms}}\n")
    stage.set_site(customcert_name="*")
    stage.make_files(WATER_SAFETY, EMMA)
    stage.complete(WATER_SAFETY, EMMA)


def revoked_at_once(stage: Stage) -> None:
    """The vault has made a certificate and revoked it by the time it is asked."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.vault.outcomes.append("revoked")


def of(step: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{step}.{name}" for name in names)


#: Of the bridge: what each run comes by. A point may lie on several ways.
BRIDGE: Mapping[Callable[[Stage], None], tuple[str, ...]] = {
    alone: (
        *of("receive", "verified", "storing", "stored", "rung"),
        *of("files", "freezing", "frozen"),
        *of("single", "intending", "intended", "sent", "concluding", "concluded"),
        *of("follow", "claimed", "told", "settling", "settled"),
        *of("write_back", "claimed", "intending", "intended", "sent", "noting", "noted"),
        *of("write_back", "seen", "ending", "ended"),
        *of("write_back", "looked", "keeping", "kept"),
    ),
    many: (
        *of("normalise", "claimed", "read", "taking", "taken"),
        *of("complete", "claimed", "enriched", "settling", "settled", "rung"),
        "issue.claimed",
        *of("bulk", "uploaded", "filing", "filed", "intending", "intended", "sent"),
        *of("bulk", "concluding", "concluded"),
    ),
    lost: of("adopt", "looked", "concluding", "concluded"),
    unheard: ("adopt.concluded", "single.sent"),
    lost_bulk: ("bulk.sent", "adopt.concluding"),
    dropped: ("follow.settling", "follow.settled", "adopt.looked", "single.sent"),
    failed: of("vault_retry", "intended", "sent", "concluding", "concluded"),
    set_aside: of("normalise", "setting_aside", "set_aside"),
    never_told: (
        *of("reconcile", "claimed", "seeing", "seen", "going_on", "gone_on"),
        *of("reconcile", "mending", "mended", "ending", "ended"),
    ),
    spoken_of: of("hear", "waking", "woken"),
    made_by_moodle: of("fetch", "fetched", "settling", "settled"),
    withdrawn: of("reconcile", "believing", "believed"),
    owned: of("telling", "deciding", "decided", "claimed", "sent", "ending", "ended"),
    mailed: (
        *of("lost_link", "storing", "stored"),
        *of("mail", "claimed", "delivered", "ending", "ended"),
    ),
}


def held(stage: Stage) -> None:
    """Three completions are held for a mapping's mistake; it is mended, and they are replayed."""
    stage.map_by(MAPPING.replace("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    many(stage)
    stage.complete(WATER_SAFETY, SEAN)
    stage.live()
    stage.map_by(MAPPING)
    stage.command = ["replay", "--site", SITE]


def carried_on(stage: Stage) -> None:
    """As before, and the replay is begun on the console: a worker works it off."""
    held(stage)
    stage.command = []
    with stage.database.write() as conn:
        replays.add(
            conn,
            who="alice",
            reason="mended",
            selection={"site": SITE},
            mapping="current",
            selected=3,
            now=stage.moment,
            next_run_at=stage.moment,
        )


def no_differences(stage: Stage) -> None:
    """Two deliveries of another Moodle are set aside and found; a person says that this is well."""
    set_aside(stage)
    stage.deliveries["foreign too"] = stage.deliveries["foreign"].replace("staging", "testing")
    stage.live()
    stage.command = ["reconcile", "--site", SITE]
    stage.live()
    found = [row.id for row in stage.rows(tables.difference)]
    assert len(found) == 2
    stage.command = ["dismiss", *found, "--reason", "copies"]


def unmatched(stage: Stage) -> None:
    """No mapping wants what was completed; one that does is added, and it is taken up."""
    stage.map_by(MAPPING.replace('course: "*"', 'course: "BIO-*"'))
    many(stage)
    stage.live()
    stage.map_by(MAPPING)
    stage.command = ["mappings", "take-up"]


def asked_about(stage: Stage) -> None:
    """A learner's webhook never came; a person has the site reconciled and mended."""
    del stage.deliveries[stage.complete(WATER_SAFETY, EMMA)]
    stage.set_site(completions_report_id="2")
    stage.moment += timedelta(hours=1)
    stage.command = ["reconcile", "--site", SITE, "--since", "1d", "--fix"]


def shut_out(stage: Stage) -> None:
    """The vault does not take the token any more; a person enters another."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.vault.then("upload", answers(401))
    stage.live()
    stage.command = ["issuer", "rotate", "main", "--secret", stage.secret("token", TOKEN)]


def turned_away(stage: Stage) -> None:
    """The LMS does not take the token; a person enters another."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.misremember("forgotten")
    stage.live(patience=timedelta(0))
    stage.command = ["site", "rotate", SITE, "--secret", stage.secret("token", WS_TOKEN)]


def without_a_place(stage: Stage) -> None:
    """A course has no place for certificates; a person has one made."""
    stage.set_site(template_course_id=str(TEMPLATE))
    stage.complete(FIRST_AID, EMMA)
    stage.live()
    stage.command = ["site", "courses", SITE, "--create"]


def rehearsed(stage: Stage) -> None:
    """A mapping is rehearsed; while a third completion comes, a person releases what waits."""
    stage.map_by(MAPPING + "# anew", MappingState.REHEARSAL)
    many(stage)
    stage.live()
    stage.complete(WATER_SAFETY, SEAN)
    (hold,) = stage.rows(tables.hold)
    stage.command = ["release", hold.id, "--reason", "looks right"]


def chosen(stage: Stage) -> None:
    """A mapping is rehearsed; a person releases each by its name."""
    stage.map_by(MAPPING + "# anew", MappingState.REHEARSAL)
    many(stage)
    stage.live()
    (hold,) = stage.rows(tables.hold)
    stage.command = ["release", hold.id, *(row.id for row in stage.rows(tables.issuance))]


def rejected(stage: Stage) -> None:
    """A mapping is rehearsed; a person discards what waits."""
    rehearsed(stage)
    stage.command[0] = "discard"


#: Of what is begun on the console and worked off by a worker.
CARRIED_ON = of("replay", "claimed", "setting_going", "ended")

#: Of commands that change more than one thing: what each run comes by.
COMMANDS: Mapping[Callable[[Stage], None], tuple[str, ...]] = {
    held: of("replay", "beginning", "begun", "setting_going", "set_going", "ending", "ended"),
    unmatched: of("earlier", "taking_up", "taken_up"),
    rehearsed: (
        *of("proofs", "claimed", "keeping", "kept"),
        *of("release", "beginning", "begun", "deciding", "decided"),
    ),
    chosen: of("release", "deciding", "ending", "ended"),
    asked_about: of("reconcile", "beginning", "begun"),
    no_differences: of("reconcile", "dismissing", "dismissed"),
    shut_out: (*of("issuer", "rotating", "rotated"), *of("replay", "resuming", "resumed")),
    turned_away: of("site", "rotating", "rotated", "waking", "woken"),
    without_a_place: of("site", "created", "noting", "noted"),
}


def _issued(stage: Stage) -> str:
    """A certificate stands in the gradebook, at a vault that can revoke; its issuance's id."""
    alone(stage)
    stage.vault.revokes = True
    stage.live()
    stage.retold[EMMA] += 1
    return str(stage.rows(tables.issuance)[0].id)


def misspelt(stage: Stage) -> None:
    """A name is corrected: both certificates have one key, so the older one is revoked first."""
    stage.command = ["correct", _issued(stage), "--full-name", "Emma Right", *WHY]


def misaddressed(stage: Stage) -> None:
    """An address is corrected: the newer certificate comes first."""
    stage.command = ["correct", _issued(stage), "--email", "right@example.edu", *WHY]


def approved(stage: Stage) -> None:
    """A correction that somebody has asked for is approved by another person."""
    asked = Asked(issuance=_issued(stage), changes={"full_name": "Emma Right"})
    with stage.database.write() as conn:
        row_id = corrections.add(
            conn,
            who="alice",
            reason="misspelt",
            what=asked.packed(),
            state=CorrectionState.ASKED,
            selected=1,
            now=stage.moment,
        )
    stage.command = ["correct", "--approve", row_id, "--as", "bea", "--yes"]


WHY = ("--reason", "misspelt", "--yes")
#: Of corrections: what each run comes by, of the command and of the steps that follow it.
CORRECTIONS: Mapping[Callable[[Stage], None], tuple[str, ...]] = {
    misspelt: (
        *of("correct", "beginning", "begun", "replacing", "replaced", "ending", "ended"),
        *of("revoke", "claimed", "intending", "intended", "sent", "concluding", "concluded"),
        *of("single", "sent", "concluded"),
        *of("follow", "settling", "settled"),
        *of("write_back", "sent"),
    ),
    misaddressed: (
        *of("correct", "replacing", "replaced"),
        *of("revoke", "sent", "concluding", "concluded"),
        *of("single", "sent"),
        *of("follow", "settling", "settled"),
    ),
    approved: of("correct", "deciding", "decided", "replaced"),
}


def asked_to_erase(stage: Stage) -> None:
    """All that is kept of a learner is erased, here and at the vault."""
    _issued(stage)
    stage.vault.erases = True
    whose = ("--site", SITE, "--learner", str(EMMA))
    stage.command = ["learner", "erase", *whose, "--reason", "asked for it", "--yes"]


#: Of erasing: what the run comes by, of the command and of the steps that follow it.
ERASURES: Mapping[Callable[[Stage], None], tuple[str, ...]] = {
    asked_to_erase: (
        *of("erasing", "forgetting", "forgotten"),
        *of("erase", "claimed", "intending", "intended", "sent", "concluding", "concluded"),
        *of("erase", "searching", "blanking", "blanked"),
    ),
}


def upload(stage: VaultStage) -> None:
    """A single upload."""
    stage.single += ["First"]


def batch(stage: VaultStage) -> None:
    """A bulk upload of two."""
    stage.batch += ["First", "Second"]


def retry(stage: VaultStage) -> None:
    """What was uploaded before has failed, and is retried."""
    stage.single += ["First"]
    stage.live()
    stage.fail_all()
    stage.retries = True


#: Of our vault.
VAULT: Mapping[Callable[[VaultStage], None], tuple[str, ...]] = {
    upload: (
        *of("intake", "kept", "adding", "added", "rung"),
        *of("notices", "claimed", "posted", "ending", "ended"),
        *of("webhooks", "sent", "saving", "saved"),
    ),
    batch: (
        *of("intake", "adding_ahead", "added_ahead", "adding_batch", "added_batch"),
        *of("processing", "taken", "made", "kept", "saving", "saved"),
        *of("sweep", "claimed", "swept"),
    ),
    retry: of("intake", "retrying", "retried"),
}

#: Of every process, whatever it does: tests of real ones come by them.
RUNTIME = (
    *of("clock", "looked", "rung"),
    *of("worker", "dequeued", "woken", "worked", "ringing"),
)

#: Of the clock's purging: tests/bridge/pipeline/test_purge.py comes by them.
PURGE = of("purge", "purging", "purged")

#: Of copying a database and putting a copy back: tests/faults/test_copy_points.py comes by them.
COPIES = of("on_disk", "begun", "filled", "named")
RESTORE = {
    "sqlite": of("restore", "prepared", "set_aside", "put"),
    "postgresql": of("restore", "marked", "loaded", "prepared"),
}

#: Of bringing the schema up to date: tests/faults/test_schema_points.py comes by them.
SCHEMA = of("schema", "migrating", "migrated")

#: Of setting up an installation: tests/faults/test_up_points.py comes by them.
UP = of("up", "token_made", "issuer_added", "vault_told", "vault_known", "kept")

#: Of a request to the API that is sent again: tests/bridge/api/test_once.py comes by them.
ONCE = of("once", "taken", "done")

#: Of a command that is run again by hand: tests/vault/export comes by them.
EXPORT = of("export", "copied", "recorded", "closing")

#: Where they stand; tests' own points are none.
PARTS = ("runtime", "connectors", "mappings", "bridge", "vault")


def in_source() -> Counter[str]:
    """The names in every call of ``crashpoint``, with how often each stands there."""
    found: Counter[str] = Counter()
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            found.update(_named(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _named(tree: ast.AST) -> list[str]:
    return [
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crashpoint"
    ]
