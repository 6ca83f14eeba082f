"""What has settled of a call, and what may be let go of it: an episode once, and the past of a call that goes on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from otel_voice_schema import events as e

from otel_voice_processor.episodes import Rule, interrupted_of, record_of, same, settled
from otel_voice_processor.model import UNVERSIONED, CallRecord, Episode, Response, Stretch, VoiceEvent
from otel_voice_processor.packed import Tables, arrived_s
from otel_voice_processor.rows import Unreadable
from otel_voice_processor.stretches import JOIN_NS

S = 1_000_000_000
EVENT_ALLOWANCE_NS = 10 * S  # how far a call's own time must have passed an episode's end
FOLD_AT = 300  # events held, from which the past of a call that goes on is let go
FOLD_BEHIND_NS = 60 * S  # how much of it is kept in any case, of the call's own time
LOST_NS = 120 * S  # an end that has not come by then does not come any more
NEVER = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What has settled of a call that is open: `counted` episodes that may still gain silence and repeats, and the `folded` past.

    The past ends at `since_ns`; events from `keep_ns` on are kept for what comes next.
    """

    counted: Mapping[bytes, Episode] = field(default_factory=dict)
    folded: CallRecord | None = None
    since_ns: int = 0
    keep_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A call as it stood when it was to be looked at; what arrived up to `calm_ns` of the processor's clock is old enough."""

    call_id: str
    events: tuple[bytes, ...]
    held: Held
    root: tuple[bytes, bytes]
    last_arrival_ns: int
    calm_ns: int
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Episodes that will not change any more; those of which silence and repeats are final as well; and their call as it stands.

    `damaged` are events of it that mean nothing any more; it is judged without them.
    """

    episodes: tuple[Episode, ...]
    aftermaths: tuple[Episode, ...]
    record: CallRecord
    whole: bool
    damaged: frozenset[bytes] = frozenset()


def settle(due: Due, rule: Rule, policy_version: str, tables: Tables) -> tuple[Settled, Held]:
    """Join a call and return what settled, and what is held of it from now on.

    It touches nothing, so that a long call may be joined in a thread.
    """
    due, events, damaged = _read(due, tables)
    settled, held = _settle(due, events, rule, policy_version)
    return (replace(settled, damaged=damaged) if damaged else settled), held


def _read(due: Due, tables: Tables) -> tuple[Due, list[VoiceEvent], frozenset[bytes]]:
    """Return a due call without its events that are damaged, its events, and those that are damaged."""
    events, damaged = [], set()
    for data in due.events:
        try:
            events.append(tables.unpack(data, due.call_id))
        except Unreadable:
            damaged.add(data)
    if damaged:
        due = replace(due, events=tuple(data for data in due.events if data not in damaged))
    return due, events, frozenset(damaged)


def _settle(due: Due, events: list[VoiceEvent], rule: Rule, policy_version: str) -> tuple[Settled, Held]:
    held = due.held

    def record(until_ns: int) -> CallRecord:
        return record_of(
            due.call_id,
            events,
            rule,
            policy_version=policy_version,
            root=due.root,
            since_ns=held.since_ns,
            until_ns=until_ns,
            unique=True,
        )

    now = record(NEVER)
    quiet_ns = _quiet_ns(due, events)
    fresh = _fresh(now, held.counted.values(), events, quiet_ns, whole=due.whole)
    counted = {**held.counted, **{episode.span_id: episode for episode in fresh}}
    if due.whole:
        final = _final(now, counted.values())
        return Settled(episodes=fresh, aftermaths=final.episodes, record=_joined(held.folded, final), whole=True), held
    boundary = _boundary(now, counted.values(), quiet_ns) if len(events) >= FOLD_AT else None
    if boundary is None:
        return Settled(episodes=fresh, aftermaths=(), record=now, whole=False), replace(held, counted=counted)
    before, response = boundary
    since_ns = response.start_ns
    past = _final(record(since_ns), [episode for episode in counted.values() if episode.start_ns < since_ns])
    bare = replace(past, episodes=tuple(map(_bare, past.episodes)), responses=(), stretches=())
    rest = {span_id: episode for span_id, episode in counted.items() if episode.start_ns >= since_ns}
    after = Held(counted=rest, folded=_joined(held.folded, bare), since_ns=since_ns, keep_ns=before.start_ns)
    return Settled(episodes=fresh, aftermaths=past.episodes, record=now, whole=False), after


def _quiet_ns(due: Due, events: Sequence[VoiceEvent]) -> int:
    """Return the moment of the call's own time up to which everything arrived long enough ago."""
    if due.whole or due.last_arrival_ns <= due.calm_ns:
        return NEVER
    young = (event.time_ns for event, data in zip(events, due.events, strict=True) if (arrived_s(data) + 1) * S > due.calm_ns)
    return min(young, default=NEVER)


def _fresh(
    record: CallRecord, counted: Iterable[Episode], events: Sequence[VoiceEvent], quiet_ns: int, *, whole: bool
) -> tuple[Episode, ...]:
    """Return the episodes that settle now, each for the first time."""
    last_ns = max((event.time_ns for event in events), default=0)
    ended = any(event.name == e.CALL_ENDED for event in events)
    before = _by_response(counted)
    fresh = []
    for episode in record.episodes:
        over_ns = episode.end_ns + EVENT_ALLOWANCE_NS
        known = episode.response.end_ns is not None or last_ns >= over_ns + LOST_NS
        passed = (ended or last_ns >= over_ns) and quiet_ns > over_ns and known
        if (whole or passed) and not any(same(episode, other) for other in before.get(_named(episode), ())):
            fresh.append(episode)
    return tuple(fresh)


def _named(episode: Episode) -> str:
    """Return the runtime's own name of the response: which of several it was may be told otherwise once the past is folded."""
    return episode.response.response_id.partition("@")[0]


def _by_response(episodes: Iterable[Episode]) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = {}
    for episode in episodes:
        found.setdefault(_named(episode), []).append(episode)
    return found


def _boundary(record: CallRecord, counted: Iterable[Episode], quiet_ns: int) -> tuple[Response, Response] | None:
    """Return the last two responses between which the past may end: nothing reaches across, and all before has settled."""
    known = {episode.span_id for episode in counted}
    last_ns = min(quiet_ns, record.end_ns) - FOLD_BEHIND_NS
    open_since = min((episode.start_ns for episode in record.episodes if episode.span_id not in known), default=NEVER)
    for number in range(len(record.responses) - 1, 0, -1):
        before, response = record.responses[number - 1 : number + 1]
        at = response.start_ns
        over = before.end_ns if before.end_ns is not None else before.start_ns + LOST_NS
        ended = max(over, before.cut_ns or 0) <= at
        if ended and at <= min(last_ns, open_since) and not any(_across(stretch, at) for stretch in record.stretches):
            return before, response
    return None


def _across(stretch: Stretch, at_ns: int) -> bool:
    end = stretch.end_ns + JOIN_NS if stretch.end_ns is not None else stretch.onset_ns + LOST_NS
    return stretch.onset_ns < at_ns < end


def _final(record: CallRecord, counted: Iterable[Episode]) -> CallRecord:
    """Return the record with its episodes as they were counted: settled once, never unsaid."""
    now = _by_response(record.episodes)
    kept = []
    for old in counted:
        again = [episode for episode in now.get(_named(old), ()) if same(episode, old)]
        exact = next((episode for episode in again if episode.span_id == old.span_id), again[0] if again else old)
        kept.append(settled(exact, old))
    final = tuple(sorted(kept, key=lambda episode: (episode.start_ns, episode.span_id)))
    return replace(record, episodes=final, interrupted=interrupted_of(final, record.observable))


def _bare(episode: Episode) -> Episode:
    """Return the episode without what its stretches were told: a call may go on for days."""
    return replace(episode, stretches=tuple(replace(stretch, attributes={}, text=None) for stretch in episode.stretches))


def _joined(past: CallRecord | None, rest: CallRecord) -> CallRecord:
    """Return one record of both parts of a call."""
    if past is None:
        return rest
    episodes = (*past.episodes, *rest.episodes)
    return replace(
        rest,
        started_seen=past.started_seen or rest.started_seen,
        runtime=past.runtime if past.runtime != "unknown" else rest.runtime,
        runtime_version=past.runtime_version or rest.runtime_version,
        agent_name=past.agent_name or rest.agent_name,
        workflow=past.workflow if past.workflow != "unknown" else rest.workflow,
        policy_version=past.policy_version if past.policy_version != UNVERSIONED else rest.policy_version,
        observable=past.observable if past.observable is not None else rest.observable,
        start_ns=min(past.start_ns, rest.start_ns),
        end_ns=max(past.end_ns, rest.end_ns),
        episodes=episodes,
        interrupted=interrupted_of(episodes, past.observable if past.observable is not None else rest.observable),
        escalation_asked=past.escalation_asked or rest.escalation_asked,
        turn_overlaps=(*past.turn_overlaps, *rest.turn_overlaps),
        premature_endpointings=(*past.premature_endpointings, *rest.premature_endpointings),
        silence_timeouts=(*past.silence_timeouts, *rest.silence_timeouts),
        unknown_ends=past.unknown_ends + rest.unknown_ends,
    )
