"""The policy engine: classify a caller's input and rule on it. Pure, so the live agent and the processor decide alike."""

from __future__ import annotations

from .classify import JUDGE_FLOOR, JUDGE_VERSION, classify
from .compiled import decide
from .interpret import decide_plainly, required_content
from .load import PolicyError, load_default, load_policy
from .model import CANDIDATE_ATTRIBUTES, Candidate, Classification, Policy, Rule, Ruling, candidate_from_attributes, effect_of

__all__ = [
    "CANDIDATE_ATTRIBUTES",
    "JUDGE_FLOOR",
    "JUDGE_VERSION",
    "Candidate",
    "Classification",
    "Policy",
    "PolicyError",
    "Rule",
    "Ruling",
    "candidate_from_attributes",
    "classify",
    "decide",
    "decide_plainly",
    "effect_of",
    "load_default",
    "load_policy",
    "required_content",
]
