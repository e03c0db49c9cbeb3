"""The store keeps what it was given, and what it was not given it does not read."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest
import torch

from invlab import files
from invlab import store as stores
from invlab.bundle_files import verify_bundle, write_bundle
from invlab.files import StoreError, sha256
from invlab.rows import JSONOnlyDisk, RowError, read_value
from invlab.store import Store

A = "cell-" + "a" * 32
B = "cell-" + "b" * 32
C = "training-" + "c" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def database(store: Store) -> Path:
    return store.home / "results" / "cache.db"


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    rows = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))
    return {"weight": rows, "bias": rows[0], "transposed": rows.T}


class Bomb:
    """Unpickling it writes a file: the sign that a pickle was executed."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple:
        return (os.mkdir, (self.target,))


def plant(store: Store, key: object, raw: int, mode: int, value: object, filename: str | None = None) -> None:
    with sqlite3.connect(database(store)) as db:
        db.execute("DELETE FROM Cache WHERE key = ?", (key,))
        db.execute(
            "INSERT INTO Cache(key, raw, store_time, access_time, mode, value, filename) VALUES (?, ?, 0, 0, ?, ?, ?)",
            (key, raw, mode, value, filename),
        )
    db.close()


# ---- records


def test_what_is_put_is_got_by_another_process(store: Store) -> None:
    record = {"accuracy": 0.5, "names": ["x", "ÿ"], "nested": {"none": None}}
    store.put(A, record)
    code = (
        "import sys, json; from invlab.store import Store; assert 'torch' not in sys.modules;"
        f"print(json.dumps(Store({str(store.home)!r}).get({A!r})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == record == store.get(A)
    assert store.origin(A) == "own"


def test_a_record_that_is_changed_after_reading_is_not_changed_in_the_store(store: Store) -> None:
    store.put(A, {"list": [1]})
    store.get(A)["list"].append(2)
    assert store.get(A) == {"list": [1]}


def test_keys_and_items_by_kind(store: Store) -> None:
    for key in (B, C, A):
        store.put(key, {"key": key})
    assert store.keys() == [A, B, C]
    assert store.keys("cell") == [A, B]
    assert list(store.items("training")) == [(C, {"key": C})]
    store.delete(A)
    assert store.get(A) is None
    assert store.keys("cell") == [B]
    store.delete(A)  # absent already


def test_reading_makes_no_directory(store: Store) -> None:
    assert store.get(A) is None
    assert store.keys() == []
    assert store.origin(A) is None
    assert not store.home.exists()


@pytest.mark.parametrize("key", ["../../etc", "cell-" + "A" * 32, "cell-" + "a" * 31, "a" * 32, A + "\n", "", None, 3])
def test_only_keys_are_keys(store: Store, key: object) -> None:
    for call in (store.get, store.delete, store.origin, lambda k: store.put(k, {}), lambda k: store.put_weights(k, {})):
        with pytest.raises(StoreError, match="is no key"):
            call(key)
    assert not store.home.exists()


@pytest.mark.parametrize("record", [{"x": float("nan")}, {"x": float("inf")}, {"x": {1, 2}}, [1], None, "text"])
def test_only_json_objects_are_records(store: Store, record: object) -> None:
    with pytest.raises(StoreError, match="record"):
        store.put(A, record)
    assert store.keys() == []


def test_many_threads_share_a_store(store: Store) -> None:
    def work(n: int) -> None:
        for i in range(5):
            store.put(f"cell-{n:016x}{i:016x}", {"n": n})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.keys("cell")) == 30


def test_home_and_bundle_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "a"))
    assert stores.home() == tmp_path / "a"
    monkeypatch.delenv("INVLAB_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert stores.home() == tmp_path / "b" / "invlab"
    monkeypatch.delenv("INVLAB_BUNDLE", raising=False)
    assert stores.bundle_dir() == Path(stores.__file__).parent.parent / "models"
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "c"))
    assert stores.open_store(read_only=True).bundle.directory == tmp_path / "c"


def test_a_read_only_store_changes_nothing(store: Store) -> None:
    store.put(A, {"x": 1})
    store.close()
    reader = Store(store.home, read_only=True)
    assert reader.get(A) == {"x": 1}
    for call in (lambda: reader.put(B, {}), lambda: reader.delete(A), lambda: reader.put_weights(A, tensors())):
        with pytest.raises(StoreError, match="reading only"):
            call()
    with pytest.raises(StoreError, match="reading only"):
        reader.trim_weights(0)


# ---- rows that are not ours


def test_a_pickled_value_is_refused_and_never_executed(store: Store, tmp_path: Path, caplog) -> None:
    store.put(B, {"x": 1})
    plant(store, A, 1, 4, pickle.dumps(Bomb(tmp_path / "boom")))
    assert store.origin(A) is None
    assert store.get(A) is None
    assert not (tmp_path / "boom").exists()
    assert "refused" in caplog.text
    assert store.keys() == [B]  # set aside
    assert A in (store.home / "refused").read_text()
    assert store.get(B) == {"x": 1}


def test_a_pickled_key_is_refused_and_never_executed(store: Store, tmp_path: Path) -> None:
    store.put(B, {"x": 1})
    plant(store, pickle.dumps(Bomb(tmp_path / "boom")), 0, 1, zlib.compress(b"{}"))
    plant(store, "other", 1, 1, zlib.compress(b"{}"))
    assert store.keys() == [B]
    assert not (tmp_path / "boom").exists()
    with sqlite3.connect(database(store)) as db:
        assert db.execute("SELECT COUNT(*) FROM Cache").fetchone() == (1,)
    db.close()
    assert len((store.home / "refused").read_text().splitlines()) == 2


def test_the_disk_refuses_on_its_own(store: Store, tmp_path: Path) -> None:
    """Also for a caller who goes round the store."""
    disk = JSONOnlyDisk(str(tmp_path))
    bomb = pickle.dumps(Bomb(tmp_path / "boom"))
    with pytest.raises(RowError):
        disk.fetch(4, None, bomb, False)
    (tmp_path / "value").write_bytes(bomb)
    for mode in (2, 3, 4):
        with pytest.raises(RowError):
            disk.fetch(mode, "value", None, False)
    with pytest.raises(RowError):
        disk.get(bomb, False)
    assert not (tmp_path / "boom").exists()


def test_a_planted_file_name_neither_reads_nor_deletes_the_file(store: Store, tmp_path: Path) -> None:
    store.put(B, {})
    victim = tmp_path / "victim.json"
    victim.write_text('{"secret": 1}')
    plant(store, A, 1, 3, None, "../../victim.json")
    assert store.get(A) is None
    store.delete(A)
    assert victim.exists()


@pytest.mark.parametrize(
    "value",
    [
        zlib.compress(b'{"key":"' + A.encode() + b'","record":{}}')[:-3],
        zlib.compress(b"[1]"),
        zlib.compress(b"{"),
        zlib.compress(json.dumps({"key": B, "record": {"of": "another"}}).encode()),
        zlib.compress(b"[" * 100_000),
        "text",
        None,
    ],
)
def test_a_damaged_value_counts_as_absent(store: Store, value: object) -> None:
    store.put(B, {})
    plant(store, A, 1, 1, value)
    assert store.get(A) is None
    assert store.keys() == [B]
    store.put(A, {"again": True})
    assert store.get(A) == {"again": True}


def test_every_flipped_bit_of_a_value_is_found(store: Store) -> None:
    store.put(A, {"x": 1})
    with sqlite3.connect(database(store)) as db:
        (good,) = db.execute("SELECT value FROM Cache").fetchone()
    db.close()
    for bit in range(0, 8 * len(good), 5):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(RowError):  # a few bits of zlib's header say nothing
            assert read_value(1, None, bytes(bad)) == {"key": A, "record": {"x": 1}}


# ---- a damaged database


def filled(home: Path, count: int = 300) -> list[str]:
    store = Store(home)
    keys = [f"cell-{i:032x}" for i in range(count)]
    for key in keys:
        store.put(key, {"key": key, "noise": os.urandom(100).hex()})
    store.close()
    with sqlite3.connect(database(store)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return keys


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], bytes]:
    home = tmp_path_factory.mktemp("pristine")
    keys = filled(home)
    return keys, (home / "results" / "cache.db").read_bytes()


def damaged_copies(data: bytes) -> dict[str, bytes]:
    middle = len(data) // 2 // 4096 * 4096
    return {
        "header": b"\0" * 100 + data[100:],
        "not a database": os.urandom(5000),
        "cut in half": data[: len(data) // 2],
        "cut in a page": data[:5000],
        "a page of noise": data[:middle] + b"\xff" * 4096 + data[middle + 4096 :],
        "schema": data[:4096].replace(b"CREATE TABLE Cache", b"CREATE TABLE Cuche") + data[4096:],
        "empty": b"",
    }


@pytest.mark.parametrize("fault", list(damaged_copies(b"x" * 9000)))
def test_a_damaged_database_is_set_aside_and_a_new_one_begun(
    fault: str, tmp_path: Path, pristine: tuple[list[str], bytes], caplog
) -> None:
    keys, data = pristine
    store = Store(tmp_path)
    database(store).parent.mkdir(parents=True)
    database(store).write_bytes(damaged_copies(data)[fault])
    found = {key: store.get(key) for key in [*keys, *store.keys()]}
    assert all(record is None or record["key"] == key for key, record in found.items())
    store.put(A, {"x": 1})
    store.close()
    again = Store(tmp_path)
    assert again.get(A) == {"x": 1}
    assert len(again.keys()) == 1 + sum(record is not None for record in found.values())
    if fault != "empty":
        assert "was damaged" in caplog.text
        assert list((tmp_path / "set-aside").glob("results-*/cache.db"))
    if fault == "a page of noise":
        assert len(again.keys()) > 250  # what could be read was


def test_damage_under_an_open_store_loses_neither_writer_nor_reader(
    tmp_path: Path, pristine: tuple[list[str], bytes]
) -> None:
    _, data = pristine
    one, two = Store(tmp_path), Store(tmp_path)
    one.put(A, {"x": 1})
    assert two.get(A) == {"x": 1}
    one.close(), two.close()
    for path in database(one).parent.glob("cache.db*"):
        path.unlink()
    database(one).write_bytes(data[:5000])
    one.put(B, {"x": 2})
    two.put(C, {"x": 3})
    assert one.get(C) == {"x": 3}
    assert two.get(B) == {"x": 2}
    one._start_again(one._inode, RuntimeError("found by one"))
    two.put(A, {"x": 4})  # in the new database, though the old file is still open
    assert one.keys() == [A, B, C]
    one._start_again(-1, RuntimeError("of a database that is gone"))
    assert one.keys() == [A, B, C]


def test_the_bundle_is_served_whatever_befalls_the_own_layer(store: Store, tmp_path: Path, caplog) -> None:
    store.put(A, {"x": 1})
    write_bundle(store, tmp_path / "models", [A], [], {})
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    broken = Store(blocked, tmp_path / "models")
    assert broken.get(A) == {"x": 1}
    assert broken.keys() == [A]
    with pytest.raises(StoreError, match="INVLAB_HOME"):
        broken.put(B, {})
    with pytest.raises(StoreError, match="INVLAB_HOME"):
        broken.put_weights(B, tensors())


# ---- full disks and crashes


def test_a_full_disk_is_one_sentence_and_nothing_half_written(store: Store) -> None:
    store.put(A, {"x": 1})
    (pages,) = store._cache._sql("PRAGMA page_count").fetchone()
    store._cache._sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk is full: free some space") as caught:
        store.put(B, {"noise": os.urandom(100_000).hex()})
    assert "\n" not in str(caught.value)
    assert store.keys() == [A]
    store._cache._sql("PRAGMA max_page_count = 1000000")
    store.put(B, {"x": 2})
    assert store.get(B) == {"x": 2}


def test_a_full_disk_leaves_the_old_weights(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    described = store.put_weights(A, tensors(0))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full"):
        store.put_weights(A, tensors(1))
    assert torch.equal(store.get_weights(A, described)["bias"], tensors(0)["bias"])
    assert [p.name for p in (store.home / "weights").iterdir()] == [f"{A}.safetensors"]


def test_a_crash_before_the_renaming_leaves_no_half_file(store: Store) -> None:
    described = store.put_weights(A, tensors(0))
    code = (
        "import os, torch; from invlab.store import Store;"
        "os.replace = lambda *_: os._exit(9);"
        f"Store({str(store.home)!r}).put_weights({A!r}, {{'x': torch.zeros(9)}})"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert store.get_weights(A, described) is not None
    (left,) = (store.home / "weights").glob(".*.tmp")
    store.trim_weights(10**9)
    assert left.exists()  # it may be another process at work
    os.utime(left, (0, 0))
    store.trim_weights(10**9)
    assert not left.exists()


def test_a_locked_database_is_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.1)
    store.put(A, {"x": 1})
    holder = sqlite3.connect(database(store), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process has held"):
        store.put(B, {})
    assert store.get(A) == {"x": 1}
    holder.close()
    store.put(B, {})


# ---- weights


def test_weights_come_back_bit_for_bit(store: Store) -> None:
    described = store.put_weights(A, tensors())
    assert described["file"] == f"weights/{A}.safetensors"
    assert described["bytes"] == (store.home / described["file"]).stat().st_size
    got = store.get_weights(A, described)
    assert got.keys() == tensors().keys()
    assert all(torch.equal(got[name], t) for name, t in tensors().items())
    assert store.put_weights(A, tensors()) == described


@pytest.mark.parametrize("fault", ["flipped", "truncated", "empty", "other"])
def test_damaged_weights_are_set_aside(store: Store, fault: str, caplog) -> None:
    described = store.put_weights(A, tensors())
    path = store.home / described["file"]
    data = bytearray(path.read_bytes())
    data[len(data) - 5] ^= 16
    faults = {"flipped": bytes(data), "truncated": bytes(data[:-10]), "empty": b"", "other": pickle.dumps({})}
    path.write_bytes(faults[fault])
    assert store.get_weights(A, described) is None
    assert not path.exists()
    assert len(list((store.home / "set-aside").iterdir())) == 1
    assert "computed again" in caplog.text
    assert store.get_weights(A, described) is None
    assert store.get_weights(A, store.put_weights(A, tensors())) is not None


def test_missing_weights_are_none(store: Store) -> None:
    assert store.get_weights(A, {"sha256": "0" * 64}) is None
    assert store.get_weights(A, {}) is None


def test_a_file_that_matches_but_is_no_safetensors_is_none(store: Store) -> None:
    store.put_weights(A, tensors())
    (store.home / "weights" / f"{A}.safetensors").write_bytes(b"abc")
    assert store.get_weights(A, {"sha256": sha256(b"abc")}) is None


def test_trim_deletes_the_longest_unused_weights_and_no_result(store: Store) -> None:
    keys = [f"training-{i:032x}" for i in range(5)]
    described = {}
    for age, key in enumerate(keys):
        described[key] = store.put_weights(key, tensors(age))
        store.put(key, {"weights": described[key]})
        os.utime(store.home / described[key]["file"], (1000 + age, 1000 + age))
    assert store.get_weights(keys[0], described[keys[0]]) is not None  # used now
    size = described[keys[0]]["bytes"]
    assert store.trim_weights(2 * size) == [keys[1], keys[2], keys[3]]
    assert store.get_weights(keys[0], described[keys[0]]) is not None
    assert store.get_weights(keys[2], described[keys[2]]) is None
    assert len(store.keys()) == 5
    assert store.trim_weights(2 * size) == []


# ---- bundles


@pytest.fixture
def bundled(store: Store, tmp_path: Path) -> Path:
    described = store.put_weights(C, tensors())
    store.put(C, {"weights": described})
    store.put(B, {"b": 2, "a": "zwei\u2028 ÿ"})
    store.put(A, {"x": 0.1})
    write_bundle(store, tmp_path / "models", [C, B, A], [C], {"preset": "classroom", "created": "2026-11-01"})
    return tmp_path / "models"


def test_a_bundle_is_served_like_the_store_it_was_written_from(store: Store, bundled: Path, tmp_path: Path) -> None:
    assert verify_bundle(bundled) == []
    reader = Store(tmp_path / "nobody", bundled)
    assert reader.keys() == store.keys() == [A, B, C]
    assert dict(reader.items("cell")) == dict(store.items("cell"))
    assert list(reader.get(B)) == ["b", "a"]  # the record's own order
    assert reader.origin(A) == "bundle"
    assert reader.origin("cell-" + "0" * 32) is None
    assert reader.get_weights(C, reader.get(C)["weights"]).keys() == tensors().keys()
    assert not (tmp_path / "nobody").exists()
    reader.get(A)["x"] = 3
    assert reader.get(A) == {"x": 0.1}


def test_a_bundle_is_the_same_bytes_every_time(store: Store, bundled: Path, tmp_path: Path) -> None:
    about = {"preset": "classroom", "created": "2026-11-01"}
    write_bundle(store, tmp_path / "again", [A, B, C, A], [C], about)
    files = sorted(p.relative_to(bundled) for p in bundled.rglob("*") if p.is_file())
    assert len(files) == 4
    for name in files:
        assert (bundled / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_new_bundle_takes_the_old_ones_place_and_keeps_other_files(store: Store, bundled: Path) -> None:
    (bundled / "README.md").write_text("about")
    write_bundle(store, bundled, [A], [], {})
    assert sorted(p.name for p in bundled.rglob("*") if p.is_file()) == ["README.md", "cell.jsonl", "manifest.json"]
    assert verify_bundle(bundled) == []
    assert [p.name for p in bundled.parent.glob(".models*")] == []


def test_a_bundle_that_cannot_be_finished_leaves_the_old_one(
    store: Store, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="no result cell-0"):
        write_bundle(store, bundled, [A, "cell-" + "0" * 32], [], {})
    with pytest.raises(StoreError, match="weights of cell-b"):
        write_bundle(store, bundled, [B], [B], {})
    with pytest.raises(StoreError, match="without a result"):
        write_bundle(store, bundled, [A], [C], {})
    replace, calls = os.replace, []

    def fails_at_the_last(source: object, target: object) -> None:
        calls.append(target)
        if target == bundled and len([t for t in calls if t == bundled]) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails_at_the_last)
    with pytest.raises(StoreError, match="the disk is full"):
        write_bundle(store, bundled, [A], [], {})
    monkeypatch.undo()
    assert verify_bundle(bundled) == []
    assert Store(store.home / "none", bundled).keys() == [A, B, C]


def test_verify_names_what_is_wrong(bundled: Path) -> None:
    lines = bundled / "results" / "cell.jsonl"
    good = lines.read_bytes()
    for bad, word in [
        (good.replace(b"0.1", b"0.2"), "SHA-256"),
        (good + b"{\n", "line 3"),
        (good + good.splitlines(True)[0], "does not belong"),
        (good.replace(b"cell-a", b"task-a"), "does not belong"),
    ]:
        lines.write_bytes(bad)
        assert word in " ".join(verify_bundle(bundled))
    lines.unlink()
    assert verify_bundle(bundled) == ["results/cell.jsonl is missing"]
    lines.write_bytes(good)
    (bundled / "weights" / "more").write_text("")
    assert verify_bundle(bundled) == ["weights/more is not in the manifest"]
    (bundled / "weights" / "more").unlink()
    (bundled / "weights" / f"{C}.safetensors").write_bytes(b"")
    assert "SHA-256" in verify_bundle(bundled)[0]
    manifest = json.loads((bundled / "manifest.json").read_text())
    manifest["files"]["../outside"] = {}
    (bundled / "manifest.json").write_text(json.dumps(manifest))
    assert "../outside is no name" in " ".join(verify_bundle(bundled))
    (bundled / "manifest.json").write_text("{")
    assert "manifest.json cannot be read" in verify_bundle(bundled)[0]


def test_line_ends_changed_by_a_checkout_do_no_harm(bundled: Path, tmp_path: Path) -> None:
    lines = bundled / "results" / "cell.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"\n", b"\r\n"))
    assert verify_bundle(bundled) == []
    assert Store(tmp_path / "nobody", bundled).get(A) == {"x": 0.1}


def test_a_damaged_file_of_a_bundle_is_left_out_and_said_once(bundled: Path, tmp_path: Path, caplog) -> None:
    lines = bundled / "results" / "cell.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"0.1", b"0.2"))
    reader = Store(tmp_path / "home2", bundled)
    assert reader.get(A) is None
    assert reader.keys() == [C]
    assert caplog.text.count("do not match their manifest") == 1
    lines.unlink()
    assert Store(tmp_path / "home2", bundled).get(A) is None


def test_damaged_bundled_weights_are_computed_again_once(bundled: Path, tmp_path: Path, caplog) -> None:
    (bundled / "weights" / f"{C}.safetensors").write_bytes(b"damaged")
    reader = Store(tmp_path / "home2", bundled)
    assert reader.get_weights(C, reader.get(C)["weights"]) is None
    assert (bundled / "weights" / f"{C}.safetensors").read_bytes() == b"damaged"  # the bundle is never written to
    described = reader.put_weights(C, tensors(7))
    reader.put(C, {"weights": described, "again": True})
    fresh = Store(tmp_path / "home2", bundled)
    assert fresh.origin(C) == "own"
    assert fresh.get_weights(C, fresh.get(C)["weights"]) is not None
    fresh.delete(C)
    assert fresh.origin(C) == "bundle"


@pytest.mark.parametrize("manifest", ["", "[]", '{"format": 99, "files": {}}', '{"format": 1}'])
def test_a_bundle_with_a_broken_manifest_is_left_out(bundled: Path, tmp_path: Path, manifest: str, caplog) -> None:
    (bundled / "manifest.json").write_text(manifest)
    with caplog.at_level(logging.WARNING):
        assert Store(tmp_path / "nobody", bundled).keys() == []
    assert "left out" in caplog.text
