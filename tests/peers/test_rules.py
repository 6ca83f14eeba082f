"""The rules in the real promtool: what fires, of whom it speaks, and above all what stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.night import DAY, HOUR, RULES, Night, promtool

pytestmark = pytest.mark.peers
BILLING = {"voice_workflow": "billing"}
V2 = BILLING | {"voice_agent_policy_version": "v2"}
FALSE, RIGHT, MISSED = "false_interruption", "correct", "missed_interruption"
RELEASE = 30 * HOUR  # a day and a bit, so that there is something to compare with
SPIKE = "OtelVoiceFalseInterruptionsSpikeAfterRelease"


def test_the_rules_are_rules() -> None:
    """Prometheus reads the file, and its linter has nothing to say."""
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))

    assert done.returncode == 0, done.stdout + done.stderr


def test_without_any_series_nothing_fires(tmp_path: Path) -> None:
    """Rules that are loaded before the first call."""
    night = Night()
    night.silent(DAY)
    night.check(tmp_path)


def test_a_quiet_night_is_quiet(tmp_path: Path) -> None:
    """A usual day with a usual share of mistakes, and then nobody calls until morning."""
    night = Night()
    day = [(0.5, 14 * HOUR), (0.0, 10 * HOUR), (0.5, 2 * HOUR)]
    few = [(0.05, 14 * HOUR), (0.0, 10 * HOUR), (0.05, 2 * HOUR)]
    night.episodes(day, RIGHT)
    night.episodes(few, FALSE)
    night.episodes(few, MISSED)
    night.calls(day, "completed")
    night.calls(few, "abandoned")
    night.escalations(day, "true")
    night.push("otel_voice_receiver_accepted_requests_total", "0+9x1560")
    night.silent(26 * HOUR)
    night.check(tmp_path)


def test_a_single_bad_call_at_night_is_no_reason_to_wake_anybody(tmp_path: Path) -> None:
    """All that was counted went wrong, and it was one call."""
    night = Night()
    one = [(0.0, 3 * HOUR), (1.0, 1), (0.0, 5 * HOUR)]
    night.calls(one, "failed")
    night.episodes(one, FALSE)
    night.episodes(one, MISSED)
    night.escalations(one, "false")
    night.expect(
        "workflow:voice_interrupted_calls_incomplete:ratio_increase1h", 3 * HOUR + 30, (_named("voice_interrupted_calls_incomplete"), 1)
    )
    night.silent(8 * HOUR)
    night.check(tmp_path)


def test_a_numerator_that_never_occurred_is_nought_per_cent(tmp_path: Path) -> None:
    """Not no data: the count of the mistakes is recorded as 0 beside its denominator, and so is the ratio."""
    night = Night()
    night.episodes([(0.5, 3 * HOUR)], RIGHT)
    night.expect(
        "workflow_version:voice_interruption_false:increase1h", 2 * HOUR, (_named("voice_interruption_false", "increase1h", "v1"), 0)
    )
    for bad in ("voice_interruption_false", "voice_interruption_missed", "voice_interruption_undetermined"):
        night.expect(f"workflow:{bad}:ratio_increase1h", 2 * HOUR, (_named(bad), 0))
    night.expect("workflow:voice_escalations_not_happened:ratio_increase1h", 2 * HOUR)
    night.silent(3 * HOUR)
    night.check(tmp_path)


def test_a_release_that_makes_false_interruptions_jump_is_named(tmp_path: Path) -> None:
    """Within the hour that brings twenty stops, by workflow and version; another workflow with the same release is not blamed."""
    night = Night()
    _release(night, false=0.2, right=0.2)
    _release(night, false=0.02, right=0.4, workflow="booking")
    night.silent(RELEASE)
    night.fires(RELEASE + 2 * HOUR, (SPIKE, V2))
    night.fires(RELEASE + 5 * HOUR, (SPIKE, V2))
    night.check(tmp_path)


def test_a_rollback_ends_it(tmp_path: Path) -> None:
    """An hour after the last stop with the new version, the alert is over, although its share stays what it was."""
    night = Night()
    both = [(0.0, RELEASE), (0.2, 3 * HOUR), (0.0, 3 * HOUR)]
    night.episodes([(0.4, RELEASE), (0.0, 3 * HOUR), (0.4, 3 * HOUR)], RIGHT)
    night.episodes([(0.02, RELEASE), (0.0, 3 * HOUR), (0.02, 3 * HOUR)], FALSE)
    night.episodes(both, RIGHT, version="v2")
    night.episodes(both, FALSE, version="v2")
    night.fires(RELEASE + 3 * HOUR, (SPIKE, V2))
    night.fires(RELEASE + 4 * HOUR + 10)
    night.check(tmp_path)


def test_a_day_later_a_version_is_no_news(tmp_path: Path) -> None:
    """Nothing is mended, and the page ends by itself: from then on the version is one of those that others are compared with."""
    night = Night(every="30m")
    night.episodes([(0.4, RELEASE), (0.0, 2 * DAY)], RIGHT)
    night.episodes([(0.02, RELEASE), (0.0, 2 * DAY)], FALSE)
    for verdict in (RIGHT, FALSE):
        night.episodes([(0.0, RELEASE), (0.2, 2 * DAY)], verdict, version="v2")
    night.fires(RELEASE + 20 * HOUR, (SPIKE, V2))
    night.fires(RELEASE + 27 * HOUR)
    night.fires(RELEASE + 2 * DAY)
    night.check(tmp_path)


@pytest.mark.parametrize(("days", "told"), [(2, False), (5, True)])
def test_a_bad_version_that_comes_again_soon_is_no_news(days: int, told: bool, tmp_path: Path) -> None:
    """It counts as known from a day after its last bad hours until four days after them."""
    night = Night(every="30m")
    bad, between, again = 6 * HOUR, days * DAY, 6 * HOUR
    for verdict, flow in ((RIGHT, 0.4), (FALSE, 0.02)):
        night.episodes([(flow, RELEASE), (0.0, bad), (flow, between), (0.0, again)], verdict)
        night.episodes([(0.0, RELEASE), (0.2, bad), (0.0, between), (0.2, again)], verdict, version="v2")
    night.fires(RELEASE + 5 * HOUR, (SPIKE, V2))
    night.fires(RELEASE + bad + between + 5 * HOUR, *([(SPIKE, V2)] if told else []))
    night.check(tmp_path)


def test_missed_interruptions_jump_alike(tmp_path: Path) -> None:
    """The other mistake, and only it."""
    night = Night()
    for version, flow in (("v1", [(0.4, RELEASE), (0.0, 4 * HOUR)]), ("v2", [(0.0, RELEASE), (0.2, 4 * HOUR)])):
        night.episodes(flow, RIGHT, version=version)
    night.episodes([(0.02, RELEASE), (0.0, 4 * HOUR)], MISSED)
    night.episodes([(0.0, RELEASE), (0.2, 4 * HOUR)], MISSED, version="v2")
    night.fires(RELEASE + 3 * HOUR, ("OtelVoiceMissedInterruptionsSpikeAfterRelease", V2))
    night.check(tmp_path)


def test_a_release_that_is_fine_is_silent(tmp_path: Path) -> None:
    """As good as before, and one that is much better."""
    night = Night()
    _release(night, false=0.02, right=0.4)
    _release(night, false=0.0, right=0.4, workflow="booking")
    night.silent(RELEASE + 6 * HOUR)
    night.check(tmp_path)


def test_a_release_that_few_have_heard_is_silent(tmp_path: Path) -> None:
    """Two of three stops are no spike."""
    night = Night()
    _release(night, false=0.01, right=0.005)
    night.silent(RELEASE + 5 * HOUR)
    night.check(tmp_path)


def test_what_could_be_chance_is_silent(tmp_path: Path) -> None:
    """Six of twenty-four where it was one in eight: 12 points more, and no proof."""
    night = Night()
    night.episodes([(0.14, RELEASE), (0.0, 6 * HOUR)], RIGHT)
    night.episodes([(0.02, RELEASE), (0.0, 6 * HOUR)], FALSE)
    night.episodes([(0.0, RELEASE), (0.05, 6 * HOUR)], RIGHT, version="v2")
    night.episodes([(0.0, RELEASE), (0.0167, 6 * HOUR)], FALSE, version="v2")
    night.silent(RELEASE + 6 * HOUR)
    night.check(tmp_path)


def test_the_first_version_of_all_is_compared_with_none(tmp_path: Path) -> None:
    """However bad: there is no before."""
    night = Night()
    night.episodes([(0.4, 6 * HOUR)], FALSE)
    night.silent(6 * HOUR)
    night.check(tmp_path)


@pytest.mark.parametrize("version", ["other", "unversioned"])
def test_what_is_no_version_is_no_release(version: str, tmp_path: Path) -> None:
    """Versions beyond the newest are counted together, and calls without their head without one: nobody released that."""
    night = Night()
    for name, flow in ((RIGHT, 0.4), (FALSE, 0.02)):
        night.episodes([(flow, RELEASE), (0.0, 3 * HOUR)], name)
        night.episodes([(0.0, RELEASE), (0.2, 3 * HOUR)], name, version=version)
    night.silent(RELEASE + 3 * HOUR)
    night.check(tmp_path)


def test_names_may_be_anything(tmp_path: Path) -> None:
    """Quotes, backslashes, other letters and what looks like a template arrive in the texts as they are."""
    workflow, version = 'bil"ling \\ Überweisung {{ x }}', "règle-2'\\n"
    night = Night()
    for name, flow in ((RIGHT, 0.4), (FALSE, 0.02)):
        night.episodes([(flow, RELEASE), (0.0, 4 * HOUR)], name, workflow=workflow)
        night.episodes([(0.0, RELEASE), (0.2, 4 * HOUR)], name, workflow=workflow, version=version)
    pages = "https://otel-voice.dev/dashboards/ALERTS.md#false-interruptions-spike-after-a-policy-change"
    told = {
        "summary": f"False interruptions jumped in {workflow} with policy version {version}: 50%",
        "description": f"With the agent's policy version {version}, 50% of the agent's stops were not meant by the caller in workflow "
        f"{workflow} over 6h: more than with the versions before it by more than chance allows. Roll back, then look.",
        "runbook_url": pages,
        "__dashboardUid__": "otel-voice-release",
        "__panelId__": "3",
    }
    labels = {"voice_workflow": workflow, "voice_agent_policy_version": version, "severity": "critical"}
    night.alerts.append(
        {
            "eval_time": f"{RELEASE + 3 * HOUR}m",
            "alertname": SPIKE,
            "exp_alerts": [{"exp_labels": labels, "exp_annotations": told}],
        }
    )
    night.check(tmp_path)


def test_two_instances_are_one_workflow_and_a_restart_is_no_spike(tmp_path: Path) -> None:
    """Sums over instances; a counter that begins anew costs at most the minute of its restart."""
    night = Night()
    night.episodes([(0.5, 6 * HOUR)], RIGHT)
    night.episodes([(0.5, 6 * HOUR)], RIGHT, instance="two")
    night.push(
        "voice_interruption_episodes_total",
        "0+1x119 0+1x239",  # restarted after two hours
        voice_workflow="billing",
        voice_agent_policy_version="v1",
        voice_interruption_verdict=RIGHT,
        voice_interruption_intent="yes",
        voice_interruption_net_audio="stopped",
        instance="three",
    )
    counted = "round(workflow_version:voice_interruption_stopped:increase1h)"
    night.expect(counted, HOUR + 30, (_named("", "", "v1"), 120))
    night.expect(counted, 2 * HOUR + 30, (_named("", "", "v1"), 119))
    night.expect(counted, 5 * HOUR, (_named("", "", "v1"), 120))
    night.silent(6 * HOUR)
    night.check(tmp_path)


def test_a_fast_burn_fires_and_ends_with_what_caused_it(tmp_path: Path) -> None:
    """Three of four interrupted calls fail for an hour; five minutes after that is mended nobody is kept awake by the hour's share."""
    night = Night()
    night.calls([(0.9, 6 * HOUR), (0.3, HOUR), (1.2, HOUR)], "completed")
    night.calls([(0.1, 6 * HOUR), (0.9, HOUR), (0.0, HOUR)], "failed")
    night.silent(6 * HOUR + 30)
    night.fires(7 * HOUR, ("OtelVoiceTaskCompletionBurnsFast", BILLING))
    night.fires(7 * HOUR + 10)
    night.check(tmp_path)


def test_callers_who_ask_for_a_person_and_get_none_page(tmp_path: Path) -> None:
    """Half of those who asked: both windows."""
    night = Night()
    for happened in ("true", "false"):
        night.escalations([(0.3, 8 * HOUR)], happened)
    night.fires(7 * HOUR, *((f"OtelVoiceEscalationCorrectnessBurns{each}", BILLING) for each in ("Drift", "Fast", "Slow")))
    night.check(tmp_path)


def test_a_slow_burn_fires_slowly(tmp_path: Path) -> None:
    """Half fail, one call in two minutes: too few an hour to page at once, enough in six hours."""
    night = Night()
    night.calls([(0.25, 12 * HOUR)], "completed")
    night.calls([(0.25, 12 * HOUR)], "abandoned")
    night.fires(45)
    night.fires(3 * HOUR, ("OtelVoiceTaskCompletionBurnsSlow", BILLING), ("OtelVoiceTaskCompletionBurnsDrift", BILLING))
    night.check(tmp_path)


def test_days_of_a_little_too_much_are_a_warning_alone(tmp_path: Path) -> None:
    """A quarter fails where a fifth may: nobody is paged."""
    night = Night(every="30m")
    night.calls([(0.3, 3 * DAY)], "completed")
    night.calls([(0.1, 3 * DAY)], "failed")
    night.fires(3 * DAY - HOUR, ("OtelVoiceTaskCompletionBurnsDrift", BILLING))
    night.expect('count(ALERTS{severity="critical"})', 3 * DAY - HOUR)
    night.check(tmp_path)


def test_undetermined_episodes_are_told(tmp_path: Path) -> None:
    """Four in ten cannot be judged; they are in no rate."""
    night = Night()
    night.episodes([(0.3, 4 * HOUR)], RIGHT)
    night.episodes([(0.2, 4 * HOUR)], "undetermined")
    night.fires(3 * HOUR, ("OtelVoiceUndeterminedHigh", BILLING))
    night.check(tmp_path)


@pytest.mark.parametrize("release", [False, True])
def test_more_than_last_week_is_told_where_no_release_explains_it(release: bool, tmp_path: Path) -> None:
    """The eighth day has three times the false stops; with a new version it is the release's alert that speaks."""
    night = Night(every="30m")
    day, now = 8 * DAY, 6 * HOUR
    night.episodes([(0.4, day), (0.0 if release else 0.3, now)], RIGHT)
    night.episodes([(0.02, day), (0.0 if release else 0.15, now)], FALSE)
    if release:
        night.episodes([(0.0, day), (0.3, now)], RIGHT, version="v2")
        night.episodes([(0.0, day), (0.15, now)], FALSE, version="v2")
    told = (SPIKE, V2) if release else ("OtelVoiceFalseInterruptionsAboveLastWeek", BILLING)
    night.fires(day + 5 * HOUR, told)
    night.check(tmp_path)


def test_a_runtime_that_turns_blind_is_told_and_one_that_always_was_is_not(tmp_path: Path) -> None:
    """Suddenly is what counts: `twilio` never reported what callers say meanwhile."""
    night = Night(every="10m")
    before = 2 * DAY
    night.calls([(0.5, before), (0.0, 3 * HOUR)], "completed")
    night.calls([(0.0, before), (0.5, 3 * HOUR)], "completed", voice_call_observable="no")
    night.calls([(0.5, before + 3 * HOUR)], "completed", voice_call_observable="no", voice_runtime_name="twilio")
    night.silent(before)
    night.fires(before + 2 * HOUR, ("OtelVoiceRuntimeUnseen", {"voice_runtime_name": "livekit"}))
    night.check(tmp_path)


def _release(night: Night, *, false: float, right: float, workflow: str = "billing") -> None:
    """A version with one stop in twenty false, replaced for six hours by one with so many a minute."""
    night.episodes([(0.4, RELEASE), (0.0, 6 * HOUR)], RIGHT, workflow=workflow)
    night.episodes([(0.02, RELEASE), (0.0, 6 * HOUR)], FALSE, workflow=workflow)
    night.episodes([(0.0, RELEASE), (right, 6 * HOUR)], RIGHT, workflow=workflow, version="v2")
    night.episodes([(0.0, RELEASE), (false, 6 * HOUR)], FALSE, workflow=workflow, version="v2")


def _named(bad: str, operation: str = "ratio_increase1h", version: str = "") -> dict[str, str]:
    """Return the labels of what is recorded of `billing`; without a name where a function took it."""
    level = "workflow_version" if version else "workflow"
    name = {"__name__": f"{level}:{bad}:{operation}"} if bad else {}
    return name | BILLING | ({"voice_agent_policy_version": version} if version else {})
