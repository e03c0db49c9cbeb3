"""Listing reads an index and gives what reading everything would; what becomes of the index does not change that."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from invlab import listing
from invlab.bundle_files import write_bundle
from invlab.listing import Entry, Page
from invlab.rows import dumps
from invlab.store import Store

KINDS = ("comparison", "sensitivity", "training")
MADE = "2026-01-0{}T00:00:00+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def key_of(kind: str, number: int) -> str:
    return f"{kind}-{number:032x}"


def database(store: Store) -> sqlite3.Connection:
    """A connection in autocommit mode, to be closed."""
    return sqlite3.connect(store.home / "results" / "cache.db", isolation_level=None)


def fill(store: Store, count: int, seed: int = 0) -> None:
    """Many rows at once, as diskcache writes them, some stored in the same moment."""
    chance = random.Random(seed)
    store.put(key_of("training", 10**6), {})  # the tables
    rows = []
    for number in range(count):
        key = key_of(chance.choice(KINDS), number)
        value = zlib.compress(dumps({"key": key, "record": {"number": number}}).encode())
        rows.append((key, chance.randrange(count // 4) + chance.choice((0.0, 0.1, 1 / 3)), value))
    with contextlib.closing(database(store)) as db:
        db.execute("BEGIN")
        query = "INSERT INTO Cache(key, raw, store_time, access_time, mode, value) VALUES (?, 1, ?, 0, 1, ?)"
        db.executemany(query, rows)
        db.execute("COMMIT")


def everything(store: Store, kind: str) -> list[Entry]:
    """The slow oracle: every row that is there, by diskcache's own columns, sorted here."""
    with contextlib.closing(database(store)) as db:
        found = db.execute("SELECT store_time, key FROM Cache WHERE raw = 1").fetchall()
    return sorted((Entry(*row) for row in found if row[1].startswith(f"{kind}-")), reverse=True)


def walked(store: Store, kind: str, size: int) -> list[Page]:
    """Every page from the newest to the oldest."""
    pages = [store.page(kind, size)]
    while pages[-1].older:
        pages.append(store.page(kind, size, before=pages[-1].entries[-1]))
    return pages


def check(store: Store, size: int = 97) -> None:
    """Pages and counts are those of the oracle."""
    for kind in KINDS:
        whole = everything(store, kind)
        assert [entry for page in walked(store, kind, size) for entry in page.entries] == whole
        assert store.counts().get(kind, 0) == len(whole) == len(store.keys(kind))


# ---- against everything read and sorted


def test_pages_both_ways_are_what_reading_everything_gives(store: Store) -> None:
    fill(store, 4000)
    for kind in KINDS:
        whole = everything(store, kind)
        forth = walked(store, kind, 101)
        assert [entry for page in forth for entry in page.entries] == whole
        assert all(len(page.entries) == 101 for page in forth[:-1])
        assert [page.newer for page in forth] == [False] + [True] * (len(forth) - 1)
        back = [forth[-1]]
        while back[-1].newer:
            back.append(store.page(kind, 101, after=back[-1].entries[0]))
        assert back[::-1] == forth
    assert store.counts() == {kind: len(everything(store, kind)) for kind in KINDS}


def test_any_place_divides_a_listing(store: Store) -> None:
    fill(store, 400)
    whole = everything(store, "training")
    for at, entry in enumerate(whole):
        older, newer = store.page("training", 20, before=entry), store.page("training", 20, after=entry)
        assert older.entries == tuple(whole[at + 1 : at + 21] or whole[:20])
        assert newer.entries == tuple(whole[at - 20 : at] if at > 20 else whole[:20])


def test_listing_reads_no_record_and_uses_the_index(store: Store) -> None:
    fill(store, 2000)
    for at, newer in ((None, False), (Entry(200.0, key_of("training", 0)), False), (Entry(9.0, ""), True)):
        ran: list[str] = []
        with store._beside() as db:
            db.set_trace_callback(ran.append)
            assert len(listing.rows(db, "training", 11, at, newer)) == 11
            db.set_trace_callback(None)
            (plan,) = db.execute(f"EXPLAIN QUERY PLAN {ran[0]}").fetchall()
        assert "by_kind (<expr>=?" + (" AND <expr>" if at else "") in plan[3]
        assert "value" not in ran[0]


def test_the_work_for_a_page_does_not_grow_with_the_place_or_the_number(store: Store) -> None:
    def steps(at: Entry | None) -> int:
        """How often SQLite's machine was asked to go on, in tens of instructions."""
        asked = [0]
        with store._beside() as db:

            def count() -> int:
                asked[0] += 1
                return 0

            db.set_progress_handler(count, 10)
            listing.rows(db, "training", 50, at)
            listing.counts(db)
        return asked[0]

    fill(store, 400)
    few = steps(None)
    fill_more = Store(store.home.with_name("more"))
    fill(fill_more, 8000)
    store = fill_more
    middle = everything(store, "training")[1500]
    assert steps(None) <= 1.2 * few
    assert steps(middle) <= 2 * few


def test_a_result_stored_again_is_new_again(store: Store) -> None:
    fill(store, 60)
    oldest = everything(store, "training")[-1].key
    store.put(oldest, {"again": True})
    assert store.page("training", 3).entries[0].key == oldest
    check(store)


def test_what_is_deleted_is_listed_and_counted_no_more(store: Store) -> None:
    fill(store, 300)
    second = walked(store, "sensitivity", 20)[1]
    for entry in (*second.entries, everything(store, "sensitivity")[-1]):
        store.delete(entry.key)
    check(store, 20)
    for entry in everything(store, "sensitivity"):
        store.delete(entry.key)
    assert store.page("sensitivity", 20, before=second.entries[0]) == Page((), False, False)
    check(store)


def test_stored_and_newest(store: Store) -> None:
    fill(store, 1200)
    asked = [key_of(kind, number) for kind in KINDS for number in range(0, 3000, 2)]
    assert store.stored(asked) == {key for key in asked if store.get(key) is not None} != set()
    assert [key for key, _ in store.newest("training", 70)] == [entry.key for entry in everything(store, "training")]
    assert list(store.newest("nothing")) == []


def test_an_empty_home_lists_nothing_and_is_not_made(store: Store) -> None:
    assert store.page("training", 5) == Page((), False, False)
    assert store.counts() == {}
    assert store.stored([key_of("training", 1)]) == set()
    assert not store.home.exists()


def test_both_layers_are_one_listing(store: Store, tmp_path: Path) -> None:
    for number in range(30):
        store.put(key_of("training", number), {"made": {"created": MADE.format(1 + number % 9)}})
    store.put(key_of("training", 30), {"made": {"created": "no time"}})
    write_bundle(store, tmp_path / "bundle", store.keys(), [], {})
    both = Store(tmp_path / "both", tmp_path / "bundle")
    shipped = both.page("training", 100).entries
    assert len(shipped) == 31
    assert shipped[-1] == Entry(0.0, key_of("training", 30))
    assert [both.get(key)["made"]["created"] for _, key in shipped[:30]] == sorted(
        (MADE.format(1 + number % 9) for number in range(30)), reverse=True
    )
    mine = [key_of("training", number) for number in (3, 50, 12, 51, 30)]  # three of them ship as well
    for key in mine:
        both.put(key, {})
    whole = [*mine[::-1], *(entry.key for entry in shipped if entry.key not in mine)]
    for size in (1, 4, 100):
        assert [entry.key for page in walked(both, "training", size) for entry in page.entries] == whole
    assert both.counts() == {"training": 33}
    assert both.stored([*mine, key_of("training", 7), key_of("training", 70)]) == {*mine, key_of("training", 7)}
    (last,) = both.page("training", 1, before=both.page("training", 32).entries[-1]).entries
    assert both.page("training", 32, after=last) == both.page("training", 32)


# ---- places in links


def test_a_place_is_read_from_its_text() -> None:
    for moment in (0.0, 0.1 + 0.2, 1767225600.123456, 5e-324, 1e300):
        entry = Entry(moment, key_of("training", 7))
        assert listing.place(str(entry)) == entry


@pytest.mark.parametrize("text", [None, "", "~", "1~x", "nan~{}", "1e999~{}", "1-2~{}", "1~{}\n", "--~{}", "1~'; DROP"])
def test_any_other_text_is_no_place(text: str | None) -> None:
    assert listing.place(text and text.format(key_of("training", 7))) is None


# ---- faults


def lose(store: Store, name: str) -> None:
    with contextlib.closing(database(store)) as db:
        (kind,) = db.execute("SELECT type FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        db.execute(f"DROP {kind} {name}")


@pytest.mark.parametrize("name", listing.PARTS)
def test_a_part_that_is_lost_is_made_anew_when_the_home_is_opened(store: Store, name: str) -> None:
    fill(store, 300)
    store.close()
    lose(store, name)
    if name != "kinds":  # without it no row can be changed, whoever tries
        with contextlib.closing(database(store)) as db:
            db.execute("DELETE FROM Cache WHERE rowid % 3 = 0")  # unseen by a trigger that is gone
    again = Store(store.home)
    check(again)
    with again._beside() as db:
        assert listing.kept(db)
    again.put(key_of("training", 5000), {})
    check(again)
    assert not (store.home / "set-aside").exists()


@pytest.mark.parametrize("name", listing.PARTS)
def test_a_part_that_is_lost_while_the_home_is_open(store: Store, name: str) -> None:
    fill(store, 300)
    lose(store, name)
    check(store)
    store.put(key_of("training", 5000), {})
    store.delete(everything(store, "sensitivity")[0].key)
    check(store)
    assert not (store.home / "set-aside").exists()


def test_a_home_of_before_gets_its_index(store: Store) -> None:
    fill(store, 300)
    store.close()
    for name in ("kinds_insert", "kinds_delete", "kinds_update", "by_kind", "kinds"):
        lose(store, name)
    reader = Store(store.home, read_only=True)
    check(reader)
    with reader._beside() as db:
        assert not listing.kept(db)
    reader.close()
    check(Store(store.home))
    with reader._beside() as db:
        assert listing.kept(db)


def test_a_part_of_another_version_is_replaced(store: Store) -> None:
    fill(store, 100)
    lose(store, "by_kind")
    with contextlib.closing(database(store)) as db:
        db.execute("CREATE INDEX by_kind ON Cache (store_time)")
        assert not listing.kept(db)
        assert listing.keep(db)
        assert not listing.keep(db)
    check(store)


def test_a_damaged_page_of_the_index_costs_no_result(store: Store) -> None:
    fill(store, 500)
    whole = {kind: everything(store, kind) for kind in KINDS}
    with contextlib.closing(database(store)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'by_kind'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    store.close()
    with (store.home / "results" / "cache.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    again = Store(store.home)
    for kind in KINDS:
        assert [entry for entries in walked(again, kind, 50) for entry in entries.entries] == whole[kind]
    check(again)
    assert len(list((store.home / "set-aside").glob("results-*"))) == 1


def test_rows_that_are_not_ours_are_left_out_and_go(store: Store) -> None:
    fill(store, 200)
    with contextlib.closing(database(store)) as db:
        (middle,) = db.execute("SELECT store_time FROM Cache ORDER BY store_time LIMIT 1 OFFSET 100").fetchone()
        for key, raw in (("training-no", 1), (b"\x80training-", 0), ("training-" + "A" * 32, 1), (None, 1)):
            query = "INSERT INTO Cache(key, raw, store_time, access_time, mode, value) VALUES (?, ?, ?, 0, 1, '')"
            db.execute(query, (key, raw, middle))
        db.execute(
            "INSERT INTO Cache(key, raw, store_time, mode) VALUES (CAST(X'747261696e696e672dff' AS TEXT), 1, 1e9, 1)"
        )
    for size in (1, 7, 300):
        reader = Store(store.home, read_only=True)
        listed = [entry.key for page in walked(reader, "training", size) for entry in page.entries]
        assert listed == [key for _, key in sorted(listed_rows(store), reverse=True)]
    for kind in KINDS:
        walked(store, kind, 50)
        assert store.counts()[kind] == len(store.keys(kind))
    assert "training-no" in (store.home / "refused").read_text()


def listed_rows(store: Store) -> list[tuple[float, str]]:
    with contextlib.closing(database(store)) as db:
        db.text_factory = bytes
        found = db.execute("SELECT store_time, key FROM Cache WHERE key LIKE 'training-%'").fetchall()
    return [(stored, key.decode()) for stored, key in found if len(key) == 41 and b"A" not in key]


def test_a_damaged_time_has_a_place(store: Store) -> None:
    fill(store, 50)
    with contextlib.closing(database(store)) as db:
        (first, second) = db.execute("SELECT rowid FROM Cache WHERE key LIKE 'training-%' LIMIT 2").fetchall()
        db.execute("UPDATE Cache SET store_time = NULL WHERE rowid = ?", first)
        db.execute("UPDATE Cache SET store_time = 'yesterday' WHERE rowid = ?", second)
    listed = [entry.key for page in walked(store, "training", 3) for entry in page.entries]
    assert sorted(listed) == store.keys("training")
    assert len(set(listed)) == len(listed)


def test_a_damaged_value_is_counted_until_it_is_looked_at(store: Store) -> None:
    fill(store, 50)
    before = store.counts()["training"]
    key = everything(store, "training")[2].key
    with contextlib.closing(database(store)) as db:
        db.execute("UPDATE Cache SET value = X'00' WHERE key = ?", (key,))
    assert key not in dict(store.newest("training"))
    assert store.counts()["training"] == before - 1
    check(store)


KILLED = """
import os, signal, sqlite3, sys
from invlab import listing
db = sqlite3.connect(sys.argv[1], isolation_level=None)
steps = [0]
def step():
    steps[0] += 1
    if steps[0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return 0
db.set_progress_handler(step, 100)
if sys.argv[3] == "keep":
    listing.keep(db)
else:
    db.execute("BEGIN IMMEDIATE")
    for rowid in range(1, 200):
        db.execute("DELETE FROM Cache WHERE rowid = ?", (rowid,))
    db.execute("COMMIT")
print("ended")
"""


@pytest.mark.parametrize("what", ["keep", "delete"])
def test_a_process_killed_in_between_leaves_rows_index_and_counts_in_step(store: Store, what: str) -> None:
    fill(store, 600)
    store.close()
    killed = 0
    for moment in (3, 30, 100, 100_000):
        if what == "keep":
            Store(store.home).counts()
            lose(store, "by_kind")
        path = str(store.home / "results" / "cache.db")
        ended = subprocess.run([sys.executable, "-c", KILLED, path, str(moment), what], capture_output=True, text=True)
        killed += ended.returncode == -signal.SIGKILL
        check(Store(store.home))
    assert ended.stdout == "ended\n"
    assert killed >= 2


def test_two_processes_that_open_an_old_home_make_one_index(store: Store) -> None:
    fill(store, 500)
    store.close()
    for name in ("kinds_insert", "kinds_delete", "kinds_update", "by_kind", "kinds"):
        lose(store, name)
    code = f"from invlab.store import Store; print(Store({str(store.home)!r}).counts())"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = {process.communicate(timeout=60)[0] for process in running}
    assert told == {f"{store.counts()}\n"}
    check(store)


def test_a_reader_waits_for_nobody(store: Store) -> None:
    fill(store, 100)
    with contextlib.closing(database(store)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        check(store)
        assert time.monotonic() - began < 5.0  # half of what a write would wait
        holder.execute("ROLLBACK")
