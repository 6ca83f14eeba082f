"""Boards are pushed by a process of their own over a real socket, to a server that keeps them as Grafana's API documents."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from otel_voice_dashboards.shipped import boards
from otel_voice_processor.testing import free_port

from tests.processor.cli.a_grafana import TOKEN, Server, serving

UID = "otel-voice-overview"
ALL = [board.uid for board in boards()]
SCRIPT = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def push(url: str, *options: str, token: str | None = TOKEN, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and key != "GRAFANA_TOKEN"}
    given = kept | ({} if token is None else {"GRAFANA_TOKEN": token}) | environment
    command = [sys.executable, "-c", SCRIPT, "dashboards", "push", "--url", url, *options]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def shipped(uid: str = UID) -> dict[str, Any]:
    return json.loads(json.dumps(next(board.model for board in boards() if board.uid == uid)))


def told(done: subprocess.CompletedProcess[str], uid: str = UID) -> str:
    """Return what was said of a board, on either stream."""
    (line,) = (line for line in (done.stdout + done.stderr).splitlines() if line.removeprefix("otel-voice: ").startswith(f"{uid}: "))
    return line.removeprefix("otel-voice: ").removeprefix(f"{uid}: ")


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = done.stderr.splitlines()
    return line


def saves(server: Server) -> int:
    return server.asked.count("POST /api/dashboards/db")


def test_boards_are_new_and_then_the_same(server: Server) -> None:
    """Every board is saved once, as it ships; the second push saves nothing."""
    first, second = push(server.url), push(server.url)

    assert (0, "", 0, "") == (first.returncode, first.stderr, second.returncode, second.stderr)
    assert f"Grafana 13.2.0 at {server.url}" == first.stdout.splitlines()[0]
    assert [f"{uid}: new, {server.url}/d/{uid}" for uid in ALL] == first.stdout.splitlines()[1:]
    assert [f"{uid}: same, {server.url}/d/{uid}" for uid in ALL] == second.stdout.splitlines()[1:]
    assert len(ALL) == saves(server)
    for uid in ALL:
        assert shipped(uid) | {"id": 11, "version": 1} == server.store.boards[uid].model
    assert {f"Bearer {TOKEN}"} == server.tokens


def test_a_dry_run_saves_nothing_and_makes_no_folder(server: Server) -> None:
    """It says the same, and that nothing is saved."""
    done = push(server.url, "--dry-run", "--folder", "Voice")

    assert 0 == done.returncode
    assert "nothing is saved (--dry-run)" in done.stdout.splitlines()[0]
    assert told(done).startswith("new")
    assert {} == server.store.boards
    assert {} == server.store.folders


def test_what_a_server_adds_is_no_change(server: Server) -> None:
    """A board imported by hand, with what Grafana adds to it, is the same: nothing is saved over it."""
    model = shipped() | {"schemaVersion": 43, "preload": False, "weekStart": "", "links": [each | {"x": 1} for each in shipped()["links"]]}
    model["annotations"] = {"list": [{"builtIn": 1, "name": "Annotations & Alerts"}, *shipped()["annotations"]["list"]]}
    model["panels"][0]["pluginVersion"] = "13.2.0"
    server.store.put(model, "", "")
    before = saves(server)
    done = push(server.url)

    assert told(done).startswith("same")
    assert len(ALL) - 1 == saves(server) - before
    assert 0 == done.returncode


def test_a_board_that_was_pushed_before_is_changed_to_what_ships_now(server: Server, earlier: dict[str, Any]) -> None:
    """What an earlier version pushed is saved over, and what changed is named."""
    del earlier["panels"][0]
    earlier["panels"][0]["title"] = "Missed, once"
    earlier["panels"][1]["targets"][0]["expr"] = "vector(1)"
    earlier["templating"]["list"][1]["label"] = "Flow"
    earlier["title"] = "Overview"
    pushed_earlier(server, earlier)
    names = [panel["title"] for panel in shipped()["panels"]]
    done = push(server.url)

    assert 0 == done.returncode
    assert (
        f"changed: new panels `{names[0]}`; panels `{names[1]}`; queries of `{names[2]}`; variables `workflow`; title, {server.url}/d/{UID}"
        == told(done)
    )
    assert shipped() | {"id": 11, "version": 2} == server.store.boards[UID].model
    assert told(push(server.url)).startswith("same")


def test_a_board_stays_where_it_was_put(server: Server, earlier: dict[str, Any]) -> None:
    """A save without a folder would move it to the root."""
    server.store.folders["team"] = "Team"
    earlier["title"] = "Earlier"
    pushed_earlier(server, earlier, "team")

    assert told(push(server.url)).startswith("changed: title, ")
    assert "team" == server.store.boards[UID].folder


def test_what_no_longer_ships_goes(server: Server, earlier: dict[str, Any]) -> None:
    """A setting that an earlier version pushed and this one has not is a change too, though all that ships is there."""
    earlier["panels"][0]["maxDataPoints"] = 100
    pushed_earlier(server, earlier)

    assert told(push(server.url)).startswith("changed: what is no longer set, ")
    assert "maxDataPoints" not in server.store.boards[UID].model["panels"][0]


@pytest.fixture
def earlier() -> dict[str, Any]:
    return shipped()


def pushed_earlier(server: Server, model: dict[str, Any], folder: str = "") -> None:
    """Have a board in Grafana as an earlier version's push left it."""
    server.store.put(model, folder, "otel-voice 0.0.9: board 0123456789abcdef over version 0")


def test_somebodys_changes_are_told_and_left_alone(server: Server) -> None:
    """Exit 1, with what a push would change; the other boards go on; `--force` saves over it."""
    push(server.url)
    theirs = json.loads(json.dumps(server.store.boards[UID].model))
    theirs["panels"][3]["title"] = "Ours"
    theirs["panels"].append({"id": 99, "type": "text", "title": "Notes"})
    server.store.put(theirs, "", "")
    before = saves(server)
    name = shipped()["panels"][3]["title"]
    left, forced = push(server.url), push(server.url, "--force")

    assert (1, 0) == (left.returncode, forced.returncode)
    assert told(left).startswith("left alone: it was last saved by somebody else, not by a push; ")
    assert told(left).endswith(f"A push would change: panels dropped `Notes`; panels `{name}`")
    assert told(forced).startswith(f"changed: panels dropped `Notes`; panels `{name}`")
    assert 1 == saves(server) - before
    assert told(push(server.url)).startswith("same")


def test_a_message_that_the_next_save_carries_on_is_not_ours(server: Server) -> None:
    """A save that repeats our message is somebody's all the same: it is not the version after the one we saved over."""
    push(server.url)
    message = server.store.boards[UID].versions[-1]["message"]
    theirs = server.store.boards[UID].model | {"title": "Ours"}
    server.store.put(theirs, "", message)

    assert "left alone" in told(push(server.url))
    assert "Ours" == server.store.boards[UID].model["title"]


def test_a_board_in_a_newer_form_is_somebodys(server: Server) -> None:
    """Saved by a newer Grafana as no classic board any more, it is left alone."""
    server.store.put({"uid": UID, "title": "x", "elements": {}, "layout": {}}, "", "")

    assert told(push(server.url)).endswith("A push would change: all of it: it is not in the classic form any more")


def test_a_provisioned_board_cannot_be_saved(server: Server) -> None:
    """The same content is the same; else the file is named, and `--force` does not help."""
    server.store.put(shipped(), "", "")
    server.store.boards[UID].provisioned = True
    assert told(push(server.url)).startswith("same")

    server.store.boards[UID].model["title"] = "Older"
    for options in ((), ("--force",)):
        done = push(server.url, *options)
        assert 1 == done.returncode
        assert "left alone: it is provisioned from otel-voice/x.json and cannot be saved; change it there. Not the same: title" == told(
            done
        )


def test_a_board_that_is_saved_meanwhile_is_not_overwritten(server: Server, earlier: dict[str, Any]) -> None:
    """Between look and save somebody saves: Grafana says 412, and what they saved stays, also with `--force`."""
    for options in ((), ("--force",)):
        server.store.boards.clear()
        earlier["title"] = "Earlier"
        pushed_earlier(server, earlier)

        def save(uid: str) -> None:
            if uid == UID:
                server.store.before_save = lambda uid: None
                server.store.put(shipped() | {"title": "Theirs"}, "", "")

        server.store.before_save = save
        done = push(server.url, *options)

        assert 1 == done.returncode
        assert "412: The dashboard has been changed by someone else: somebody saved it just now" in told(done)
        assert "Theirs" == server.store.boards[UID].model["title"]


def test_the_folder_is_made_once_and_boards_move_into_it(server: Server) -> None:
    """By title, or by uid also below other folders; without `--folder` a board stays where it is."""
    push(server.url)
    moved, stays = push(server.url, "--folder", "Voice"), push(server.url)
    server.store.nested["deep-1"] = "Deep"
    deep = push(server.url, "--folder", "deep-1")

    assert told(moved).startswith("changed: folder `Dashboards` to `Voice`")
    assert told(stays).startswith("same")
    assert told(deep).startswith("changed: folder `Voice` to `Deep`")
    assert "deep-1" == server.store.boards[UID].folder
    assert ["Voice"] == list(server.store.folders.values())


def test_a_folder_is_found_on_a_later_page_and_two_of_a_name_are_told(server: Server) -> None:
    """Grafana lists a thousand folders at a time; of two with one title the uid decides."""
    server.store.folders |= {f"f{number}": f"Team {number}" for number in range(1200)} | {"a": "Twin", "b": "Twin"}

    assert 0 == push(server.url, "--folder", "Team 1100").returncode
    assert "f1100" == server.store.boards[UID].folder
    done = push(server.url, "--folder", "Twin")
    assert 2 == done.returncode
    assert only_line(done).endswith("has 2 folders that are called `Twin`: name one by its uid: `a`, `b`")


@pytest.mark.parametrize(
    ("permission", "options", "said"),
    [
        ("dashboards:read", (), "lacks `dashboards:read` on the board"),
        ("dashboards:create", (), "lacks `dashboards:create` on the folder `Dashboards`"),
        ("dashboards:create", ("--folder", "Voice"), "lacks `dashboards:create` on the folder `Voice`"),
        ("folders:create", ("--folder", "Voice"), "lacks `folders:create`"),
    ],
)
def test_a_permission_that_is_missing_is_named(server: Server, permission: str, options: tuple[str, ...], said: str) -> None:
    """Exit 1, Grafana's words and ours."""
    server.store.denied.add(permission)
    done = push(server.url, *options)

    assert 1 == done.returncode
    assert f"403: You'll need additional permissions to perform this action. Permissions needed: {permission}" in told(done)
    assert f"{said}, which the role Editor has" in told(done)


def test_a_quota_is_no_missing_permission(server: Server) -> None:
    """Both are a 403."""
    server.instead = lambda method, path: (403, {}, b'{"message":"Quota reached"}') if method == "POST" else None

    assert told(push(server.url)).endswith("refuses with 403: Quota reached")


def test_another_board_of_that_title_is_told(server: Server) -> None:
    """Older Grafanas want titles that are unique in a folder; a reason that is not known is told as Grafana words it."""
    server.store.conflict = "name-exists"
    assert "already exists: the folder has another board of that title; rename that one" in told(push(server.url))

    server.store.conflict = "plugin-dashboard"
    assert told(push(server.url)).endswith("in the folder already exists")


def test_a_board_that_may_be_read_and_not_written_is_refused(server: Server) -> None:
    """A viewer's token cannot see who saved a board last."""
    push(server.url)
    server.store.denied.add("dashboards:write")

    assert "lacks `dashboards:write` on the board" in told(push(server.url))


def test_a_token_is_wanted_and_a_wrong_one_is_told(server: Server, tmp_path: Path) -> None:
    """Exit 2, one line that shows no token; a Grafana that lets everybody in needs none."""
    without, wrong = push(server.url, token=None), push(server.url, token="glsa_wrong_9")
    server.store.anonymous = True

    assert (2, 2) == (without.returncode, wrong.returncode)
    assert "refuses with 401: Invalid API key: it wants a token; one of a service account goes into" in only_line(without)
    assert "refuses with 401: Invalid API key: the token is wrong, was taken back or has expired" in only_line(wrong)
    assert "glsa_wrong_9" not in wrong.stderr + wrong.stdout
    assert 0 == push(server.url, token=None).returncode


def test_the_token_may_lie_in_a_file(server: Server, tmp_path: Path) -> None:
    """It wins over the environment's; what cannot be one is told without being shown."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert 0 == push(server.url, "--token-file", str(path), token="glsa_wrong_9").returncode

    path.write_text("two words_77")
    bad = push(server.url, "--token-file", str(path))
    assert (2, f"otel-voice: `{path}` holds no token: one line of plain characters is wanted, as Grafana shows it once") == (
        bad.returncode,
        only_line(bad),
    )
    gone = push(server.url, "--token-file", str(tmp_path / "gone"))
    assert (2, f"otel-voice: `{tmp_path / 'gone'}` cannot be read: no such file or directory") == (gone.returncode, only_line(gone))


def test_a_sub_path_is_part_of_the_address() -> None:
    """With it all is well; without it, or at another server, one line says what may be missing."""
    with serving("/grafana") as server:
        right = push(f"{server.url}/")
        wrong = push(f"http://localhost:{server.port}")

    assert (0, 2) == (right.returncode, wrong.returncode)
    assert told(right).endswith(f"{server.url}/d/{UID}")
    assert "does not answer as a Grafana does: is it one? the sub-path must be there if it has one" in only_line(wrong)
    assert ["GET /api/health"] == server.asked[-1:]


def test_the_token_follows_no_redirect(server: Server) -> None:
    """Neither to https nor to a log-in page: where it leads is told, without what hangs on it."""
    with serving() as other:
        location = f"{other.url}/login?token=abc"
        server.instead = lambda method, path: (302, {"Location": location}, b"")
        done = push(server.url)

        assert [] == other.asked
    assert 2 == done.returncode
    assert f"sends on to `{other.url}/login`, which is not followed" in only_line(done)


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"[]", b'{"status":"ok"}', b"[" * 100_000, b"\xff\xfe"])
def test_garbage_is_no_grafana(server: Server, body: bytes) -> None:
    """Whatever answers at `/api/health` in another way, and whatever comes in place of a board, is one line."""
    server.instead = lambda method, path: (200, {}, body)
    first = push(server.url)
    server.instead = lambda method, path: (200, {}, body) if "uid" in path else None
    then = push(server.url)

    assert (2, 2) == (first.returncode, then.returncode)
    assert "does not answer as a Grafana does" in only_line(first)
    assert "does not answer as a Grafana does" in only_line(then)


def test_an_error_shows_neither_control_characters_nor_an_echoed_token(server: Server) -> None:
    """A server, or what stands before it, may say anything."""
    said = json.dumps({"message": f"bad \x1b[31m header Bearer {TOKEN}"}).encode()
    server.instead = lambda method, path: (400, {}, said) if method == "POST" else None
    done = push(server.url)

    assert 1 == done.returncode
    assert "answers 400: bad \\x1b[31m header Bearer ***" in told(done)


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_a_grafana_that_is_ill_is_told_once(server: Server, code: int) -> None:
    """Exit 1, and no further board is tried."""
    server.instead = lambda method, path: (code, {}, b'{"message":"database is locked"}') if method == "POST" else None
    done = push(server.url)

    assert 1 == done.returncode
    assert f"answers {code}: database is locked: it is busy or ill, try again later" in only_line(done)
    assert 1 == saves(server)


def test_a_slow_grafana_is_given_up(server: Server) -> None:
    """After `--timeout`, whether it is silent or drips."""
    for server.slow_s, server.drip_s in ((3.0, 0.0), (0.0, 0.1)):
        done = push(server.url, "--timeout", "300ms")

        assert (1, f"otel-voice: `{server.url}` did not answer within 0.3 s") == (done.returncode, only_line(done))


def test_what_cannot_be_reached_is_one_line() -> None:
    """Nothing there, no such host, something that speaks no HTTP."""
    port = free_port()
    nobody = push(f"http://127.0.0.1:{port}")
    unknown = push("https://grafana.invalid")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = push(f"http://127.0.0.1:{listening.getsockname()[1]}", "--timeout", "300ms")

    assert [1, 1, 1] == [done.returncode for done in (nobody, unknown, silent)]
    assert only_line(nobody).endswith("cannot be reached: connection refused: is a Grafana there? its port is 3000 by default")
    assert only_line(silent).endswith("did not answer within 0.3 s")
    assert only_line(unknown).endswith("no host `grafana.invalid` is known here")


def test_a_private_ca_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    """Without `--ca-file` the certificate is refused, and nothing is sent; a file that holds none is told."""
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    (tmp_path / "empty.pem").write_text("no certificate\n")
    with serving(tls=context) as server:
        refused, trusted = push(server.url), push(server.url, "--ca-file", str(path))
        empty = push(server.url, "--ca-file", str(tmp_path / "empty.pem"))
        plain = push(server.url.replace("https", "http"), "--timeout", "2s")
        asked = list(server.asked)

    assert [2, 0, 2] == [done.returncode for done in (refused, trusted, empty)]
    assert (
        "has a certificate that is not trusted: unable to get local issuer certificate; a CA of your own goes into `--ca-file`"
        in only_line(refused)
    )
    assert "cannot be used as `--ca-file`: it holds no certificate" in only_line(empty)
    assert plain.returncode in {1, 2}
    assert len(plain.stderr.splitlines()) == 1
    assert "GET /api/health" == asked[0]


def test_tls_to_a_plain_port_is_told(server: Server) -> None:
    """The scheme is the likely mistake."""
    done = push(server.url.replace("http", "https"))

    assert 2 == done.returncode
    assert only_line(done).endswith("is it `http://`?")


def test_the_proxy_of_the_environment_is_used() -> None:
    """For every host but this one; a token that goes there unencrypted is told."""
    with serving() as proxy:
        done = push("http://grafana.example:3000", http_proxy=f"http://127.0.0.1:{proxy.port}")

    assert "GET /api/health" in proxy.asked
    assert 0 == done.returncode
    assert "the token goes to `http://grafana.example:3000` unencrypted" in only_line(done)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://x", "unknown scheme `ftp`"),
        ("http://admin:secret@localhost:3000", "credentials do not go into a URL"),
        ("http://localhost:3000/d/x?orgId=1", "it takes no query"),
        ("localhost", "`host:port` is wanted"),
    ],
)
def test_an_address_that_cannot_be_is_told(url: str, said: str) -> None:
    """Exit 2, before anything is asked, and without a password."""
    done = push(url)

    assert 2 == done.returncode
    assert said in done.stderr
    assert "secret" not in done.stderr
