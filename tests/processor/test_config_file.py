"""Config in the collector's vocabulary, strict, all problems at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otel_voice_processor.config import (
    Batch,
    Config,
    File,
    HttpExporter,
    Keepalive,
    MemoryLimiter,
    Retry,
    Rotation,
    SendingQueue,
    Storage,
    TraceExporter,
)
from otel_voice_processor.config_file import load_config, parse_config
from otel_voice_processor.errors import ConfigError
from otel_voice_processor.paths import output_problem

GOOD = """
receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:14317}}}}
processors: {voice_interruption: {settle_after: 1m30s, keep_transcript_text: true}}
exporters:
  otlp: {endpoint: localhost:4317, compression: gzip, tls: {insecure: true}, headers: {Authorization: "Bearer ${env:OV_TOKEN:-none}"}}
  file: {path: out.jsonl}
  metrics: {endpoint: "http://localhost:9090/api/v1/otlp/v1/metrics", interval: 1500ms}
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "c.yaml")
    return [re.sub(r"^(c\.yaml:\d+):\d+:", r"\1:", problem) for problem in caught.value.problems]


def test_a_problem_has_its_column() -> None:
    """As editors jump to it."""
    with pytest.raises(ConfigError) as caught:
        parse_config("exporters:\n  otlp_grpc: {endpoint: 'a:1', tsl: }\n  fil: {}", "c.yaml")

    assert ["c.yaml:2:32: ", "c.yaml:3:3: "] == [problem[: problem.index("unknown")] for problem in caught.value.problems]


def traces(settings: str) -> str:
    return f"exporters: {{otlp: {{{settings}}}}}"


def kept(settings: str) -> str:
    return f"exporters: {{file: {{path: x, {settings}}}}}"


def http(settings: str) -> str:
    return f"exporters: {{otlp_http: {{{settings}}}}}"


def storage(settings: str) -> str:
    return f"extensions: {{file_storage: {{{settings}}}}}"


def metrics(settings: str) -> str:
    return f"exporters: {{metrics: {{{settings}}}}}"


@pytest.mark.parametrize("text", ["", "receivers:\n", "receivers: {otlp: {protocols: {grpc: }}}", "processors: {voice_interruption: ~}"])
def test_every_key_has_a_default(text: str) -> None:
    """An empty file, or an empty section, is the default."""
    assert Config() == parse_config(text, "c.yaml")


def test_the_collectors_words_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durations, aliases, headers and environment are read as the collector reads them."""
    monkeypatch.setenv("OV_TOKEN", "s3cret")
    config = parse_config(GOOD, "c.yaml")

    assert config.receiver.endpoint == "127.0.0.1:14317"
    assert config.judging.settle_after == 90.0
    assert config.traces[0].headers == {"authorization": "Bearer s3cret"}
    assert config.metrics.interval == 1.5 if config.metrics else False
    assert "s3cret" not in repr(config)


def test_there_may_be_several_exporters_of_a_kind() -> None:
    """Told apart by name, in the file's order; an older name of the kind is the newer one."""
    text = """
exporters:
  otlp/tempo:
    endpoint: a:1
    sending_queue: {num_consumers: 2, batch: {max_size: 1000, sizer: bytes}}
    retry_on_failure: {max_elapsed_time: 1h}
  otlphttp: {endpoint: 'https://h/otlp', compression: zstd, headers: {x: y}}
  otlp_grpc: {endpoint: 'b:1'}
  otlp_http/logs: {logs_endpoint: 'http://l/x', timeout: 1s}
"""
    tempo, cloud, plain, logs = parse_config(text, "c.yaml").traces

    assert tempo == TraceExporter(
        name="otlp_grpc/tempo",
        endpoint="a:1",
        sending_queue=SendingQueue(num_consumers=2, batch=Batch(max_size=1000)),
        retry_on_failure=Retry(max_elapsed_time=3600.0),
    )
    assert cloud == HttpExporter(endpoint="https://h/otlp", compression="zstd", headers={"x": "y"})
    assert plain == TraceExporter(endpoint="b:1")
    assert logs == HttpExporter(name="otlp_http/logs", logs_endpoint="http://l/x", timeout=1.0)
    assert isinstance(cloud, HttpExporter)
    assert {"traces": "https://h/otlp/v1/traces", "logs": "https://h/otlp/v1/logs"} == cloud.urls
    assert {"logs": "http://l/x"} == logs.urls if isinstance(logs, HttpExporter) else False


def test_the_journals_place_and_bounds_are_read(tmp_path: Path) -> None:
    """`none` is a journal in memory only."""
    bounds = "max_megabytes: 7, max_age: 24h, dead_letters: {max_megabytes: 0}"
    settings = f"directory: {tmp_path}/a/b, create_directory: true, fsync: false, {bounds}"

    assert Storage() == parse_config(storage(""), "c.yaml").storage
    assert Storage(in_memory=True) == parse_config(storage("directory: none"), "c.yaml").storage
    assert parse_config(storage(settings), "c.yaml").storage == Storage(
        directory=f"{tmp_path}/a/b", fsync=False, max_megabytes=7, max_age=86_400.0, max_dead_letter_megabytes=0
    )


def test_a_file_is_kept_as_the_collectors_words_say() -> None:
    """Each of them is read; `rotation` with nothing in it is its defaults, and without it there is none."""
    settings = "{max_megabytes: 7, max_days: 3, max_backups: 0, localtime: true, interval: 24h}"
    rotation = Rotation(max_megabytes=7, max_days=3, max_backups=0, localtime=True, interval=86_400.0)
    everything = kept(f"format: proto, compression: zstd, append: true, create_directory: true, rotation: {settings}")

    assert File(path="x") == parse_config(kept(""), "c.yaml").file
    assert File(path="x", rotation=Rotation()) == parse_config(kept("rotation: "), "c.yaml").file
    assert parse_config(everything, "c.yaml").file == File(
        path="x", format="proto", compression="zstd", create_directory=True, rotation=rotation
    )
    assert parse_config("exporters: {file: {path: absent/a/x, create_directory: true}}", "c.yaml").file
    assert not parse_config(kept("append: false"), "c.yaml").file.append  # type: ignore[union-attr]


def test_a_rotation_is_due_at_the_first_of_its_ages() -> None:
    """`interval` and `max_days` both count; with neither a file may be of any age."""
    assert (0.0, 60.0, 86_400.0) == (Rotation().max_age, Rotation(interval=60.0, max_days=1).max_age, Rotation(max_days=1).max_age)


def test_a_path_that_cannot_be_written_is_told_before_start(tmp_path: Path) -> None:
    """A pipe keeps nothing; and neither a file nor a folder that is read-only can be written, which root is not held to."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch(0o400)
    (tmp_path / "folder").mkdir(0o500)
    told = {name: output_problem(str(tmp_path / name)) for name in ("pipe", "file", "folder/x", "absent")}

    assert " is no regular file: a pipe or a device keeps nothing" == told["pipe"]
    assert told["absent"] is None
    if os.geteuid():
        assert " cannot be written: it, or what it is on, is read-only" == told["file"]
        assert f": the folder `{tmp_path / 'folder'}` cannot be written to" == told["folder/x"]


@pytest.mark.parametrize("token", ["0123", "12:30:45", "a: b", "@tok", "#x", "null", "true", "{}", "a${env:OV_TOKEN}b", "*x", "%41"])
def test_a_value_from_the_environment_is_never_read_as_yaml(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """A token is that token, quoted in the file or not."""
    monkeypatch.setenv("OV_TOKEN", token)
    for written in ("${env:OV_TOKEN}", '"${OV_TOKEN}"', "${env:OV_TOKEN:-none}"):
        text = f"exporters:\n  otlp:\n    endpoint: http://a:1\n    headers:\n      x-token: {written}\n"

        assert {"x-token": token} == parse_config(text, "c.yaml").traces[0].headers


def test_the_environment_gives_numbers_durations_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unquoted value is of the kind that its text is."""
    monkeypatch.setenv("OV_CALLS", "7")
    monkeypatch.setenv("OV_KEEP", "true")
    ours = "processors:\n  voice_interruption:\n    "
    lines = ("max_calls: ${env:OV_CALLS}", "keep_transcript_text: ${OV_KEEP}", "settle_after: ${env:OV_QUIET:-2s}", "policy: $$x")
    judging = parse_config(ours + "\n    ".join(lines), "c.yaml").judging

    assert (7, True, 2.0, "$x") == (judging.max_calls, judging.keep_transcript_text, judging.settle_after, judging.policy)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("recievers: {}", "c.yaml:1: unknown key `recievers` at the file: did you mean `receivers`?"),
        ("exporters:\n  otlp_grpc: {endpoint: 'a:1', tsl: }", "c.yaml:2: unknown key `tsl` at exporters.otlp_grpc: did you mean `tls`?"),
        ("exporters:\n  otlp_grpc: {}", "c.yaml:2: exporters.otlp_grpc has no `endpoint`"),
        ("exporters:\n  metrics:", "c.yaml:2: exporters.metrics has no `endpoint`"),
        ("exporters:\n  file:", "c.yaml:2: exporters.file has no `path`"),
        ("exporters: {file: {path: ''}}", "exporters.file.path must be text in one line, not text"),
        ("exporters: {file: {path: absent/folder/x}}", "exporters.file.path `absent/folder/x`: there is no folder"),
        ("exporters: {file: {path: .}}", "exporters.file.path `.` is a folder"),
        ("exporters: {file: {path: /dev/null}}", "exporters.file.path `/dev/null` is no regular file: a pipe or a device keeps nothing"),
        ("exporters: {file: {path: README.md/a/x, create_directory: true}}", "exporters.file.path `README.md/a/x`: there is no folder"),
        (kept("rotaton: {}"), "unknown key `rotaton` at exporters.file: did you mean `rotation`?"),
        (kept("rotation: {max_megabyte: 1}"), "unknown key `max_megabyte` at exporters.file.rotation: did you mean `max_megabytes`?"),
        (kept("rotation: {max_megabytes: 0}"), "exporters.file.rotation.max_megabytes must be a whole number from 1 to"),
        (kept("rotation: {max_backups: -1}"), "exporters.file.rotation.max_backups must be a whole number from 0 to"),
        (kept("rotation: {max_days: 1.5}"), "exporters.file.rotation.max_days must be a whole number"),
        (kept("rotation: {interval: 0}"), "exporters.file.rotation.interval must be a duration such as `15s`"),
        (kept("rotation: {localtime: 1}"), "exporters.file.rotation.localtime must be true or false"),
        (kept("rotation: daily"), "exporters.file.rotation must be a mapping"),
        (kept("format: jsn"), "unknown value `jsn` at exporters.file.format: did you mean `json`?"),
        (kept("compression: gzip, rotation: {}"), "unknown value `gzip` at exporters.file.compression"),
        (kept("compression: zstd"), "exporters.file.compression is of rotated files, and there is no `rotation`: `rotation: {}` will do"),
        (kept("append: false, rotation: {}"), "exporters.file.append is false, and there is `rotation`: one of them is wrong"),
        (kept("flush_interval: 1s"), "exporters.file.flush_interval is the collector's: here a request is written before its sender"),
        (kept("directory_permissions: '0755'"), "exporters.file.directory_permissions is the collector's: a folder that is made"),
        (kept("compression_params: {level: 3}"), "exporters.file.compression_params is the collector's: the level is 3"),
        (traces("endpoint: 'a:1', compression: gzp"), "unknown value `gzp` at exporters.otlp.compression: did you mean `gzip`?"),
        (
            "processors: {voice_interruption: {settle_after: soon}}",
            "a duration such as `15s`, `500ms` or `1m30s`, up to 720h, not text `soon`",
        ),
        ("processors: {voice_interruption: {settle_after: -5s}}", "not text `-5s`"),
        ("processors: {voice_interruption: {settle_after: 721h}}", "not text `721h`"),
        ("processors: {voice_interruption: {settle_after: 5}}", "not a whole number `5`"),
        ("processors: {voice_interruption: {max_calls: -1}}", "must be a whole number from 1 to 1000000000, not a whole number `-1`"),
        ("processors: {voice_interruption: {max_calls: .inf}}", "not a number `.inf`"),
        ("processors: {voice_interruption: {keep_transcript_text: yes}}", "must be true or false, not a boolean `yes`"),
        ("processors: {voice_interruption: {policy: [a]}}", "must be text in one line, not a list"),
        ('processors: {voice_interruption: {policy: "a\\0"}}', "must be text in one line, not text `a\\x00`"),
        ("receivers: {otlp: {protocols: {http: {}}}}", "unknown key `http` at receivers.otlp.protocols"),
        ("receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 2048}}}}", "from 1 to 2047"),
        ("receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 512}}}}", "the largest requests would never be taken"),
        ("receivers: [1]", "receivers must be a mapping, not a list"),
        ("just text", "the file must be a mapping, not text `just text`"),
        ("a: [", "not readable as YAML"),
        ("receivers: {}\nreceivers: {}", "c.yaml:2: key `receivers` at the file is given twice"),
        (traces("endpoint: 'a:1', retry_on_failure: {multiplier: .nan}"), "must be a number between 1 and 100"),
        (traces("endpoint: 'a:1', retry_on_failure: {randomization_factor: 1.5}"), "must be a number between 0 and 1"),
        (
            traces("endpoint: 'a:1', retry_on_failure: {initial_interval: 0}"),
            "from 0.01s, up to 720h, not a whole number `0`",
        ),
        (metrics("endpoint: 'http://a', interval: 10ms"), "from 1s, up to 720h, not text `10ms`"),
        (traces("endpoint: 'https://a:1', tls: {insecure: true}"), "one of them is wrong"),
        (traces("endpoint: 'http://a:1', tls: {ca_file: x}"), "names files, and the connection is to be made without TLS"),
        (traces("endpoint: 'a:1', tls: {ca_file: absent.pem}"), "exporters.otlp.tls: `absent.pem` cannot be read: No such file"),
        (traces("endpoint: 'a:1', tls: {cert_file: README.md}"), "`cert_file` and `key_file` go together"),
        (
            traces("endpoint: 'a:1', compression: zstd"),
            "compression `zstd` is not there: gRPC for Python compresses by gzip alone; `otlp_http`",
        ),
        (traces("endpoint: 'a:1', compression: snappy"), "compression `snappy` is not there: gRPC for Python compresses by gzip alone"),
        ("exporters: {otlp_grpc/: {endpoint: 'a:1'}}", "exporters.otlp_grpc/: after the `/` a name is wanted"),
        ("exporters: {otlp_http/a/b: {endpoint: 'http://a'}}", "exporters.otlp_http/a/b: after the `/` a name is wanted"),
        ("exporters: {otlp_gprc/a: {endpoint: 'a:1'}}", "unknown key `otlp_gprc/a` at exporters: did you mean `otlp_grpc`?"),
        ("exporters: {otlp: {endpoint: 'a:1'}, otlp_grpc: {endpoint: 'b:1'}}", "is `otlp_grpc` once more: a name tells two apart"),
        (
            "exporters: {otlphttp/a: {endpoint: 'a:1'}, otlp_http/a: {endpoint: 'b:1'}}",
            "is `otlp_http/a` once more: a name tells two apart",
        ),
        (
            traces("endpoint: 'a:1', sending_queue: {enabled: true}"),
            "sending_queue.enabled is the collector's: what waits lies in the journal",
        ),
        (
            traces("endpoint: 'a:1', sending_queue: {queue_size: 9}"),
            "queue_size is the collector's: how much may wait is `extensions.file_st",
        ),
        (traces("endpoint: 'a:1', sending_queue: {storage: x}"), "storage is the collector's: what waits lies in the journal, where `ext"),
        (traces("endpoint: 'a:1', sending_queue: {block_on_overflow: true}"), "when the journal is full, senders are asked to come back"),
        (traces("endpoint: 'a:1', sending_queue: {num_consumer: 1}"), "did you mean `num_consumers`?"),
        (traces("endpoint: 'a:1', sending_queue: {num_consumers: 0}"), "sending_queue.num_consumers must be a whole number from 1 to 100"),
        (
            traces("endpoint: 'a:1', sending_queue: {batch: {sizer: items}}"),
            "unknown value `items` at exporters.otlp.sending_queue.batch.sizer",
        ),
        (
            traces("endpoint: 'a:1', sending_queue: {batch: {flush_timeout: 1s}}"),
            "flush_timeout is the collector's: what waits goes at once",
        ),
        (http("compression: gzip"), "exporters.otlp_http has no `endpoint`"),
        (http("endpoint: 'http://h', compression: snappy"), "unknown value `snappy` at exporters.otlp_http.compression"),
        (http("endpoint: 'http://h', encoding: json"), "exporters.otlp_http.encoding is the collector's: requests go as protobuf"),
        (http("endpoint: 'http://h/v1/traces'"), "exporters.otlp_http.endpoint ends in `/v1/traces`, which is appended to it"),
        (http("traces_endpoint: 'http://h', signals: [traces, logs]"), "has `logs`, and there is neither `endpoint` nor `logs_endpoint`"),
        (http("traces_endpoint: 'https://h', tls: {insecure: true}"), "exporters.otlp_http.tls.insecure is true, and the endpoint begins"),
        (http("logs_endpoint: 'ftp://h'"), "exporters.otlp_http.logs_endpoint `ftp://h` is no endpoint: unknown scheme"),
        (http("endpoint: 'http://h', headers: {content-encoding: x}"), "headers.content-encoding is set by the protocol itself"),
        (storage("directory: README.md"), "extensions.file_storage.directory `README.md` is no folder"),
        (storage("directory: README.md/x"), "extensions.file_storage.directory `README.md/x`: `"),
        (storage("directory: absent, create_directory: false"), "`absent` is not there, and `create_directory` is false"),
        (storage("directory: ~"), "extensions.file_storage.directory must be text"),
        (storage("max_megabytes: 0"), "extensions.file_storage.max_megabytes must be a whole number from 1"),
        (storage("max_age: 5"), "extensions.file_storage.max_age must be a duration"),
        (storage("dead_letters: {max_megabyte: 5}"), "did you mean `max_megabytes`?"),
        (storage("compaction: {}"), "extensions.file_storage.compaction is the collector's: what is sent makes room by itself"),
        ("extensions: {file_storag: {}}", "unknown key `file_storag` at extensions: did you mean `file_storage`?"),
    ],
)
def test_a_mistake_is_answered_with_where_what_and_the_nearest_name(text: str, wanted: str) -> None:
    """Each mistake gives a line that helps."""
    found = problems_of(text)

    assert any(wanted in problem for problem in found), found
    assert 1 == len(found), found


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ("x: ' {}'", "headers.x must be printable ASCII"),
        ("x: 'é{}'", "headers.x must be printable ASCII"),
        ('x: "a\\n{}"', "headers.x must be printable ASCII"),
        ("'x y': {}", "headers.x y is no header's name"),
        ("content-length: {}", "headers.content-length is set by the protocol itself"),
        ("grpc-timeout: {}", "is set by the protocol itself"),
        ("x-bin: {}", "is set by the protocol itself"),
        ("a: {}, A: {}", "headers.A is given twice: case does not count"),
        ("a: {}, a: {}", "key `a` at exporters.otlp.headers is given twice"),
        ("a: [{}]", "headers.a must be text"),
        ("a: ~", "headers.a must be text"),
        ("a: ''", "headers.a must be printable ASCII"),
    ],
)
def test_a_wrong_header_is_named_and_never_shown(headers: str, wanted: str) -> None:
    """A header may be a token: no problem holds its value."""
    found = problems_of(traces("endpoint: 'a:1', tls: {insecure: true}, headers: {" + headers.replace("{}", "s3cret") + "}"))

    assert any(wanted in problem for problem in found), found
    assert "s3cret" not in "".join(found)


def test_headers_that_are_no_mapping_are_not_shown() -> None:
    """Nor is a header in a wrong place."""
    assert ["c.yaml:1: exporters.otlp.headers must be a mapping of names to values"] == problems_of(
        traces("endpoint: 'a:1', headers: 'authorization: s3cret'")
    )


@pytest.mark.parametrize(
    "given_endpoint",
    [
        "nowhere",
        ":4317",
        "a:0",
        "a:65536",
        "a:x",
        "http://",
        "ftp://a:1",
        "htps://a:1",
        "a b:1",
        "[::1:4",
        "[x]:1",
        "-a:1",
        "a:1/p",
        "a:1?x=1",
        "u:p@a:1",
    ],
)
def test_what_is_no_grpc_endpoint_is_refused(given_endpoint: str) -> None:
    """A server needs a host and a port, and nothing more."""
    (problem,) = problems_of(traces(f"endpoint: '{given_endpoint}'"))

    assert "exporters.otlp.endpoint" in problem
    assert "is no endpoint: " in problem
    assert ("u:p" in problem, "x=1" in problem) == (False, False)


@pytest.mark.parametrize(
    "endpoint", ["http://", "http://h:abc", "http://[::1", "https://h/a b", "h", "http://h:", "http://h?token=x", "http://h#x"]
)
def test_what_is_no_http_endpoint_is_refused(endpoint: str) -> None:
    """So that it is not found at the first push."""
    (problem,) = problems_of(metrics(f"endpoint: '{endpoint}'"))

    assert "is no endpoint: " in problem


@pytest.mark.parametrize(
    "endpoint", ["https://h", "http://h/a%20b", "h:1", "http://[::1]/x", "localhost:9090/api/v1/otlp", "http://a_b.c-d.:1/"]
)
def test_http_endpoints_are_taken(endpoint: str) -> None:
    """With a scheme the port is the scheme's."""
    read = parse_config(metrics(f"endpoint: '{endpoint}'"), "c.yaml").metrics

    assert read is not None
    assert endpoint == read.endpoint


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        (":4317", "`0.0.0.0:4317` is every interface"),
        ("http://a:1", "no scheme"),
        ("nowhere", "`host:port` is wanted"),
        ("a:1/x", "no path"),
    ],
)
def test_what_cannot_be_listened_on_is_refused(endpoint: str, wanted: str) -> None:
    """The receiver's endpoint is an address of this machine."""
    (problem,) = problems_of(f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{endpoint}'}}}}}}}}")

    assert wanted in problem


@pytest.mark.parametrize(("written", "seconds"), [("0", 0), ("0s", 0), ("1.5h", 5400), ("2m.5s", 120.5), ("3µs", 3e-6), ("720h", 2592000)])
def test_durations_are_go_s(written: str, seconds: float) -> None:
    """As the collector's config has them."""
    assert (
        pytest.approx(seconds) == parse_config(f"processors: {{voice_interruption: {{expire_after: {written}}}}}", "c").judging.expire_after
    )


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty token would be found out by downstream only."""
    monkeypatch.delenv("OV_TOKEN", raising=False)
    text = "exporters:\n  otlp:\n    endpoint: '${env:OV_TOKEN}:${OV_PORT:-1}'\n    headers: {a: '${file:x}'}\n"

    place = "c.yaml:3: exporters.otlp.endpoint `${env:OV_TOKEN}:${OV_PORT:-1}`"

    assert [
        "c.yaml:3: `${env:OV_TOKEN}`: the environment has no `OV_TOKEN`, and no default is given as in `${env:OV_TOKEN:-default}`",
        f"{place} is no endpoint: `host:port` is wanted, with a port from 1 to 65535",
        "c.yaml:4: `${file:x}` cannot be expanded: only `${env:NAME}` and `${env:NAME:-default}` are, `$$` is a dollar",
        "c.yaml:4: exporters.otlp.headers.a must be printable ASCII without a space before or after it, and not empty",
    ] == problems_of(text)


def test_a_problem_shows_what_is_written_not_what_the_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds secrets, and a variable may stand in the wrong place."""
    monkeypatch.setenv("OV_TOKEN", "s3cret")
    found = problems_of(
        "processors: {voice_interruption: {max_calls: '${env:OV_TOKEN}', settle_after: '${env:OV_TOKEN}'}}\n"
        "exporters: {otlp: {endpoint: 'x${env:OV_TOKEN}', compression: '${env:OV_TOKEN}'}, file: '${env:OV_TOKEN}'}"
    )

    assert 5 == len(found)
    assert "s3cret" not in "".join(found)
    assert all("`${env:OV_TOKEN}`" in problem or "`x${env:OV_TOKEN}`" in problem for problem in found), found


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes, two lines."""
    assert 2 == len(problems_of("recievers: {}\nexporters: {fil: {}}"))


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """Missing, a folder, no text."""
    (tmp_path / "bytes").write_bytes(b"a: 1\n\xff")
    for name, wanted in (
        ("absent", ":1: cannot be read: No such file"),
        ("", ":1: cannot be read: Is a directory"),
        ("bytes", ":2:1: cannot be read: not UTF-8"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / name)
        assert wanted in caught.value.problems[0]


_keys = st.sampled_from(
    [
        "receivers",
        "otlp",
        "protocols",
        "grpc",
        "endpoint",
        "processors",
        "voice_interruption",
        "settle_after",
        "max_calls",
        "exporters",
        "otlp_grpc",
        "otlp_http/a",
        "sending_queue",
        "batch",
        "extensions",
        "file_storage",
        "directory",
        "file",
        "path",
        "metrics",
        "protocol",
        "headers",
        "tls",
        "insecure",
        "ca_file",
        "timeout",
        "retry_on_failure",
        "multiplier",
        "compression",
        "interval",
        "policy",
        "keep_transcript_text",
        "x",
    ]
)
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["5s", "a:1", "http://h", "grpc", "${env:HOME}"])
)
_trees = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=6), max_leaves=30)


@given(st.text() | _trees.map(lambda tree: __import__("yaml").safe_dump(tree, allow_unicode=True)))
def test_any_text_gives_a_config_or_its_problems(text: str) -> None:
    """No content is a traceback, and each problem is one line with its place."""
    try:
        parse_config(text, "c.yaml")
    except ConfigError as error:
        problems = error.problems
    else:
        return

    assert problems
    assert all(problem.startswith("c.yaml:") and problem.isprintable() for problem in problems)


def test_the_receivers_bounds_are_the_collectors_words() -> None:
    """`keepalive` and `memory_limiter` are read as there; what is not said keeps its default."""
    parameters = "server_parameters: {max_connection_age: 30m, time: 30s}, enforcement_policy: {min_time: 0s, permit_without_stream: true}"
    config = parse_config(
        f"receivers: {{otlp: {{protocols: {{grpc: {{keepalive: {{{parameters}}}, read_timeout: 5s, max_concurrent_streams: 7}}}}}}}}\n"
        "processors: {memory_limiter: {check_interval: 500ms, limit_mib: 1500, spike_limit_mib: 300}}",
        "c.yaml",
    )

    assert Keepalive(max_connection_age=1800.0, time=30.0, min_time=0.0) == config.receiver.keepalive
    assert (5.0, 7, 0) == (config.receiver.read_timeout, config.receiver.max_concurrent_streams, config.receiver.max_connections)
    assert MemoryLimiter(check_interval=0.5, limit_mib=1500, spike_limit_mib=300) == config.memory_limiter


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ("limit_mib: 100, spike_limit_mib: 100", ": the spike limit is no less than the limit, so that nothing would ever be taken"),
        ("limit_percentage: 0", " has no limit: `check_interval: 0s` is off"),
        (
            "limit_percentage: 10, spike_limit_percentage: 20",
            ": the spike limit is no less than the limit, so that nothing would ever be taken",
        ),
        ("limit_percentage: 101", ".limit_percentage must be a whole number from 0 to 100, not a whole number `101`"),
        ("limit_mb: 100", "unknown key `limit_mb` at processors.memory_limiter: did you mean `limit_mib`?"),
    ],
)
def test_limits_that_would_let_nothing_in_are_told(limits: str, problem: str) -> None:
    """Before the port opens, not as a refusal of everything."""
    (told,) = problems_of(f"processors: {{memory_limiter: {{{limits}}}}}")

    assert told.endswith(problem), told


def test_silent_connections_are_asked_whether_they_live() -> None:
    """gRPC has one switch for that and for who may ask us; the collector's `false` is told, not passed over."""
    text = "receivers: {otlp: {protocols: {grpc: {keepalive: {enforcement_policy: {permit_without_stream: false}}}}}}"
    (told,) = problems_of(text)

    assert "enforcement_policy.permit_without_stream is true here" in told
