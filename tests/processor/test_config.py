"""Config in the collector's vocabulary, strict, all problems at once."""

import pytest
from otel_voice_processor.config import Config, parse_config
from otel_voice_processor.errors import ConfigError

GOOD = """
receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:14317}}}}
processors: {voice_interruption: {settle_after: 1m30s, keep_transcript_text: true}}
exporters:
  otlp: {endpoint: localhost:4317, compression: gzip, tls: {insecure: true}, headers: {Authorization: "Bearer ${env:OV_TOKEN:-none}"}}
  file: {path: out.jsonl}
  metrics: {endpoint: "http://localhost:9090/api/v1/otlp/v1/metrics", interval: 1500ms}
"""


def test_every_key_has_a_default() -> None:
    """An empty file is the default config."""
    assert Config() == parse_config("", "c.yaml")
    assert Config() == parse_config("receivers:\n", "c.yaml")


def test_the_collectors_words_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durations, aliases, headers and environment are read as the collector reads them."""
    monkeypatch.setenv("OV_TOKEN", "s3cret")
    config = parse_config(GOOD, "c.yaml")

    assert config.receiver.endpoint == "127.0.0.1:14317"
    assert config.judging.settle_after == 90.0
    assert config.traces[0].headers == {"authorization": "Bearer s3cret"}
    assert config.metrics.interval == 1.5 if config.metrics else False
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("recievers: {}", "c.yaml:1: unknown key `recievers`: did you mean `receivers`?"),
        ("exporters:\n  otlp_grpc: {endpont: 'a:1'}", "c.yaml:2: unknown key `endpont` at `exporters.otlp_grpc`: did you mean `endpoint`?"),
        ("exporters:\n  otlp_grpc: {}", "c.yaml:2: `exporters.otlp_grpc` has no `endpoint`"),
        ("exporters:\n  otlp: {endpoint: 'a:1', compression: gzp}", "`exporters.otlp.compression` is `gzp`: did you mean `gzip`?"),
        ("processors: {voice_interruption: {settle_after: soon}}", "is `soon`, not a duration such as `15s`"),
        ("processors: {voice_interruption: {max_calls: -1}}", "is `-1`, not a whole number above 0"),
        ("receivers: {otlp: {protocols: {grpc: {endpoint: nowhere}}}}", "is `nowhere`, not host:port"),
        ("receivers: [1]", "`receivers` is not a mapping"),
        ("a: [", "not YAML"),
        ("receivers: {}\nreceivers: {}", "c.yaml:2: key `receivers` stands twice"),
    ],
)
def test_a_mistake_is_answered_with_where_what_and_the_nearest_name(text: str, wanted: str) -> None:
    """Each mistake gives a line that helps."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "c.yaml")

    assert any(wanted in problem for problem in caught.value.problems), caught.value.problems


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes, two lines."""
    with pytest.raises(ConfigError) as caught:
        parse_config("recievers: {}\nexporters: {fil: {}}", "c.yaml")

    assert len(caught.value.problems) == 2
