"""A home comes back bit for bit, from a copy made while others write; what is wrong with a copy is never restored."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from PIL import Image

from invlab import backup, files, jobs, records, uploads
from invlab import store as stores
from invlab import worker as workers
from invlab.backup import BackupError
from invlab.store import Store

ROOT = Path(stores.__file__).parents[1]


def key(n: int, kind: str = "cell") -> str:
    return f"{kind}-{n:032x}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with everything that is kept, and much that is not."""
    home = tmp_path / "home"
    monkeypatch.setenv("INVLAB_HOME", str(home))
    store = Store(home)
    for n in range(20):
        store.put(key(n), {"n": n})
    described = store.put_weights(key(1, "training"), {"w": torch.arange(1000.0)})
    store.put(key(1, "training"), {"weights": described})
    store.close()
    queue = jobs.Queue(home / "queue.sqlite3")
    queue.submit(key(5), "cell", {"a": 1}, title="waiting", visitor="someone")
    queue.close()
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(picture, "PNG")
    uploads.receive([("red.png", picture.getvalue())], "photographs")
    for left_out in (
        "cache/scenes.npy",
        "data/cifar.bin",
        "logs/web.jsonl",
        "set-aside/x",
        "worker.log",
        "worker.lock",
    ):
        (home / left_out).parent.mkdir(parents=True, exist_ok=True)
        (home / left_out).write_bytes(b"x" * 100)
    (home / "link").symlink_to("/etc/passwd")
    return home


def contents(home: Path) -> dict[str, str]:
    """What a home holds: files by digest, databases by their rows."""
    found = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if path.is_file() and not path.is_symlink() and not backup.PASSING.fullmatch(path.name):
            data = path.read_bytes() if not backup._is_database(path) else rows(path)
            found[name] = hashlib.sha256(data).hexdigest()
    return {name: digest for name, digest in found.items() if name.split("/")[0] not in backup.LEFT_OUT}


def rows(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as db:
        return "\n".join(db.iterdump()).encode()


def raw(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


@pytest.fixture
def made(home: Path, tmp_path: Path) -> Path:
    file = tmp_path / "lab.zip"
    backup.backup(file, home)
    return file


# ---- there and back


def test_a_home_comes_back_bit_for_bit(home: Path, made: Path, tmp_path: Path) -> None:
    told = backup.restore(made, tmp_path / "new")
    assert contents(tmp_path / "new") == contents(home)
    assert told == backup.check(made)
    assert told.aside is None
    assert stat_bits(made) == 0o600
    again = Store(tmp_path / "new")
    record = again.get(key(1, "training"))
    assert again.get_weights(key(1, "training"), record["weights"])["w"].tolist() == list(range(1000))
    assert jobs.Queue(tmp_path / "new" / "queue.sqlite3").job(key(5)).title == "waiting"
    names = {entry.filename for entry in zipfile.ZipFile(made).infolist()}
    assert {"results/cache.db", "queue.sqlite3", backup.MANIFEST} < names
    assert not any(name.startswith(("cache/", "data/", "logs/", "set-aside/", "worker", "link")) for name in names)


def stat_bits(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_order_in_which_weights_are_evicted_comes_back_too(home: Path, tmp_path: Path) -> None:
    weights = home / "weights" / f"{key(1, 'training')}.safetensors"
    os.utime(weights, ns=(10**18, 10**18))
    backup.backup(tmp_path / "lab.zip", home)
    backup.restore(tmp_path / "lab.zip", tmp_path / "new")
    assert (tmp_path / "new" / "weights" / weights.name).stat().st_mtime_ns == 10**18


def test_a_database_that_nobody_knew_of_is_copied_as_one(home: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(home / "rooms.sqlite3")
    writer.execute("PRAGMA journal_mode = WAL")
    with writer:
        writer.execute("CREATE TABLE rooms (code TEXT)")
        writer.execute("INSERT INTO rooms VALUES ('x')")  # in the write-ahead log only
    backup.backup(tmp_path / "lab.zip", home)
    writer.close()
    backup.restore(tmp_path / "lab.zip", tmp_path / "new")
    assert sqlite3.connect(tmp_path / "new" / "rooms.sqlite3").execute("SELECT * FROM rooms").fetchall() == [("x",)]


def test_backed_up_while_others_write(home: Path, tmp_path: Path) -> None:
    """Records that belong together (written in one transaction) are there together."""
    stop = threading.Event()

    def write() -> None:
        store, n = Store(home), 1000
        while not stop.is_set():
            with store._open(True)[0].transact():
                store.put(key(n), {"half": 1})
                store.put(key(n + 1), {"half": 2})
            described = store.put_weights(key(n, "training"), {"w": torch.full((100,), float(n))})
            store.put(key(n, "training"), {"weights": described})
            store.trim_weights(3000)
            n += 2

    threads = [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            time.sleep(0.15)
            backup.backup(tmp_path / f"{number}.zip", home)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for number in range(4):
        backup.restore(tmp_path / f"{number}.zip", tmp_path / f"home-{number}")
        names = [name for name in Store(tmp_path / f"home-{number}").keys("cell") if int(name[-8:], 16) >= 1000]
        assert len(names) % 2 == 0
    assert len(names) > 0


def test_a_file_that_goes_while_the_home_is_listed_is_left_out(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def late(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        for folder, folders, names in walk(top):
            yield folder, folders, [*names, "training-gone.safetensors"]

    monkeypatch.setattr(backup.os, "walk", late)
    backup.backup(tmp_path / "whole.zip", home)
    monkeypatch.setattr(backup.os, "walk", walk)
    backup.restore(tmp_path / "whole.zip", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(home)


# ---- what is refused


def test_a_home_that_is_not_empty_is_kept_unless_told(home: Path, made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Store(other).put(key(99), {"mine": True})
    before = raw(other)
    with pytest.raises(BackupError, match="is not empty: give --replace"):
        backup.restore(made, other)
    assert raw(other) == before
    told = backup.restore(made, other, replace=True)
    assert contents(other) == contents(home)
    assert raw(told.aside) == before
    assert told.aside.parent == other.parent


def test_an_empty_home_is_filled(home: Path, made: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    backup.restore(made, tmp_path / "empty")
    assert contents(tmp_path / "empty") == contents(home)


def test_a_home_in_use_is_refused(home: Path, made: Path) -> None:
    before = contents(home)
    with workers.hold(home), pytest.raises(BackupError, match="in use by a worker: stop it"):
        backup.restore(made, home, replace=True)
    with files.used(home), pytest.raises(BackupError, match="in use by the app: stop it"):
        backup.restore(made, home, replace=True)
    assert contents(home) == before
    assert backup.restore(made, home, replace=True).aside is not None


def test_back_up_refuses_what_it_cannot_do(home: Path, made: Path, tmp_path: Path) -> None:
    for file, of, sentence in (
        (made, home, "is there already: choose another name"),
        (home / "copy.zip", home, "would lie in"),
        (tmp_path / "x.zip", tmp_path / "nowhere", "nothing in"),
        (tmp_path / "no" / "folder.zip", home, "choose a place that can be written"),
    ):
        with pytest.raises(BackupError, match=sentence):
            backup.backup(file, of)
    assert not list(home.glob("*.zip"))


def test_a_damaged_database_is_not_backed_up(home: Path, tmp_path: Path) -> None:
    data = bytearray((home / "results" / "cache.db").read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (home / "results" / "cache.db").write_bytes(bytes(data))
    with pytest.raises(BackupError, match="doctor"):
        backup.backup(tmp_path / "lab.zip", home)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def rewritten(made: Path, change: object, names: object = None, **entry: object) -> Path:
    """A copy of a back-up with its manifest changed, and a member added under `names`."""
    file = made.with_name("changed.zip")
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as new:
        manifest = json.loads(old.read(backup.MANIFEST))
        for info in old.infolist():
            if info.filename != backup.MANIFEST:
                new.writestr(info, old.read(info))
        for name in names or ():
            info = zipfile.ZipInfo(name)
            info.external_attr = int(entry.get("mode", 0o100644)) << 16
            data = b"\0" * int(entry.get("size", 10))
            new.writestr(info, data, compress_type=int(entry.get("compress", zipfile.ZIP_STORED)))
            manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "changed_ns": 0}
        change(manifest)
        new.writestr(backup.MANIFEST, json.dumps(manifest))
    return file


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.update(what="another program"), "is no back-up of the lab"),
        (lambda m: m.update(format=backup.FORMAT + 1), "made by a newer version"),
        (lambda m: m.update(records_format=records.FORMAT + 1), "made by a newer version"),
        (lambda m: m.pop("files"), "is no back-up of the lab"),
        (lambda m: m.update(files=[1, 2]), "is no back-up of the lab"),
        (lambda m: m["files"].popitem(), "is no back-up of the lab"),
        (lambda m: m["files"]["queue.sqlite3"].update(sha256="0" * 64), "does not match its SHA-256"),
        (lambda m: m["files"]["queue.sqlite3"].update(bytes=1), "which no back-up holds"),
    ],
)
def test_foreign_newer_and_changed_back_ups_are_refused(change, sentence: str, made: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=sentence):
        backup.restore(rewritten(made, change), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name",
    ["../out", "/tmp/out", "a/../../out", "a\\..\\out", "C:out", ".hidden", "a//b", "a/./b", "uploads/.ssh/x"],
)
def test_members_that_lead_elsewhere_are_refused(name: str, made: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"which no back-up holds|is no back-up"):
        backup.restore(rewritten(made, lambda m: None, [name]), tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.zip", "home", "lab.zip"]


@pytest.mark.parametrize(
    "entry",
    [{"mode": 0o120777}, {"mode": 0o020644}, {"compress": zipfile.ZIP_DEFLATED, "size": 50_000_000}],
    ids=["link", "device", "bomb"],
)
def test_links_devices_and_bombs_are_refused(entry: dict, made: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"which no back-up holds|is no back-up"):
        backup.restore(rewritten(made, lambda m: None, ["extra"], **entry), tmp_path / "new")


def test_members_that_share_their_bytes_are_refused(made: Path, tmp_path: Path) -> None:
    """Many entries over the same bytes would unpack to more than the file holds."""
    file = rewritten(made, lambda m: None, ["extra"], size=200_000)
    with zipfile.ZipFile(file, "a") as archive:
        first = archive.getinfo("extra")
        files = json.loads(archive.read(backup.MANIFEST))["files"]
        for number in range(20):
            copy = zipfile.ZipInfo(f"extra{number}")
            for name in ("compress_size", "file_size", "CRC", "header_offset", "external_attr", "create_version"):
                setattr(copy, name, getattr(first, name))
            archive.filelist.append(copy)
            files[copy.filename] = files["extra"]
        archive._didModify = True
    with pytest.raises(BackupError):
        backup.check(file)


def test_every_kind_of_flipped_bit_is_found(made: Path, tmp_path: Path) -> None:
    data = made.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 60)):
        changed = bytearray(data)
        changed[place] ^= 0x10
        (tmp_path / "flipped.zip").write_bytes(bytes(changed))
        try:
            backup.restore(tmp_path / "flipped.zip", tmp_path / "new")
        except BackupError:
            assert not (tmp_path / "new").exists()
        else:  # a bit that says nothing (a time, an attribute): what was restored is right
            assert contents(tmp_path / "new") == contents(tmp_path / "home")
            shutil.rmtree(tmp_path / "new")


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_back_up_is_said_so(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(BackupError, match="is no back-up of the lab, or it is damaged"):
        backup.restore(tmp_path / "x.zip", tmp_path / "new")


def test_a_cut_off_back_up_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(made.read_bytes()[:-1000])
    with pytest.raises(BackupError):
        backup.check(tmp_path / "x.zip")


def test_a_disk_without_room_is_told_of_before_anything_is_written(made: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(backup, "SPARE_BYTES", 1 << 60)
    with pytest.raises(BackupError, match="MB free and the back-up needs"):
        backup.restore(made, tmp_path / "new")
    assert not (tmp_path / "new").exists()


# ---- killed in the middle

KILLER = """
import os, signal, sys
from collections.abc import Iterator
from pathlib import Path
from invlab import backup
at, what, file, home = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
steps = 0
def counted(of):
    def step(*arguments, **more):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return of(*arguments, **more)
    return step
backup._add, backup._check_database = counted(backup._add), counted(backup._check_database)
backup.os.fsync, backup.os.rename, backup._exchange = map(counted, (os.fsync, os.rename, backup._exchange))
backup.backup(file, home) if what == "backup" else backup.restore(file, home, replace=True)
print("through")
"""


def killed(at: int, *arguments: object) -> bool:
    command = [sys.executable, "-c", KILLER, str(at), *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def test_a_killed_back_up_leaves_no_file_and_the_home_whole(home: Path, tmp_path: Path) -> None:
    before, at = contents(home), 1
    while killed(at, "backup", tmp_path / "lab.zip", home):
        assert not (tmp_path / "lab.zip").exists()
        assert contents(home) == before
        at += 2
    assert at > 4
    backup.check(tmp_path / "lab.zip")


def test_a_killed_restore_leaves_the_old_home_or_the_new_one_whole(made: Path, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Store(other).put(key(99), {"mine": True})
    old, new, at = contents(other), contents(home), 1
    while killed(at, "restore", made, other):
        assert contents(other) in (old, new)
        at += 1 if at > 8 else 3
    assert at > 4
    assert contents(other) == new


def test_where_directories_cannot_be_swapped_they_are_renamed(made: Path, home: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(backup, "_exchange", lambda one, other: False)
    other = tmp_path / "other"
    Store(other).put(key(99), {"mine": True})
    told = backup.restore(made, other, replace=True)
    assert contents(other) == contents(home)
    assert Store(told.aside).get(key(99)) == {"mine": True}


# ---- the commands


def invlab(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "invlab", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_commands_say_what_they_did(home: Path, tmp_path: Path) -> None:
    assert "wrote" in invlab("backup", tmp_path / "lab.zip").stdout
    assert "is whole" in invlab("restore", "--check", tmp_path / "lab.zip").stdout
    refused = invlab("restore", tmp_path / "lab.zip")
    assert refused.returncode == 1
    assert "give --replace" in refused.stderr
    done = invlab("restore", tmp_path / "lab.zip", "--replace")
    assert "what was there before is kept in" in done.stdout
