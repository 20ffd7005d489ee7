"""What the scripted vault tells by webhook: once at best; lost, doubled or untrue by the dice."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from tests.scripted_vault.kept import Kept

#: Of a hundred, how many are told so often; what is told twice may come out of order.
TIMES = ((0, 10), (1, 80), (2, 10))
UNTRUE_OF_100 = 10
AT_ONCE = 4
TIMEOUT_S = 3.0


class Hook:
    """Where a vault tells what has become of its certificates. Nothing is told again later."""

    def __init__(self, url: str, secret: str, *, seed: int | None) -> None:
        self._url, self._secret = url, secret.encode()
        self._dice = None if seed is None else random.Random(seed)  # noqa: S311  # not for secrets
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def tell(self, finished: Iterable[Kept]) -> None:
        """Tell of each of these, and do not wait for it."""
        for kept in finished:
            body = json.dumps(self._told(kept)).encode()
            for _ in range(self._times()):
                self._pool.submit(self._post, body)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown()

    def _times(self) -> int:
        if self._dice is None:
            return 1
        times, weights = zip(*TIMES, strict=True)
        found: int = self._dice.choices(times, weights)[0]
        return found

    def _told(self, kept: Kept) -> dict[str, str]:
        untrue = self._dice is not None and self._dice.randrange(100) < UNTRUE_OF_100
        return {
            "event": "certificate.processed",
            "uuid": kept.uuid,
            "applicant_email": kept.email,
            "reference_id": "VEC-IC-2026000000000000" if untrue else kept.reference_id,
            "status": "failed" if untrue else kept.status,
        }

    def _post(self, body: bytes) -> None:
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {"X-Webhook-Signature": signature, "Content-Type": "application/json"}
        with suppress(httpx.HTTPError):
            httpx.post(self._url, content=body, headers=headers, timeout=TIMEOUT_S, trust_env=False)
