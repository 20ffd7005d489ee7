"""The bridge's settings: what there is, what it is for, read once from the environment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma

from bridge.addresses import problem_with
from bridge.grants import Grant, NotAGrant
from mappings.locales import zone_problem
from runtime.settings import CommaList, read

PREFIX = "BRIDGE_"


def _about(help_text: str, example: str, *, secret: bool = False) -> dict[str, object]:
    return {"help": help_text, "example": example, "secret": secret}


class Seconds(ma.fields.Field[timedelta]):
    """A duration in seconds, greater than nothing."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> timedelta:
        try:
            seconds = float(value)
        except ValueError as exc:
            raise ma.ValidationError("is not a number of seconds") from exc
        if not 0 < seconds <= 366 * 86_400:
            raise ma.ValidationError("is not between 0 and a year")
        return timedelta(seconds=seconds)


class Owners(CommaList):
    """Mail addresses and chats' addresses, written as ``a,b``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> tuple[str, ...]:
        addresses = super()._deserialize(value, attr, data, **options)
        for problem in filter(None, map(problem_with, addresses)):
            raise ma.ValidationError(f"holds no address: {problem}")
        return addresses


class Grants(ma.fields.Field[tuple[Grant, ...]]):
    """Grants written as ``a;b``: names of directories hold commas."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> tuple[Grant, ...]:
        try:
            return tuple(Grant.read(part.strip()) for part in value.split(";") if part.strip())
        except NotAGrant as exc:
            raise ma.ValidationError(f"cannot be read: {exc}") from exc


def _is_zone(name: str) -> None:
    if problem := zone_problem(name):
        raise ma.ValidationError(problem)


def _duration(seconds: float, help_text: str) -> Seconds:
    return Seconds(
        load_default=timedelta(seconds=seconds),
        metadata=_about(help_text, f"{seconds:.12g}"),
    )


def _days(days: int, help_text: str) -> ma.fields.Integer:
    return ma.fields.Integer(
        load_default=days,
        validate=ma.validate.Range(0, 36_500),
        metadata=_about(help_text, str(days or 1095)),
    )


class SettingsSchema(ma.Schema):
    """Every setting of the bridge, once: validation, ``vaultbridge settings``, the docs."""

    database_url = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(
            r"^(sqlite|postgresql)://", error="begins with neither sqlite:// nor postgresql://"
        ),
        metadata=_about(
            "where the bridge keeps its rows.",
            "postgresql://bridge:secret@db.example.edu/bridge",
            secret=True,
        ),
    )
    redis_url = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(
            r"^(redis|rediss|unix)://", error="begins with none of redis://, rediss://, unix://"
        ),
        metadata=_about(
            "the Redis or Valkey that carries the bells, reachable by our processes alone.",
            "unix:///run/vaultbridge/redis.sock",
            secret=True,
        ),
    )
    key_file = ma.fields.String(
        required=True,
        metadata=_about(
            "the file with the keys that secrets are encrypted with, newest first.",
            "/etc/vaultbridge/secret.key",
        ),
    )
    public_url = ma.fields.URL(
        required=True,
        require_tld=False,
        schemes={"http", "https"},
        metadata=_about(
            "the address that learners and LMSs reach the bridge at.", "https://certs.example.edu"
        ),
    )
    host = ma.fields.String(
        load_default="127.0.0.1", metadata=_about("the address to listen on.", "127.0.0.1")
    )
    port = ma.fields.Integer(
        load_default=8000,
        validate=ma.validate.Range(1, 65535),
        metadata=_about("the port to listen on.", "8000"),
    )
    web_workers = ma.fields.Integer(
        load_default=1,
        validate=ma.validate.Range(1, 64),
        metadata=_about("how many web processes; on SQLite only 1.", "2"),
    )
    trusted_proxies = ma.fields.Integer(
        load_default=0,
        validate=ma.validate.Range(0, 5),
        metadata=_about(
            "how many reverse proxies stand before the bridge and set X-Forwarded-For.", "1"
        ),
    )
    allowed_private_hosts = CommaList(
        load_default=(),
        metadata=_about(
            "hosts (or host:port) inside your network that the bridge may call.",
            "moodle.internal,127.0.0.1:8001",
        ),
    )
    timezone = ma.fields.String(
        load_default="UTC",
        validate=_is_zone,
        metadata=_about(
            "the time zone in which the day of a completion is counted where neither the LMS nor "
            "the site (`vaultbridge site set NAME --timezone ZONE`) says one.",
            "Asia/Dubai",
        ),
    )
    backup_dir = ma.fields.String(
        load_default=None,
        metadata=_about(
            "the folder for the copy of an SQLite database made before an upgrade.",
            "/var/backups/vaultbridge",
        ),
    )
    templates_dir = ma.fields.String(
        load_default=None,
        metadata=_about(
            "the folder of your own certificate templates; see `vaultbridge templates`.",
            "/etc/vaultbridge/templates",
        ),
    )
    cache_dir = ma.fields.String(
        load_default=None,
        metadata=_about("a private folder for unpacked fonts.", "/var/cache/vaultbridge"),
    )
    mail_server = ma.fields.String(
        load_default=None,
        validate=ma.validate.Regexp(
            r"^smtps?://", error="begins with neither smtp:// nor smtps://"
        ),
        metadata=_about(
            "the server for mail: new links to learners, who get none without it, and notices to "
            "owners.",
            "smtp://user:password@mail.example.edu:587",
            secret=True,
        ),
    )
    mail_from = ma.fields.Email(
        load_default=None,
        metadata=_about("the sender of these mails.", "certificates@example.edu"),
    )
    mail_folder = ma.fields.String(
        load_default=None,
        metadata=_about(
            "the private folder for mails to owners where no server is set; by default the folder "
            "mail beside BRIDGE_KEY_FILE.",
            "/var/lib/vaultbridge/mail",
        ),
    )
    operator = Owners(
        load_default=(),
        metadata=_about(
            "who is told of trouble that no owner of a site or an issuer is told of: mail "
            "addresses, or addresses of chats' incoming webhooks.",
            "admins@example.edu,https://chat.example.edu/hooks/abc",
            secret=True,
        ),
    )
    tell = _duration(60, "how often the clock looks for what owners are to be told, in seconds.")
    tell_again = _duration(86_400, "how often an owner is told of what stands, in seconds.")
    tell_patience = _duration(
        3600, "how long trouble that may mend itself lasts before it is told, in seconds."
    )
    silence = _duration(
        86_400, "how long a busy site must be silent before its owner is told, in seconds."
    )
    metrics_token = ma.fields.String(
        load_default=None,
        validate=ma.validate.Length(min=16),
        metadata=_about(
            "who sends this as `Authorization: Bearer …` may read /metrics; without it, whoever "
            "asks from this machine.",
            "a long random text",
            secret=True,
        ),
    )
    lease = _duration(150, "how long a worker may hold a row, in seconds.")
    quiet_period = _duration(
        120, "how long to wait before asking a vault what became of a call without an answer."
    )
    vault_deadline = _duration(60, "how long one call to a vault may take, in seconds.")
    lms_deadline = _duration(60, "how long one call to an LMS may take, in seconds.")
    bulk_chunk = ma.fields.Integer(
        load_default=100,
        validate=ma.validate.Range(1, 1000),
        metadata=_about(
            "how many certificates go to a vault in one bulk upload at most; with 1, each singly.",
            "100",
        ),
    )
    brake_least = ma.fields.Integer(
        load_default=20,
        validate=ma.validate.Range(1, 1_000_000),
        metadata=_about(
            "so many completions of a course in one day are never too many.",
            "500",
        ),
    )
    brake_factor = ma.fields.Float(
        load_default=2.0,
        validate=ma.validate.Range(1, 1000),
        metadata=_about(
            "nor are so many times those who are enrolled, or ever completed it in a day.",
            "1.5",
        ),
    )
    uploads_at_once = ma.fields.Integer(
        load_default=4,
        validate=ma.validate.Range(1, 32),
        metadata=_about("how many files one worker uploads to a vault side by side.", "4"),
    )
    file_id_lifetime = _duration(
        3600, "how long a file uploaded ahead of its bulk entry is counted on, in seconds."
    )
    appear_within = _duration(
        900, "how long an entry of a bulk upload may take to be in the vault's list, in seconds."
    )
    vault_slow = _duration(
        259_200, "how long a vault may process a certificate before a person is told, in seconds."
    )
    sweep = _duration(5, "how often the clock looks for work whose time has come, in seconds.")
    poll_first = _duration(5, "the first wait before a vault is asked for a status, in seconds.")
    poll_longest = _duration(3600, "the longest wait between two such questions, in seconds.")
    retry_first = _duration(10, "the first wait after a failed call, in seconds; then it doubles.")
    retry_longest = _duration(3600, "the longest wait after a failed call, in seconds.")
    keep_deliveries_days = _days(
        365, "how long webhooks are kept as they came, once they were read, in days; 0: for ever."
    )
    keep_answers_days = _days(
        730, "how long the words that vaults answered are kept, in days; 0: for ever."
    )
    keep_files_days = _days(
        0,
        "how long certificates' files are kept here, in days; 0: for ever. Learners' downloads "
        "come from the vault.",
    )
    file_within = _duration(
        604_800,
        "how long an LMS is asked for a certificate file that it has not made yet, in seconds.",
    )
    reconcile = _duration(
        900, "how often each site is compared with its LMS, vault and gradebook, in seconds."
    )
    reconcile_since = _duration(
        2_592_000, "how far back that looks, in seconds; thirty days unless said otherwise."
    )
    reconcile_grace = _duration(
        300, "how long a webhook may take before its completion is called missing, in seconds."
    )
    reconcile_stuck = _duration(
        3600, "how long a row may be on its way before that is called a difference, in seconds."
    )
    reconcile_revoked = _duration(
        86_400,
        "how often that reads a vault's whole list of revoked certificates, in seconds; whoever "
        "asks by hand always has it read.",
    )
    corrections_approved_by_two = ma.fields.Boolean(
        load_default=False,
        metadata=_about("whether a second person must approve each correction.", "true"),
    )
    corrections_at_most = ma.fields.Integer(
        load_default=500,
        validate=ma.validate.Range(1),
        metadata=_about(
            "how many certificates are corrected at once, unless more are named.", "500"
        ),
    )
    look_again_hour = ma.fields.Integer(
        load_default=2,
        validate=ma.validate.Range(0, 23),
        metadata=_about(
            "the hour, in BRIDGE_TIMEZONE, from which what is held for missing data is looked up "
            "in its LMS again, each night once.",
            "3",
        ),
    )
    look_again_for = _duration(
        15_552_000,
        "how long that is done, in seconds; 180 days unless said otherwise. Then it stays held.",
    )
    gradebook_look = _duration(
        86_400, "how often what stands in a gradebook is compared with what must, in seconds."
    )
    download_expires = _duration(
        3600, "how long the address that a learner's download button makes is good, in seconds."
    )

    oidc_issuer = ma.fields.URL(
        load_default=None,
        require_tld=False,
        schemes={"http", "https"},
        metadata=_about(
            "the OpenID Connect issuer of the institution's sign-in, as its discovery document "
            "spells it; without one people sign in by password alone. See docs/console.md.",
            "https://login.example.edu/realms/staff",
        ),
    )
    oidc_client_id = ma.fields.String(
        load_default=None,
        metadata=_about("the client's id there.", "vaultbridge"),
    )
    oidc_client_secret = ma.fields.String(
        load_default=None,
        metadata=_about(
            "the client's secret there; none for a public client.", "a-long-secret", secret=True
        ),
    )
    oidc_name = ma.fields.String(
        load_default="the institution",
        validate=ma.validate.Length(1, 60),
        metadata=_about("what stands on the button, after `Sign in with`.", "Example University"),
    )
    oidc_scopes = ma.fields.String(
        load_default="openid email profile",
        validate=ma.validate.Regexp(r"^(.* )?openid( .*)?$", error="does not hold openid"),
        metadata=_about("the scopes that are asked for.", "openid email profile groups"),
    )
    oidc_role_claim = ma.fields.String(
        load_default="groups",
        validate=ma.validate.Length(1),
        metadata=_about(
            "the claim that says what somebody may do; dots lead into objects.",
            "realm_access.roles",
        ),
    )
    oidc_roles = Grants(
        load_default=(),
        metadata=_about(
            "which value of that claim gives which role (viewer, support, admin), and to which "
            "issuers, sites and courses it is limited; the first that somebody has counts.",
            "vaultbridge-admins=admin;bio-office=support site:moodle-bio;bio-201=viewer "
            "course:moodle-bio/201",
        ),
    )
    oidc_unknown = ma.fields.String(
        load_default="create",
        validate=ma.validate.OneOf(("create", "refuse"), error="is neither create nor refuse"),
        metadata=_about(
            "what becomes of somebody whom the console does not know yet and whose claim gives a "
            "role: create, or refuse unless an admin has invited their address.",
            "refuse",
        ),
    )
    oidc_trust_email = ma.fields.Boolean(
        load_default=False,
        metadata=_about(
            "whether an address counts as verified where the issuer does not say whether it is "
            "(Entra ID does not); one that is said not to be never does.",
            "true",
        ),
    )
    api_requests_per_minute = ma.fields.Integer(
        load_default=600,
        validate=ma.validate.Range(1, 1_000_000),
        metadata=_about(
            "how many requests a minute one token may make of one web process' API.", "600"
        ),
    )

    @ma.validates_schema
    def _fits(self, data: dict[str, Any], **_: Any) -> None:
        if data["database_url"].startswith("sqlite") and data["web_workers"] > 1:
            raise ma.ValidationError(
                "BRIDGE_WEB_WORKERS: SQLite takes one web process. Set it to 1 or use PostgreSQL."
            )
        if data["lease"] <= max(data["vault_deadline"], data["lms_deadline"]):
            raise ma.ValidationError(
                "BRIDGE_LEASE: it must be longer than BRIDGE_VAULT_DEADLINE and "
                "BRIDGE_LMS_DEADLINE, or a call could outlive the right to make it."
            )
        if bool(data["mail_server"]) != bool(data["mail_from"]):
            raise ma.ValidationError(
                "BRIDGE_MAIL_SERVER and BRIDGE_MAIL_FROM: set both, or neither."
            )

    @ma.validates_schema
    def _fits_sign_in(self, data: dict[str, Any], **_: Any) -> None:
        needed = ("oidc_issuer", "oidc_client_id", "oidc_roles")
        given = [bool(data[name]) for name in needed]
        if any(given) and not all(given):
            raise ma.ValidationError(
                "BRIDGE_OIDC_ISSUER, BRIDGE_OIDC_CLIENT_ID and BRIDGE_OIDC_ROLES: set all of them, "
                "or none. Without roles nobody could come in by it."
            )
        if data["oidc_issuer"] and not _is_guarded(data):
            raise ma.ValidationError(
                "BRIDGE_OIDC_ISSUER: it must begin with https://; only a host that stands in "
                "BRIDGE_ALLOWED_PRIVATE_HOSTS may do without."
            )


def _is_guarded(data: Mapping[str, Any]) -> bool:
    """Whether nobody on the way can speak for the issuer."""
    parts = urlsplit(data["oidc_issuer"])
    allowed = set(data["allowed_private_hosts"])
    return parts.scheme == "https" or not allowed.isdisjoint({parts.hostname, parts.netloc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; meanings stand in `SettingsSchema`."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    key_file: Path
    public_url: str
    host: str
    port: int
    web_workers: int
    trusted_proxies: int
    allowed_private_hosts: tuple[str, ...]
    timezone: str
    backup_dir: Path | None
    templates_dir: Path | None
    cache_dir: Path
    mail_server: str | None = field(repr=False)
    mail_from: str | None
    mail_folder: Path
    operator: tuple[str, ...] = field(repr=False)
    metrics_token: str | None = field(repr=False)
    tell: timedelta
    tell_again: timedelta
    tell_patience: timedelta
    silence: timedelta
    lease: timedelta
    quiet_period: timedelta
    vault_deadline: timedelta
    lms_deadline: timedelta
    bulk_chunk: int
    brake_least: int
    brake_factor: float
    uploads_at_once: int
    file_id_lifetime: timedelta
    appear_within: timedelta
    vault_slow: timedelta
    sweep: timedelta
    poll_first: timedelta
    poll_longest: timedelta
    retry_first: timedelta
    retry_longest: timedelta
    keep_deliveries_days: int
    keep_answers_days: int
    keep_files_days: int
    file_within: timedelta
    reconcile: timedelta
    reconcile_since: timedelta
    reconcile_grace: timedelta
    reconcile_stuck: timedelta
    reconcile_revoked: timedelta
    corrections_approved_by_two: bool
    corrections_at_most: int
    look_again_hour: int
    look_again_for: timedelta
    gradebook_look: timedelta
    download_expires: timedelta
    oidc_issuer: str | None
    oidc_client_id: str | None
    oidc_client_secret: str | None = field(repr=False)
    oidc_name: str
    oidc_scopes: str
    oidc_role_claim: str
    oidc_roles: tuple[Grant, ...]
    oidc_unknown: str
    oidc_trust_email: bool
    api_requests_per_minute: int


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises runtime.settings.SettingsError naming every mistake."""
    values = read(SettingsSchema(), prefix=PREFIX, environ=environ)
    values["public_url"] = values["public_url"].rstrip("/")
    values["key_file"] = Path(values["key_file"])
    values["backup_dir"] = Path(values["backup_dir"]) if values["backup_dir"] else None
    values["templates_dir"] = Path(values["templates_dir"]) if values["templates_dir"] else None
    beside = values["key_file"].with_name("mail")
    values["mail_folder"] = Path(values["mail_folder"]) if values["mail_folder"] else beside
    values["cache_dir"] = Path(
        values["cache_dir"] or Path(tempfile.gettempdir()) / "vaultbridge-cache"
    )
    return Settings(**values)
