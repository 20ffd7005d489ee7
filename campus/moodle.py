"""The stand-in as a whole: its settings, its state, and the switches that make it misbehave."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from campus.capabilities import MINIMAL_ROLE
from campus.state import State


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an administrator would have set up; fixed while it runs."""

    wwwroot: str  #: the site's own address, without a slash at the end
    ws_token: str = field(repr=False)  #: the web service token of the service user
    hook_url: str | None = None  #: where local_webhooks posts to; None: no webhook is set up
    hook_token: str = field(repr=False, default="")  #: stands in the webhook's body
    hook_extra: str = "vaultbridge"  #: local_webhooks' free text
    hook_content_type: str = "application/json"  #: or the form type; the body is JSON all the same
    max_input_vars: int = 1000  #: PHP's default
    control: bool = False  #: whether /campus/control answers at all


@dataclass(slots=True, kw_only=True)
class Switches:
    """What a test may change while it runs."""

    outage: str | None = None
    outage_calls: int | None = None  #: how many calls the outage still lasts; None: till ended
    latency: float = 0.0  #: seconds every web service call takes at least
    curl_security: bool = False  #: Moodle's default: private addresses and odd ports are blocked
    hook_url: str | None = None  #: where webhooks go instead, e.g. to a proxy that is broken
    hook_token: str | None = None  #: what an administrator has mistyped as the secret
    hook_off: bool = False  #: the plugin's service is switched off: nothing is sent, nothing logged
    hook_cut: bool = False  #: the sender dies in the middle of the body
    report_days: int = 2  #: how far back the report "completed recently" reaches
    audience: bool = True  #: whether the service user belongs to the reports' audience
    capabilities: frozenset[str] = MINIMAL_ROLE
    functions_off: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Moodle:
    """One stand-in Moodle."""

    settings: Settings
    state: State
    now: Callable[[], datetime] = utc_now
    switches: Switches = field(default_factory=Switches)
    #: (assignment, person) whose very first comment is being saved at this moment
    first_saves: set[tuple[int, int]] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)  #: of the web service, by function
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, function: str) -> None:
        """Note that a function of the web service was called."""
        with self._lock:
            self.calls[function] += 1

    def time(self) -> int:
        """The present moment as Moodle stores it: seconds since 1970."""
        return int(self.now().timestamp())

    def can(self, capability: str) -> bool:
        """Whether the service user's role allows this."""
        return capability in self.switches.capabilities

    def dawdle(self) -> None:
        """Take as long as the latency switch says."""
        if self.switches.latency:
            time.sleep(self.switches.latency)

    def begin_first_save(self, key: tuple[int, int]) -> bool:
        """Note that a first comment is being saved; False if another request is at it."""
        with self._lock:
            if key in self.first_saves:
                return False
            self.first_saves.add(key)
            return True

    def take_outage(self) -> str | None:
        """Return the outage that this call meets, and count it."""
        with self._lock:
            mode = self.switches.outage
            if mode is not None and self.switches.outage_calls is not None:
                self.switches.outage_calls -= 1
                if self.switches.outage_calls <= 0:
                    self.switches.outage = self.switches.outage_calls = None
            return mode
