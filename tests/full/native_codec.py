"""The native codec against the slim messages on millions of damaged requests, built with AddressSanitizer where `--sanitize` is given.

Run: `python tests/full/native_codec.py [--seconds 60] [--sanitize]`. Plain requests are overwritten, cut and spliced at random; what the
native codec takes, the slim messages must read alike, and what both write must mean the same. Any difference, and any byte read outside
a request, ends it with an error; the seed is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SOURCE = ROOT / "processor/otel_voice_processor/wire/_native.c"
SPANS = 8  # in a request: small ones are hurt where it matters


def sanitized(folder: Path) -> dict[str, str]:
    """Build the codec with sanitizers, and return the environment in which it is taken in place of the other."""
    include = sysconfig.get_paths()["include"]
    options = ["-O1", "-g", "-shared", "-fPIC", "-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["cc", *options, f"-I{include}", str(SOURCE), "-o", str(folder / "_native.abi3.so")], check=True)
    library = subprocess.run(["cc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True).stdout.strip()
    return os.environ | {
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",  # so that each object has a block of its own, whose ends are watched
        "NATIVE_CODEC": str(folder),
    }


def take_sanitized(folder: str) -> None:
    """Put the module of another folder in the place of the one that is installed."""
    import importlib.machinery
    import importlib.util

    name = "otel_voice_processor.wire._native"
    loader = importlib.machinery.ExtensionFileLoader(name, str(Path(folder) / "_native.abi3.so"))
    spec = importlib.util.spec_from_file_location(name, loader.path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules[name] = module


def fuzz(seconds: float, seed: int) -> tuple[int, int]:
    """Return how many requests were tried, and how many the native codec took."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from otel_voice_processor.model import TRACES
    from otel_voice_processor.redact import hidden
    from otel_voice_processor.wire.native import NATIVE, native_scan
    from otel_voice_processor.wire.slim import SlimScan

    from tests.benchmarks.pipeline import request_of
    from tests.processor.test_native import edited, mutated, values

    if NATIVE is None:
        raise SystemExit("the native codec is not built: pip install -e . with a C compiler")
    folder = os.environ.get("NATIVE_CODEC", "")
    assert str(NATIVE.__file__).startswith(folder), f"{NATIVE.__file__} is not the one that was built with sanitizers"
    chance, tried, taken, until = random.Random(seed), 0, 0, time.monotonic() + seconds
    sources = [request_of(voice, count=SPANS) for voice in (20, 50, 100)]
    while time.monotonic() < until:
        hurts = [(chance.randrange(4), chance.randrange(10**6), chance.randrange(256)) for _ in range(chance.randrange(4))]
        body = mutated(chance.choice(sources), hurts)
        tried += 1
        fast = native_scan(body, hidden)
        if fast is None:
            continue
        taken += 1
        slow = SlimScan(body, TRACES, aliases=False, hidden=hidden)
        assert [values(each) for each in slow.found] == [values(each) for each in fast.found], (seed, hurts)
        written = [edited(each, {"a": "b"}) for each in (slow, fast)]
        try:
            slow_read = ExportTraceServiceRequest.FromString(written[0])
        except DecodeError:  # a foreign span is damaged: it goes on as it came
            continue
        assert slow_read == ExportTraceServiceRequest.FromString(written[1]) or written[0] == written[1], (seed, hurts)
    return tried, taken


def main() -> None:
    """Fuzz, in a process of its own where sanitizers are to watch it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--sanitize", action="store_true", help="build it with AddressSanitizer and UndefinedBehaviorSanitizer first")
    options.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    chosen = options.parse_args()
    if chosen.sanitize:
        with tempfile.TemporaryDirectory() as folder:
            again = [sys.executable, __file__, "--seconds", str(chosen.seconds), "--seed", str(chosen.seed)]
            raise SystemExit(subprocess.run(again, env=sanitized(Path(folder)), check=False).returncode)
    if folder := os.environ.get("NATIVE_CODEC"):
        take_sanitized(folder)
    tried, taken = fuzz(chosen.seconds, chosen.seed)
    print(f"seed {chosen.seed}: {tried:,} requests, {taken:,} taken by the native codec, no difference")


if __name__ == "__main__":
    main()
