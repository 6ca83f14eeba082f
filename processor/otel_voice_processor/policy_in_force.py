"""The policy that rules now: read again when somebody asks for it, and kept where what lies there does not conform."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otel_voice.policy import Policy, PolicyError, load_policy
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)


class PolicyInForce:
    """A policy and where it is from. `switch` is called with the next one, on the loop, between two requests.

    `path` None is the default policy, which nothing replaces; `clock` gives Unix nanoseconds.
    """

    def __init__(
        self, policy: Policy, path: str | None, counters: Counters, switch: Callable[[Policy], None], clock: Callable[[], int]
    ) -> None:
        self._policy = policy
        self._path = path
        self._counters = counters
        self._switch = switch
        self._clock = clock
        self._loaded_ns = clock()
        self._failed_ns = 0
        self._problems: list[str] = []
        self._reading = asyncio.Lock()

    async def read_again(self) -> bool:
        """Read the file, and tell whether what it holds rules from now on; what is wrong with it is logged, counted, and told by `told`."""
        if self._path is None:
            LOG.info("no policy file is named: the default policy stays, %s", self._policy.version)
            return False
        async with self._reading:
            policy, problems = await asyncio.to_thread(_read, self._path)
            if policy is None:
                self._keep(problems)
                return False
            self._take(policy)
            return True

    def told(self) -> dict[str, Any]:
        """Return which policy rules, since when, and what was wrong with the last one that was to take its place; as JSON has it."""
        told: dict[str, Any] = {"version": self._policy.version, "file": self._path, "loaded": _time(self._loaded_ns)}
        return told | ({"refused": _time(self._failed_ns), "problems": self._problems} if self._problems else {})

    def _keep(self, problems: list[str]) -> None:
        self._problems, self._failed_ns = problems, self._clock()
        self._counters.add("otel_voice_processor_policy_reloads", outcome="refused")
        for problem in problems:
            LOG.error("%s", problem)
        LOG.error("the policy is not read again: %s stays in force", self._policy.version)

    def _take(self, policy: Policy) -> None:
        before, self._policy = self._policy, policy
        self._switch(policy)
        self._problems, self._loaded_ns = [], self._clock()
        self._counters.add("otel_voice_processor_policy_reloads", outcome="loaded")
        LOG.info("policy %s is in force, before it was %s", policy.version, before.version)
        if before.version == policy.version and before.rules != policy.rules:
            LOG.warning(
                "the policy's rules have changed and its version has not: nobody can tell by `%s` which of them ruled", policy.version
            )


def _read(path: str) -> tuple[Policy | None, list[str]]:
    """Return the policy of a file, or its problems. It may be anything by now: only a file is opened, which never waits for a writer."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return None, [f"{path}: cannot be read: it is no file"]
        return load_policy(path), []
    except PolicyError as error:
        return None, list(error.problems)
    except OSError as error:
        return None, [f"{path}: cannot be read: {error.strerror or error}"]
    except Exception as error:  # a defect of ours must not cost the policy that is in force
        LOG.exception("a policy could not be read")
        return None, [f"{path}: cannot be read: {type(error).__name__}"]


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="seconds")
