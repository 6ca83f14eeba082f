"""A key that was pressed, as the policy engine may know it: compared with those on offer, the key itself stays out."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_schema.attributes import DtmfClass, DtmfExpected, InputType

from .interpret import rule_for
from .model import Candidate, Policy


def pressed(policy: Policy, candidate: Candidate, key: str) -> Candidate:
    """Return the candidate with the press of a key over its message; where the rule offers none, whether it is on offer is not known."""
    offered = rule_for(policy, candidate)[0].expected_keys
    expected = candidate.dtmf_expected
    if offered:
        expected = (DtmfExpected.LISTED if key in offered else DtmfExpected.NONE).value
    kind = {"*": DtmfClass.STAR, "#": DtmfClass.POUND}.get(key, DtmfClass.DIGIT)
    return replace(candidate, input_type=InputType.DTMF.value, dtmf_class=kind.value, dtmf_expected=expected)
