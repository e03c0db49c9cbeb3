"""What is written down of the work: whole lines, files of bounded size, and nothing that tells of a person."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from invlab import jobs, logs, roles, rooms, uploads
from invlab import worker as workers
from invlab.store import Store
from invlab.worker import Cancelled

SECRETS = ("visitor-4711-ann", "Grandma at the lake", "ROOM-XYZZY", "correct horse battery", "192.168.17.23")


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """The loggers as other tests know them."""
    names = ("invlab", *logs.STREAMLIT)
    before = [(list(logging.getLogger(n).handlers), logging.getLogger(n).propagate) for n in names]
    level = logging.getLogger("invlab").level
    yield
    for handler in logging.getLogger("invlab").handlers:
        handler.close()
    for name, (handlers, propagate) in zip(names, before, strict=True):
        logging.getLogger(name).handlers[:] = handlers
        logging.getLogger(name).propagate = propagate
    logging.getLogger("invlab").setLevel(level)


def lines(home: Path, kind: str = "worker") -> list[dict]:
    return [json.loads(line) for line in (home / "logs" / f"{kind}.jsonl").read_text().splitlines()]


def test_an_event_is_one_line_of_json_with_its_fields(tmp_path: Path) -> None:
    logs.set_up("worker", tmp_path)
    logging.getLogger("invlab.worker").info("job %s\nbegins", "cell-1", extra=logs.fields(job="cell-1", attempt=2))
    (event,) = lines(tmp_path)
    assert event["event"] == "job cell-1\nbegins"
    assert (event["level"], event["process"], event["pid"]) == ("info", "worker", os.getpid())
    assert (event["job"], event["attempt"], event["logger"]) == ("cell-1", 2, "invlab.worker")
    assert event["time"].endswith("Z")
    assert abs(logs.datetime.fromisoformat(event["time"]).timestamp() - logs.datetime.now().timestamp()) < 60


@pytest.mark.parametrize("form", ["text", "json"])
def test_standard_error_has_the_chosen_form(form: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("INVLAB_LOG", form)
    logs.set_up("web", tmp_path)
    logging.getLogger("invlab.x").warning("something")
    told = capsys.readouterr().err.strip()
    assert (json.loads(told)["event"] if form == "json" else told.partition(" WARNING ")[2]) == "something"


def test_the_level_is_obeyed_and_a_wrong_value_told_of(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("INVLAB_LOG_LEVEL", "loud")
    logs.set_up("web", tmp_path)
    assert "INVLAB_LOG_LEVEL 'loud': choose from debug, info, warning, error" in lines(tmp_path, "web")[0]["event"]
    monkeypatch.setenv("INVLAB_LOG_LEVEL", "error")
    logs.set_up("web", tmp_path)
    logging.getLogger("invlab.x").warning("not this")
    logging.getLogger("invlab.x").error("but this")
    assert [line["event"] for line in lines(tmp_path, "web")][1:] == ["but this"]


def test_files_have_bounds_and_no_line_is_lost_to_the_next(tmp_path: Path) -> None:
    handler = logs.Lines(tmp_path / "logs" / "x.jsonl", most=2000, older=2)
    handler.setFormatter(logs.AsJSON("web"))
    for number in range(100):
        handler.emit(logging.LogRecord("invlab", logging.INFO, "", 0, f"event {number}", (), None))
    files = sorted((tmp_path / "logs").glob("x.jsonl*"))
    assert [file.name for file in files] == ["x.jsonl", "x.jsonl.1", "x.jsonl.2"]
    assert all(file.stat().st_size <= 2000 for file in files)
    read = [json.loads(line)["event"] for file in reversed(files) for line in file.read_text().splitlines()]
    assert read == [f"event {number}" for number in range(100 - len(read), 100)]
    handler.close()


def test_several_processes_write_whole_lines_into_one_file(tmp_path: Path) -> None:
    program = (
        "import logging, sys; from pathlib import Path; from invlab import logs\n"
        "handler = logs.Lines(Path(sys.argv[1]), most=40_000, older=20); handler.setFormatter(logs.AsJSON('worker'))\n"
        "for n in range(300):\n"
        "    handler.emit(logging.LogRecord('invlab', 20, '', 0, f'{sys.argv[2]} {n} ' + 'x' * 200, (), None))\n"
    )
    path = tmp_path / "shared.jsonl"
    running = [subprocess.Popen([sys.executable, "-c", program, str(path), str(n)]) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    files = tmp_path.glob("shared.jsonl*")
    events = [json.loads(line)["event"].split() for file in files for line in file.read_text().splitlines()]
    assert sorted((who, int(n)) for who, n, _ in events) == [(str(w), n) for w in range(3) for n in range(300)]


def test_a_file_that_cannot_be_written_does_not_stop_the_work(tmp_path: Path, capsys) -> None:
    (tmp_path / "logs").write_text("in the way")
    logs.set_up("worker", tmp_path)
    logging.getLogger("invlab.x").info("still told")
    assert "still told" in capsys.readouterr().err


def test_errors_are_told_by_kind_place_and_what_may_be_told(tmp_path: Path) -> None:
    logs.set_up("worker", tmp_path)
    try:
        try:
            {}[SECRETS[1]]
        except KeyError as error:
            raise ValueError(f"there is no object {SECRETS[1]!r}, write to 10.1.2.3") from error
    except ValueError:
        logging.getLogger("invlab.x").exception("it failed")
    (event,) = lines(tmp_path)
    assert "there is no object '…', write to [address]" in event["error"]
    assert "KeyError" in event["error"]
    assert "test_logs.py" in event["error"]
    assert SECRETS[1] not in event["error"]


def test_the_persons_own_directory_is_not_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/jane.doe")
    assert logs.cleaned("in /home/jane.doe/.cache/invlab") == "in ~/.cache/invlab"


# ---- without personal data: the actions that log, given what must not be logged


def zipped(name: str, data: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(name, data)
    return whole.getvalue()


def failing(error: Exception) -> object:
    def execute(spec: object, store: Store, report: object) -> None:
        raise error

    return execute


def upload_error() -> Exception:
    try:
        uploads.receive([(f"{SECRETS[1]}.zip", zipped(f"{SECRETS[1]}.png", b"no picture"))], "photographs")
    except uploads.PictureError as error:
        return error
    raise AssertionError("that was no picture")


def test_no_personal_data_is_written(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("INVLAB_PASSPHRASE", SECRETS[3])
    logs.set_up("worker", tmp_path)
    queue, store = jobs.Queue(tmp_path / "queue.sqlite3"), Store(tmp_path)
    errors = [
        upload_error(),
        ValueError(f"the room '{SECRETS[2]}' is not open to {SECRETS[4]!r}"),
        KeyError(SECRETS[0]),
        Cancelled("stopped"),
    ]
    for number, error in enumerate(errors):
        title = f"{SECRETS[1]} by {SECRETS[0]}"
        payload = {"room": SECRETS[2], "from": SECRETS[4], "pictures": SECRETS[1]}
        queue.submit(f"cell-{number:032x}", "cell", payload, title=title, visitor=SECRETS[0])
        if isinstance(error, Cancelled):
            queue.cancel(f"cell-{number:032x}", SECRETS[0])
        workers.run(
            queue, store, stop=logs.threading.Event(), once=True,
            execute=failing(error), revive=lambda kind, fields: fields,
        )  # fmt: skip
    try:
        queue.submit("cell-" + "f" * 32, "cell", {}, visitor=SECRETS[0], limit=0)
    except jobs.QueueFull as error:
        logging.getLogger("invlab.jobs").warning("%s", error)
    (tmp_path / "queue.sqlite3").write_bytes(SECRETS[0].encode() * 500)
    jobs.Queue(tmp_path / "queue.sqlite3").waiting()  # it is damaged: set aside, and told of
    written = (tmp_path / "logs" / "worker.jsonl").read_text() + capsys.readouterr().err
    assert written.count("failed") >= 3
    assert "PictureError" in written
    for secret in SECRETS:
        assert secret not in written


def test_a_page_that_fails_is_in_the_same_log_without_what_it_quotes(tmp_path: Path, monkeypatch, capsys) -> None:
    import streamlit.error_util

    written = tomllib.loads((Path(logs.__file__).parents[1] / ".streamlit" / "config.toml").read_text())
    monkeypatch.setattr(streamlit.error_util, "show_uncaught_app_exception", lambda error: None)
    monkeypatch.setattr(streamlit.error_util.config, "get_option", lambda name: written["logger"][name.split(".")[1]])
    logs.set_up("web", tmp_path)
    try:
        raise ValueError(f"there is no picture {SECRETS[1]!r}")
    except ValueError as error:
        streamlit.error_util.handle_uncaught_app_exception(error)
    (event,) = [line for line in lines(tmp_path, "web") if line["event"] == "Uncaught app execution"]
    assert "ValueError: there is no picture '…'" in event["error"]
    assert SECRETS[1] not in capsys.readouterr().err


def test_rooms_and_sign_ins_leave_no_trace(tmp_path: Path, capsys) -> None:
    """Codes, names, passphrases and addresses, right and wrong, with damage in between that is told of."""
    logs.set_up("web", tmp_path)
    place, signed = rooms.Rooms(tmp_path / "rooms.sqlite3"), roles.SignIns(tmp_path / "signed-in.sqlite3")
    room = place.open(SECRETS[1], by=SECRETS[0], is_teacher=True)
    place.join(room.code, SECRETS[1], by=SECRETS[0])
    for wrong in (lambda: place.join(SECRETS[2], by=SECRETS[0]), lambda: place.room(SECRETS[2])):
        with pytest.raises((RuntimeError, ValueError)):
            wrong()
    with pytest.raises(roles.Refused):
        signed.sign_in(SECRETS[0], SECRETS[4], "not it", SECRETS[3])
    signed.sign_in(SECRETS[0], SECRETS[4], SECRETS[3], SECRETS[3])
    for path, again in ((place.path, lambda: place.room_of(SECRETS[0])), (signed.path, lambda: signed.sign_in(
        SECRETS[0], SECRETS[4], SECRETS[3], SECRETS[3]))):  # fmt: skip
        place.close(), signed.close()
        for file in tmp_path.glob(f"{path.name}*"):
            file.write_bytes(SECRETS[0].encode() * 500)
        with contextlib.suppress(RuntimeError, ValueError):
            again()
    written = (tmp_path / "logs" / "web.jsonl").read_text() + capsys.readouterr().err
    assert "was set aside and a new one begun" in written
    for secret in (*SECRETS, room.code):
        assert secret not in written
