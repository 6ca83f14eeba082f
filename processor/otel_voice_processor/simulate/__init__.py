"""Realistic calls whose truth is what caller and player did; imports no judgement, so that judgement can be held against it.

`script.py` has the nouns and `truth.py` what follows from them; `cases.py` the eight test cases; `draws.py` the distributions,
`corrections.py`, `asides.py` and `situations.py` what can happen in a turn, `mix.py` how often; `telling.py` tells a call by the helpers,
`impairments.py` says what of it is not told or gets lost, `emission.py` sends it.
"""

from otel_voice_processor.simulate.cases import EIGHT, EIGHT_FAILING
from otel_voice_processor.simulate.emission import AGENT, TELEPHONY, Recording, emit, events_of, recorded
from otel_voice_processor.simulate.impairments import COMPLETE, LEVELS, Impairments
from otel_voice_processor.simulate.mix import HARD_MIX, MIX, simulate
from otel_voice_processor.simulate.script import Script
from otel_voice_processor.simulate.telling import POLICY_VERSION, Withheld
from otel_voice_processor.simulate.truth import TrueInterruption, Truth

__all__ = [
    "AGENT",
    "COMPLETE",
    "EIGHT",
    "EIGHT_FAILING",
    "HARD_MIX",
    "LEVELS",
    "MIX",
    "POLICY_VERSION",
    "TELEPHONY",
    "Impairments",
    "Recording",
    "Script",
    "TrueInterruption",
    "Truth",
    "Withheld",
    "emit",
    "events_of",
    "recorded",
    "simulate",
]
