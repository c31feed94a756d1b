"""Troubles with the hub: those that pass are waited for, with growing pauses; the others become errors for people."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

from mqwen.errors import Cancelled, DownloadError, MqwenError

ATTEMPTS = 7  # in a row without a byte: with the pauses below, a minute
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_PATIENCE_S = 600.0  # a server that asks for more than this is not waited for
_LOOK_EVERY_S = 0.1  # how soon a wait notices that it is cancelled
_PASSING = (408, 425, 429, 500, 502, 503, 504)

Asked: TypeAlias = Callable[[], bool]
Result = TypeVar("Result")


class Interrupted(Exception):
    """A trouble that may pass."""


def patiently(
    attempt: Callable[[], Result],
    what: str,
    *,
    waiting: Callable[[str], None],
    cancelled: Asked,
    attempts: int = ATTEMPTS,
    gained: Callable[[], int] = lambda: 0,
) -> Result:
    """Do something with the hub, again after troubles that pass, with growing pauses; return what it returns.

    Args:
        what: the repository or file, for errors.
        attempts: how many in a row may fail without any gain.
        gained: a number that grows when there is a gain.

    Raises:
        Cancelled, DownloadError: see fetch().
    """
    failures, before = 0, gained()
    while True:
        try:
            return attempt()
        except MqwenError:
            raise
        except Exception as error:
            trouble, asked_s = _passing(error, what)
            failures = 1 if gained() > before else failures + 1
            before = gained()
            if failures >= attempts:
                hint = "Check the connection; the same command goes on from here."
                raise DownloadError(trouble, path=what, hint=hint) from error
            pause = min(_FIRST_WAIT_S * 2 ** (failures - 1), _LONGEST_WAIT_S) * random.uniform(0.8, 1.2)
            if asked_s is not None:
                if asked_s > _PATIENCE_S:
                    hint = "Start the same command then; it goes on from here."
                    late = f"{trouble}; again in {asked_s / 60:.0f} minutes"
                    raise DownloadError(late, path=what, hint=hint) from error
                pause = asked_s
            waiting(f"{trouble}; again in {pause:.0f} s")
            _wait(pause, cancelled)


def _passing(error: Exception, what: str) -> tuple[str, float | None]:
    """Return what is wrong for the moment, and how many seconds the server asks to wait.

    Raises:
        DownloadError: it will not pass by itself. `error`, if it is not the network's or the hub's.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, Interrupted):
        return str(error), None
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in _PASSING:
            return _PLAIN.get(status, f"the hub has a fault (HTTP {status})"), _asked_wait(error.response.headers)
        raise _refusal(error, what) from error
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        hint = "Check HF_ENDPOINT and the proxy settings (HTTPS_PROXY)."
        raise DownloadError(f"the hub's address is wrong ({error})", path=what, hint=hint) from error
    if isinstance(error, httpx2.TimeoutException):
        return "the hub does not answer", None
    if isinstance(error, httpx2.ProxyError):
        return f"the proxy does not let the download through ({error})", None
    if isinstance(error, httpx2.ConnectError):
        return "there is no connection to the hub", None
    if isinstance(error, httpx2.HTTPError):
        return "the connection broke", None
    raise error


_PLAIN = {408: "the hub waited too long", 429: "the hub is asked too often (HTTP 429)"}


def _refusal(error: Any, what: str) -> DownloadError:
    """Return what to tell the user about a HfHubHTTPError that no retry heals. The token is never part of it."""
    from huggingface_hub.errors import GatedRepoError, RevisionNotFoundError

    status = error.response.status_code
    login = "log in with `hf auth login` (or set HF_TOKEN)"
    if isinstance(error, GatedRepoError):
        hint = f"Ask for access on the model's page, then {login} and try again."
        return DownloadError("the owner gives access on request only", path=what, hint=hint)
    if isinstance(error, RevisionNotFoundError):
        return DownloadError("the hub does not have this revision", path=what, hint="Name another, or leave it out.")
    if status in (401, 403):  # the hub says 401 of what does not exist, too
        hint = f"Check its name; if it is private or gated, {login}."
        return DownloadError("there is no such model on the hub, or it is not open to you", path=what, hint=hint)
    if status == 404:
        return DownloadError("the hub does not have it (HTTP 404)", path=what, hint="Check its name on the hub.")
    return DownloadError(f"the hub refuses it (HTTP {status})", path=what, hint="Try again later.")


def _asked_wait(headers: Any) -> float | None:
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    after = headers.get("retry-after", "").strip()
    if after.isdigit():
        return float(after)
    if after:
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
        except ValueError:
            return None
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit is not None and limit.remaining == 0 else None


def _wait(seconds: float, cancelled: Asked) -> None:
    end = time.monotonic() + seconds
    while not cancelled():
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _LOOK_EVERY_S))
    raise Cancelled("the download was stopped")
