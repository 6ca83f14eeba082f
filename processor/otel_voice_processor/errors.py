"""Two kinds of error: retryable (the same input may succeed later) or permanent (it never will)."""

from __future__ import annotations


class ProcessorError(Exception):
    """Base of what this processor raises on purpose."""


class Permanent(ProcessorError):
    """The same input would fail again: bad bytes, refused for good by downstream."""


class Undecodable(Permanent):
    """The request is not the OTLP message it claims to be."""


class Retryable(ProcessorError):
    """Worth another try: downstream away, a bound reached. `delay_s` is the wait asked for, or None."""

    def __init__(self, message: str, delay_s: float | None = None) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class Unsure(Retryable):
    """Nobody knows whether downstream took it: the answer was lost, or came from something in between."""


class TimedOut(Unsure):
    """Downstream did not answer in time."""


class FileUnusable(Retryable):
    """A file that only its operator can make usable: another process writes to it, or it holds something else."""


class ConfigError(ProcessorError):
    """Config or policy does not conform; `problems` holds a line each, with file and line, `policy` the file still to read."""

    def __init__(self, problems: list[str], policy: str | None = None) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.policy = policy
