"""Since when each version of the agents' policy is seen in each workflow, for boards that mark a release. Pure, time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_processor.rows import Damaged, Rows, each_row, key_of, packed_row
from otel_voice_processor.series import Point

S: Final = 1_000_000_000
AGE_NS: Final = 31 * 24 * 3600 * S  # what began longer ago was told by a clock that stands wrong, and a minimum would keep it for good
TOLD: Final = 10  # newest versions of a workflow that are exported: a board compares two, and marks what it once was told
PREFIX: Final = b"first_seen/"  # of the rows' keys in `meta`

Pair = tuple[str, str]  # workflow and version, as the labels have them


class FirstSeen:
    """The earliest beginning of a call by workflow and version; Unix nanoseconds, kept until the version is retired, however idle.

    As many as there are label values that are let through: who adds sees to that.
    """

    def __init__(self) -> None:
        self._since: dict[Pair, int] = {}
        self._unsaved: dict[Pair, None] | None = None

    def add(self, workflow: str, version: str, began_ns: int, now_ns: int) -> None:
        """Take in a call that settled at `now_ns`; where its beginning is unknown (0), ahead or too long ago it says nothing."""
        if max(1, now_ns - AGE_NS) <= began_ns < self._since.get((workflow, version), now_ns + 1):
            self._since[workflow, version] = began_ns
            self._change((workflow, version))

    def retire(self, version: str) -> None:
        """Let go of a version, in all workflows."""
        for pair in [pair for pair in self._since if pair[1] == version]:
            del self._since[pair]
            self._change(pair)

    def points(self, start_ns: int, now_ns: int) -> Iterator[Point]:
        """Yield a gauge's point at `now_ns` for the newest of each workflow, in Unix seconds; `start_ns` is when counting began."""
        by_workflow: dict[str, list[tuple[int, str]]] = {}
        for (workflow, version), began_ns in self._since.items():
            by_workflow.setdefault(workflow, []).append((began_ns, version))
        newest = ((workflow, *each) for workflow, versions in by_workflow.items() for each in nlargest(TOLD, versions))
        for workflow, began_ns, version in sorted(newest):
            yield Point(
                metric=m.METRICS[m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP],
                labels=((a.VOICE_AGENT_POLICY_VERSION, version), (a.VOICE_WORKFLOW, workflow)),
                start_ns=start_ns,
                time_ns=now_ns,
                value=0,
                counts=(),
                total=began_ns / S,
                exemplar=None,
            )

    def track(self) -> None:
        """Note from now on what `save` has to write."""
        self._unsaved = {}

    def _change(self, pair: Pair) -> None:
        if self._unsaved is not None:
            self._unsaved[pair] = None

    def save_all(self) -> None:
        """Take nothing as written."""
        for pair in self._since:
            self._change(pair)

    def save(self, rows: Rows) -> None:
        """Put what changed since it was asked for last, a row for each workflow and version."""
        for pair in self._unsaved or ():
            key, began_ns = PREFIX + key_of(packed_row(*pair)), self._since.get(pair)
            if began_ns is None:
                rows.delete("meta", key)
            else:
                rows.put("meta", key, packed_row(*pair, began_ns))
        if self._unsaved:
            self._unsaved = {}

    def restore(self, meta: Iterable[tuple[bytes, bytes]], let_through: Callable[[str, str], bool], damaged: Damaged) -> None:
        """Take the rows of an earlier process, oldest version first; those whose workflow or version is not `let_through` go."""
        found: list[tuple[int, Pair]] = []
        for key, row in each_row(((key, row) for key, row in meta if key.startswith(PREFIX)), "meta", damaged):
            match row:
                case (str(workflow), str(version), int(began_ns)) if began_ns > 0:
                    found.append((began_ns, (workflow, version)))
                case _:
                    damaged("meta", key)
        for began_ns, pair in sorted(found):
            if let_through(*pair):
                self._since[pair] = began_ns
            else:
                self._change(pair)
