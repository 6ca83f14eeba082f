"""Where files lie: what is wrong with the path of one that is to be written, where the journal is, and that it is on disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from otel_voice_processor.config import Config
from otel_voice_processor.errors import ConfigError


def output_problem(path: str, *, create_directory: bool = False) -> str | None:
    """Return what is wrong with a file to write, words that follow its path, or None."""
    if os.path.isdir(path):
        return " is a folder"
    if os.path.exists(path) and not os.path.isfile(path):
        return " is no regular file: a pipe or a device keeps nothing"
    if os.path.exists(path):
        return None if os.access(path, os.W_OK | os.R_OK) else " cannot be written: it, or what it is on, is read-only"
    folder = Path(os.path.realpath(path)).parent
    if not folder.exists() and create_directory:
        folder = next(each for each in folder.parents if each.exists())
    if not folder.is_dir():
        return ": there is no folder to write it to"
    return None if os.access(folder, os.W_OK | os.X_OK) else f": the folder `{folder}` cannot be written to"


def journal_directory(config: Config) -> Path | None:
    """Return where a processor keeps its journal, None where it keeps none.

    Unless the config says where, it is a folder of the user's own by the receiver's port, as the XDG base directories have it; a port of 0
    is another one each time, so that nothing would ever be found again. Raises `ConfigError` for a user without a home.
    """
    if config.storage.in_memory:
        return None
    if config.storage.directory is not None:
        return Path(config.storage.directory)
    port = config.receiver.endpoint.rpartition(":")[2]
    if port == "0":
        return None
    home = os.path.expanduser("~")
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")
    if not os.path.isabs(base):
        raise ConfigError([f"there is no home for a journal (`{base}`): set `extensions.file_storage.directory`, or `none` for none"])
    return Path(base) / "otel-voice" / port


def folder_problem(path: str, *, create_directory: bool = False) -> str | None:
    """Return what is wrong with a folder to write into, words that follow its path, or None."""
    folder = Path(os.path.realpath(path))
    if not folder.exists() and not create_directory:
        return " is not there, and `create_directory` is false"
    there = folder if folder.exists() else next(each for each in folder.parents if each.exists())
    if not there.is_dir():
        return " is no folder" if there == folder else f": `{there}` is no folder"
    return None if os.access(there, os.W_OK | os.X_OK) else f": the folder `{there}` cannot be written to"


def sync(path: Path) -> None:
    """See to it that a file's content, or a folder's names, are on disk; one that has gone needs it no more."""
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
