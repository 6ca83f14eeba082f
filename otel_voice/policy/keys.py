"""A key that was pressed, as the policy engine may know it: compared with those on offer, the key itself stays out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from otel_voice_schema.attributes import DtmfClass, DtmfExpected, InputType

from .interpret import rule_for
from .model import Candidate, Policy

ANY: Final = "any"
_CLASSES: Final = {
    "*": DtmfClass.STAR.value,
    "#": DtmfClass.POUND.value,
    **dict.fromkeys("0123456789ABCDabcd", DtmfClass.DIGIT.value),
}


def on_offer(policy: Policy, candidate: Candidate) -> Collection[str] | None:
    """Return the keys that the rule of the candidate's message offers, nothing where it names none."""
    return rule_for(policy, candidate)[0].expected_keys or None


def pressed(policy: Policy, candidate: Candidate, key: str, offered: Collection[str] | None = None) -> Candidate:
    """Return the candidate with the press of a key over its message.

    `offered` are the keys on offer, `any` for all; the rule's own where none are given, and where it has none either that is not known.
    """
    offered = on_offer(policy, candidate) if offered is None else offered
    expected = candidate.dtmf_expected
    if offered is not None:
        listed = DtmfExpected.LISTED if key in offered else DtmfExpected.NONE
        expected = (DtmfExpected.ANY if offered == ANY else listed).value
    return replace(candidate, input_type=InputType.DTMF.value, dtmf_class=_CLASSES.get(key), dtmf_expected=expected)
