"""Starts the real servers on loopback, each in a folder of its own, and asks them."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from otel_voice_processor.testing import free_port

from tests.peers.install import found


@contextmanager
def running(name: str, arguments: Sequence[str], ready: str, work: Path) -> Iterator[Path]:
    """Run a server until the block ends; yields its log. `ready` is the URL that answers 200 when it is."""
    binary = found(name)
    if binary is None:
        pytest.skip(f"{name} is not built: python tests/peers/install.py")
    work.mkdir(parents=True, exist_ok=True)
    log = work / f"{name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen([binary, *arguments], cwd=work, stdout=out, stderr=subprocess.STDOUT)
        try:
            _await(ready, process, log)
            yield log
        finally:
            process.kill()  # scratch data: nothing to write out
            process.wait(10)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"not ready: {log.read_text(errors='replace')[-2000:]}")


@dataclass(frozen=True)
class Prometheus:
    """A real Prometheus; `endpoint` is where its OTLP receiver would be."""

    url: str
    log: Path

    @property
    def endpoint(self) -> str:
        """Return what goes into `exporters.metrics.endpoint`."""
        return f"{self.url}/api/v1/otlp"

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data that the HTTP API answers; raise with its words where it refuses."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def value(self, query: str, at_s: float) -> float | None:
        """Return the one value of a query, None where it has none."""
        result = self.ask("query", query=query, time=f"{at_s:.3f}")["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    def newest_s(self, metric: str = "voice_calls_total") -> float:
        """Return the time of the newest sample: there Prometheus has nothing to extrapolate at the end."""
        return self.value(f"max(timestamp({metric}))", time.time()) or 0.0


@contextmanager
def prometheus(work: Path, *, receiver: bool = True, port: int = 0, config: str = "") -> Iterator[Prometheus]:
    """Run Prometheus as it is, without any feature flag, on a port given or a free one; `config` is its YAML."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "prometheus.yml").write_text(config)
    port = port or free_port()
    told = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={work / 'data'}", f"--config.file={work / 'prometheus.yml'}"]
    flags = ["--web.enable-otlp-receiver"] if receiver else []
    with running("prometheus", [*told, *flags], f"http://127.0.0.1:{port}/-/ready", work) as log:
        yield Prometheus(f"http://127.0.0.1:{port}", log)


TEMPO = """
server:
  http_listen_address: 127.0.0.1
  http_listen_port: {http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: {grpc}
  log_level: warn
distributor: {{receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}}}
ingester:
  trace_idle_period: 500ms
  flush_check_period: 500ms
  max_block_duration: {block}
  complete_block_timeout: {kept}
  lifecycler: {{address: 127.0.0.1, min_ready_duration: 0s, final_sleep: 0s, ring: {{kvstore: {{store: inmemory}}, replication_factor: 1}}}}
query_frontend: {{search: {{query_backend_after: 0s}}}}
compactor: {{ring: {{kvstore: {{store: inmemory}}, wait_stability_min_duration: 0s}}}}
storage: {{trace: {{backend: local, blocklist_poll: 500ms, local: {{path: ./data/blocks}}, wal: {{path: ./data/wal}}}}}}
memberlist: {{bind_addr: [127.0.0.1], bind_port: {gossip}, abort_if_cluster_join_fails: false}}
usage_report: {{reporting_enabled: false}}
multitenancy_enabled: {tenants}
"""  # ready in 0.2 s and searchable in 1 s, where the defaults take half a minute


@dataclass(frozen=True)
class Tempo:
    """A real Tempo: its HTTP API, and where it takes OTLP gRPC."""

    url: str
    otlp: str


@contextmanager
def tempo(work: Path, *, tenants: bool = False, block: str = "5m", kept: str = "15m") -> Iterator[Tempo]:
    """Run Tempo as one process; blocks are cut after `block` and leave the ingester after `kept`."""
    work.mkdir(parents=True, exist_ok=True)
    http, grpc, otlp, gossip = (free_port() for _ in range(4))
    told = TEMPO.format(http=http, grpc=grpc, otlp=otlp, gossip=gossip, block=block, kept=kept, tenants=str(tenants).lower())
    (work / "tempo.yaml").write_text(told)
    with running("tempo", ["-config.file=tempo.yaml"], f"http://127.0.0.1:{http}/ready", work):
        yield Tempo(f"http://127.0.0.1:{http}", f"127.0.0.1:{otlp}")


@contextmanager
def collector(work: Path, config: str) -> Iterator[Path]:
    """Run an OpenTelemetry Collector; `config` is its YAML without `extensions`; yields its log."""
    work.mkdir(parents=True, exist_ok=True)
    health = free_port()
    told = f"extensions: {{health_check: {{endpoint: '127.0.0.1:{health}'}}}}\n{config}"
    (work / "config.yaml").write_text(told)
    with running("otelcol", ["--config", str(work / "config.yaml")], f"http://127.0.0.1:{health}/", work) as log:
        yield log
