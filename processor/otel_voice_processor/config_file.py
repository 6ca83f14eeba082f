"""The config file: YAML in the collector's vocabulary, read strictly, every problem with its line and at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from otel_voice.strict import read_root, read_text
from otel_voice_processor.config import Config, Judging, Receiver, Storage
from otel_voice_processor.config_file_bounds import BoundsReader
from otel_voice_processor.config_file_exporters import ExporterReader
from otel_voice_processor.config_file_values import Read
from otel_voice_processor.endpoints import listener_problem
from otel_voice_processor.errors import ConfigError
from otel_voice_processor.paths import folder_problem

IN_MEMORY: Final = "none"
_NOT_NEEDED: Final[Mapping[str, str]] = {  # of the collector's file storage
    "timeout": "a lock on the folder says at once whether another process has it",
    "compaction": "what is sent makes room by itself",
    "recreate": "what cannot be read is put aside by itself",
    "directory_permissions": "a folder that is made is its owner's alone",
}


def load_config(path: str | Path) -> Config:
    """Read a config file; raise `ConfigError` with every problem in it, each `file:line: what is wrong`."""
    reader = _Reader(str(path))
    text = read_text(reader, path)
    return _config(reader, text)


def parse_config(text: str, name: str) -> Config:
    """Read config text; `name` is how problems call the file. Raises as `load_config` does."""
    return _config(_Reader(name), text)


def _config(reader: _Reader, text: str | None) -> Config:
    root = read_root(reader, text) if text is not None else None
    config = reader.config(root) if root is not None else Config()
    if reader.problems:
        raise ConfigError(reader.problems, policy=config.judging.policy)
    return config


class _Reader(BoundsReader, ExporterReader):
    """Reads our settings."""

    def config(self, root: yaml.Node) -> Config:
        """Return the whole file's settings, as far as they are right."""
        self.expand(root)
        top = self.section(root, "the file", ("receivers", "processors", "exporters", "extensions"))
        otlp = self.section(self.section(top.get("receivers"), "receivers", ("otlp",)).get("otlp"), "receivers.otlp", ("protocols",))
        grpc = self.section(otlp.get("protocols"), "receivers.otlp.protocols", ("grpc",)).get("grpc")
        stages = self.section(top.get("processors"), "processors", ("memory_limiter", "voice_interruption"))
        more = self.section(top.get("extensions"), "extensions", ("health_check", "file_storage"))
        out = self.exporters(top.get("exporters"), "exporters")
        return Config(
            receiver=self._receiver(grpc, "receivers.otlp.protocols.grpc"),
            traces=out.traces,
            file=out.file,
            metrics=out.metrics,
            memory_limiter=self.memory_limiter(stages.get("memory_limiter"), "processors.memory_limiter"),
            judging=self._judging(stages.get("voice_interruption"), "processors.voice_interruption"),
            storage=self._storage(more.get("file_storage"), "extensions.file_storage"),
            status=self._status(more.get("health_check")),
        )

    def _receiver(self, node: yaml.Node | None, where: str) -> Receiver:
        kinds: dict[str, Read] = {
            "endpoint": self.endpoint(listener_problem),
            "max_recv_msg_size_mib": self.mib,
            "max_in_flight_mib": self.count,
            "max_concurrent_streams": self.count,
            "max_connections": self.limit,
            "read_timeout": self.seconds,
            "keepalive": self.keepalive,
        }
        found = Receiver(**self.values(node, where, kinds))
        if found.max_in_flight_mib < found.max_recv_msg_size_mib:
            limits = f"{found.max_in_flight_mib} MiB, less than max_recv_msg_size_mib, {found.max_recv_msg_size_mib} MiB"
            self.report(node, f"{where}.max_in_flight_mib is {limits}: the largest requests would never be taken")
        return found

    def _status(self, node: yaml.Node | None) -> str | None:
        fields = self.section(node, "extensions.health_check", ("endpoint",))
        if "endpoint" not in fields:
            return Config().status
        if fields["endpoint"].value == "none":
            return None
        read: str | None = self.endpoint(listener_problem)(fields["endpoint"], "extensions.health_check.endpoint")
        return read

    def _storage(self, node: yaml.Node | None, where: str) -> Storage:
        kinds: dict[str, Read] = {
            "directory": self.text,
            "create_directory": self.flag,
            "fsync": self.flag,
            "max_megabytes": self.count,
            "max_age": self.seconds,
            "dead_letters": self._dead_letters,
        }
        fields = self.fields(node, where, kinds, _NOT_NEEDED)
        found = self.read(fields, where, kinds)
        storage = Storage(
            in_memory=found.get("directory") == IN_MEMORY,
            directory=None if found.get("directory") == IN_MEMORY else found.pop("directory", None),
            max_dead_letter_megabytes=found.pop("dead_letters", Storage().max_dead_letter_megabytes),
            **{key: value for key, value in found.items() if key != "directory"},
        )
        problem = folder_problem(storage.directory, create_directory=storage.create_directory) if storage.directory else None
        if problem is not None:
            self.report(fields["directory"], f"{where}.directory{self.shown(fields['directory'])}{problem}")
        return storage

    def _dead_letters(self, node: yaml.Node, where: str) -> int | None:
        found: int | None = self.values(node, where, {"max_megabytes": self.limit}).get("max_megabytes")
        return found

    def _judging(self, node: yaml.Node | None, where: str) -> Judging:
        kinds: dict[str, Read] = {
            "policy": self.text,
            "keep_transcript_text": self.flag,
            "accept_aliases": self.flag,
            "settle_after": self.seconds,
            "expire_after": self.seconds,
            "forget_after": self.seconds,
            "agent_name_label": self.flag,
            "max_calls": self.count,
            "max_events_per_call": self.count,
        }
        return Judging(**self.values(node, where, kinds))
