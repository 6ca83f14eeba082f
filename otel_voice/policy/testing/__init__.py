"""Tests of a policy as data: cases in YAML, run against a policy, with what no case exercised, and JUnit XML."""

from __future__ import annotations

from .cases import Case, CaseError, Trial, read_cases, shipped_cases
from .coverage import Answer, answers_of, exercised
from .junit import Reported, junit_xml
from .obligations import OBLIGATIONS, Expectation, Obligation
from .run import Check, Tried, run_cases, under

__all__ = [
    "OBLIGATIONS",
    "Answer",
    "Case",
    "CaseError",
    "Check",
    "Expectation",
    "Obligation",
    "Reported",
    "Trial",
    "Tried",
    "answers_of",
    "exercised",
    "junit_xml",
    "read_cases",
    "run_cases",
    "shipped_cases",
    "under",
]
