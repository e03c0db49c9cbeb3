"""Is everything in order? Each check looks, changes nothing, and says what to do where it found something.

Databases are opened for reading only, and no store is opened at all: a store mends what it finds damaged.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib.metadata
import os
import re
import shutil
import sqlite3
import stat
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from invlab import __version__, bundle, compiled, devices, formats, jobs, listing, logs, records, roles, store, uploads
from invlab.bundle_files import Bundle
from invlab.rows import RowError, looking, read_key, read_value

Level = Literal["ok", "note", "warning", "problem"]

LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "problem")
ROOT = Path(__file__).resolve().parent.parent
LEAST_PYTHON = (3, 11)
LITTLE_BYTES, ALMOST_NONE_BYTES = 2 * 10**9, 2 * 10**8  # free on the disk: a warning, a problem
LONG_SECONDS = 900.0  # a job that has waited this long, with nobody at work, waits in vain
GOOD_PASSPHRASE = 16  # characters: four short words; `roles` refuses fewer than 8

# Every variable the lab reads, and the values it takes: a pattern, and the same in words.
SETTINGS: dict[str, tuple[str, str]] = {
    "INVLAB_HOME": (r".+", "a directory"),
    "INVLAB_BUNDLE": (r".+", "a directory"),
    "INVLAB_DATA": (r".+", "a directory"),
    "INVLAB_WORKER": (r"0|1", "0 or 1"),
    "INVLAB_THREADS": (r"[1-9]\d*", "a whole number of at least 1"),
    "INVLAB_STACK": (r"[1-9]\d*", "a whole number of at least 1"),
    "INVLAB_LOG": ("|".join(logs.FORMATS), " or ".join(logs.FORMATS)),
    "INVLAB_LOG_LEVEL": ("|".join(logs.LEVELS), ", ".join(logs.LEVELS)),
    "INVLAB_MODE": ("|".join(roles.MODES), ", ".join(roles.MODES)),
    "INVLAB_VISITORS": (r"viewer|student", "viewer or student"),
    "INVLAB_PASSPHRASE": (rf".{{{roles.SHORTEST},}}", f"at least {roles.SHORTEST} characters"),
    "INVLAB_PASSPHRASE_FILE": (r".+", "a file"),
    "INVLAB_TEACHERS": (r".+", "e-mail addresses separated by commas"),
}
SECRET = ("INVLAB_PASSPHRASE", "INVLAB_TEACHERS")  # never printed


@dataclass(frozen=True)
class Finding:
    """What one check found. remedy: what to do; empty where there is nothing to do."""

    check: str
    level: Level
    text: str
    remedy: str = ""


Check = Callable[[Path, bool], Iterator[Finding]]


def examine(home: Path, quick: bool = False) -> list[Finding]:
    """Everything that the checks find in this installation and in `home`; `quick` reads no file to the last byte."""
    findings = []
    for name, check in CHECKS.items():
        try:
            findings += list(check(home, quick))
        except (OSError, sqlite3.Error, ValueError, RuntimeError, ImportError) as error:
            text = f"could not be looked at ({type(error).__name__}: {error})"
            findings.append(Finding(name, "problem", text, "read the message; it names what is missing or forbidden"))
    return findings


def worst(findings: list[Finding]) -> Level:
    """The gravest level among them."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")


def line(finding: Finding) -> str:
    """A finding as it is printed."""
    remedy = f": {finding.remedy}" if finding.remedy else ""
    return f"{finding.level:<8} {finding.check:<11} {finding.text}{remedy}"


# ---- the installation


def python(home: Path, quick: bool) -> Iterator[Finding]:
    told = f"Python {sys.version.split()[0]}, Invariance Lab {__version__}"
    if sys.version_info[:2] < LEAST_PYTHON:
        yield Finding("python", "problem", told, "install Python 3.11 or newer")
    else:
        yield Finding("python", "ok", told)


def packages(home: Path, quick: bool) -> Iterator[Finding]:
    """Against the floors in requirements.txt."""
    file = ROOT / "requirements.txt"
    if not file.is_file():
        yield Finding("packages", "note", "requirements.txt is not here, so versions were not compared")
        return
    wrong = False
    for name, floor in floors(file.read_text()).items():
        found = installed(name)
        if found is None or numbers(found) < numbers(floor):
            wrong = True
            told = f"{name} is missing" if found is None else f"{name} {found} is older than {floor}"
            yield Finding("packages", "problem", told, f'install it: pip install "{name}>={floor}"')
    if not wrong:
        yield Finding("packages", "ok", "every package has the version that requirements.txt asks for")


def clusters(home: Path, quick: bool) -> Iterator[Finding]:
    """Ray, which is optional, against the floor in requirements-cluster.txt."""
    found = installed("ray")
    if found is None:
        told = "Ray is not installed: studies run on this machine alone"
        yield Finding("cluster", "ok", told)
        return
    file = ROOT / "requirements-cluster.txt"
    floor = re.search(r"^ray\S*>=([0-9.]+)", file.read_text(), re.MULTILINE) if file.is_file() else None
    if floor is not None and numbers(found) < numbers(floor[1]):
        remedy = "studies with --on may fail: pip install -r requirements-cluster.txt"
        yield Finding("cluster", "warning", f"ray {found} is older than {floor[1]}", remedy)
    else:
        yield Finding("cluster", "ok", f"ray {found}: studies can run on a cluster (study … --on)")


def floors(requirements: str) -> dict[str, str]:
    """`name>=version` lines as a table; comments and other lines are left out."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)>=([0-9.]+)", requirements, re.MULTILINE))


def numbers(version: str) -> tuple[int, ...]:
    """`2.14.1+cpu` as (2, 14, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def installed(name: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def one_release(torch: str, torchvision: str) -> bool:
    """Whether the two versions belong together: torch 2.0 came with torchvision 0.15, and both count up since."""
    return numbers(torch)[0] == 2 and numbers(torchvision)[1] == numbers(torch)[1] + 15


def device(home: Path, quick: bool) -> Iterator[Finding]:
    """torch and torchvision together, and a small computation whose answer is known, on the device that is chosen."""
    import torch
    import torchvision

    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    if not one_release(torch.__version__, torchvision.__version__):
        remedy = "install both anew from one index: pip install --upgrade torch torchvision"
        yield Finding("device", "warning", f"{versions} are not of one release", remedy)
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 6, 6]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)  # compiled: fails where the two do not fit
    chosen = devices.choose()
    rows = torch.arange(64.0, device=chosen).reshape(8, 8)
    right = float((rows @ rows.T).trace()) == sum(n * n for n in range(64)) and kept.tolist() == [0, 2]
    told = f"{versions}; computes on {devices.describe(chosen)}"
    if right:
        yield Finding("device", "ok", told)
    else:
        yield Finding("device", "problem", f"{told}, wrongly", "set CUDA_VISIBLE_DEVICES= to compute on the CPU")


def rendering(home: Path, quick: bool) -> Iterator[Finding]:
    how = "python -m invlab.compiled"
    if compiled.library() is not None:
        labnet = "so does labnet" if compiled.has_labnet() else "labnet in torch, for want of vectors of 512 bits"
        yield Finding("rendering", "ok", f"pictures are rendered in compiled code, {labnet}")
    elif compiled.built().exists():
        remedy = f"delete it, then {how}"
        yield Finding("rendering", "warning", f"{compiled.built()} cannot be loaded; torch renders", remedy)
    else:
        yield Finding("rendering", "note", "torch renders the pictures, at half the speed", f"with a C compiler: {how}")


def the_bundle(home: Path, quick: bool) -> Iterator[Finding]:
    directory = store.bundle_dir()
    if not (directory / "manifest.json").exists():
        remedy = "pages will be empty at first: install models/, or run `python -m invlab bundle build`"
        yield Finding("bundle", "warning", f"there are no bundled results in {directory}", remedy)
        return
    opened = Bundle(directory)
    if not opened.manifest["files"]:
        remedy = "install the bundle of this version again"
        yield Finding("bundle", "problem", f"the bundle in {directory} cannot be used", remedy)
        return
    problems = [] if quick else bundle.verify(directory)
    for problem in problems[:5]:
        yield Finding("bundle", "problem", problem, "install the bundle again")
    if not problems:
        how = "" if quick else ", every byte as it was written"
        yield Finding("bundle", "ok", f"{opened.manifest.get('results', 0)} bundled results{how}")


# ---- the home


def the_home(home: Path, quick: bool) -> Iterator[Finding]:
    if not home.exists():
        yield Finding("home", "note", f"{home} is not there yet", "it is made when something is first stored")
        return
    mode = home.stat().st_mode
    if not stat.S_ISDIR(mode):
        yield Finding("home", "problem", f"{home} is no directory", "set INVLAB_HOME to one")
    elif not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("home", "problem", f"{home} cannot be written", "give it to the user the lab runs as")
    elif mode & stat.S_IWOTH:
        remedy = f"anybody on this machine can change results: chmod o-w {home}"
        yield Finding("home", "warning", f"{home} can be written by everybody", remedy)
    else:
        yield Finding("home", "ok", f"{home}, {_size(home) / 1e6:,.1f} MB")
    yield from _left_behind(home)


def _left_behind(home: Path) -> Iterator[Finding]:
    beside = sorted(
        [*home.parent.glob(f".{home.name}-restoring-*"), *home.parent.glob(f"{home.name}-before-restore-*")]
    )
    for path in beside:
        yield Finding("home", "note", f"{path} is from a restore", "delete it when you no longer need it")
    aside = home / "set-aside"
    if aside.is_dir() and (names := sorted(os.listdir(aside))):
        remedy = "look whether something in it is missed, then delete it"
        yield Finding("home", "note", f"{len(names)} damaged or older files are kept in {aside}", remedy)


def _size(folder: Path) -> int:
    whole = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                whole += (Path(here) / name).lstat().st_size
    return whole


def disk(home: Path, quick: bool) -> Iterator[Finding]:
    place = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:,.1f} GB free where the home is"
    level: Level = "ok" if free >= LITTLE_BYTES else "warning" if free >= ALMOST_NONE_BYTES else "problem"
    yield Finding("disk", level, told, "" if level == "ok" else "free some space: nothing is stored on a full disk")


def results(home: Path, quick: bool) -> Iterator[Finding]:
    """The person's own store: the database, each record, and the weights that the records name."""
    database = home / "results" / "cache.db"
    if not database.exists():
        yield Finding("results", "ok", "no results of one's own yet")
        return
    with _sound("results", database) as (db, damage):
        if damage is not None:
            yield damage
            return
        yield from _format(db)
        yield from _listing(db)
        whole = sum(listing.counted(db).values())
        refused, weights = _read_rows(db.execute("SELECT key, raw, mode, filename, value FROM Cache"))
    if refused:
        remedy = "they count as absent and are computed again when they are asked for"
        yield Finding("results", "warning", f"{refused} of {whole} results are damaged or foreign", remedy)
    else:
        yield Finding("results", "ok", f"{whole} results of one's own, each readable")
    yield from _weights(home, weights, quick)
    with contextlib.suppress(OSError):
        count = len((home / "refused").read_text(errors="replace").splitlines())
        yield Finding("results", "note", f"{count} foreign or damaged rows were refused in the past", "see `refused`")


def _format(db: sqlite3.Connection) -> Iterator[Finding]:
    found = db.execute("PRAGMA user_version").fetchone()[0] or formats.UNSTAMPED
    if found > records.FORMAT:
        told = f"the results are of format {found}, this version knows {records.FORMAT}"
        yield Finding("results", "problem", told, "install the newer version, or choose another INVLAB_HOME")
    elif found < records.FORMAT:
        told = f"the results are of format {found} and come over to {records.FORMAT} when the app is next started"
        yield Finding("results", "note", told, "make a back-up first")


def _listing(db: sqlite3.Connection) -> Iterator[Finding]:
    """Whether the index that lists results is there and tells what the rows do."""
    if not listing.kept(db):
        yield Finding("results", "note", "the index that lists them is made when the app is next started")
    elif listing.counts(db) != listing.counted(db):
        remedy = "only listings show them; drop the table `kinds`, and they are counted when the app is next started"
        yield Finding("results", "warning", "their numbers were noted wrongly", remedy)


def _read_rows(rows: Iterable[tuple]) -> tuple[int, dict[str, dict]]:
    """How many rows the store would refuse, and what the others say of weights, by key."""
    refused, weights = 0, {}
    for key, raw, mode, filename, value in rows:
        try:
            whole = read_value(mode, filename, value)
            if whole["key"] != read_key(key, raw) or not isinstance(whole["record"], dict):
                raise RowError("it belongs elsewhere")
        except (RowError, KeyError):
            refused += 1
            continue
        if isinstance(described := whole["record"].get("weights"), dict):
            weights[key] = described
    return refused, weights


def _weights(home: Path, described: dict[str, dict], quick: bool) -> Iterator[Finding]:
    wrong, here = [], 0
    for key, about in described.items():
        path = home / "weights" / f"{key}.safetensors"
        if not path.exists():
            continue  # evicted, or in the bundle
        here += 1
        if path.stat().st_size != about.get("bytes") or not (quick or _digest(path) == about.get("sha256")):
            wrong.append(path.name)
    if wrong:
        remedy = "they are set aside and computed again when they are needed"
        yield Finding("weights", "warning", f"{len(wrong)} files do not match their record, {wrong[0]} first", remedy)
    elif here:
        how = "size" if quick else "SHA-256"
        yield Finding("weights", "ok", f"{here} files of weights, each with the {how} its record tells")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _sound(check: str, database: Path) -> Iterator[tuple[sqlite3.Connection, Finding | None]]:
    """A database for looking at, and what is wrong with it as a whole."""
    with looking(database) as db:
        try:
            found = db.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            found = str(error)
        remedy = "start the app: it sets the file aside and saves what can be read; or restore a back-up"
        damage = None if found == "ok" else Finding(check, "problem", f"{database} is damaged ({found})", remedy)
        yield db, damage


def queue(home: Path, quick: bool) -> Iterator[Finding]:
    database = home / "queue.sqlite3"
    if not database.exists():
        yield Finding("queue", "ok", "no queue yet: nothing was ever asked for")
        return
    now = time.time()
    with _sound("queue", database) as (db, damage):
        if damage is not None:
            yield damage
            return
        try:
            states = Counter(dict(db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state")))
            expired = db.execute(f"SELECT COUNT(*) FROM jobs WHERE {jobs.EXPIRED}", {"now": now}).fetchone()[0]  # noqa: S608
            oldest = db.execute("SELECT MIN(created) FROM jobs WHERE state = 'queued'").fetchone()[0]
            seen = db.execute("SELECT COUNT(*) FROM workers WHERE abs(? - seen) <= ?", (now, jobs.SEEN_SECONDS))
            workers = seen.fetchone()[0]
        except sqlite3.OperationalError as error:
            remedy = "start the app of this version: it brings the queue up to date"
            yield Finding("queue", "warning", f"the queue is of another version ({error})", remedy)
            return
    yield from _about_queue(states, workers, expired, None if oldest is None else now - oldest)


def _about_queue(states: Counter[str], workers: int, expired: int, waited: float | None) -> Iterator[Finding]:
    told = f"{states['queued']} waiting, {states['running']} running, {states['failed']} failed; {workers} workers seen"
    yield Finding("queue", "ok", told)
    if expired:
        remedy = "a worker takes them up again by itself; if none is there, start one: python -m invlab worker"
        yield Finding("queue", "warning", f"{expired} running jobs have lost their worker", remedy)
    if waited is not None and not workers:
        remedy = "start one: python -m invlab worker, or the app without INVLAB_WORKER=0"
        yield Finding(
            "queue", "warning", f"jobs wait, the oldest for {waited / 60:,.0f} min, and no worker is there", remedy
        )
    elif waited is not None and waited > LONG_SECONDS:
        remedy = "start another worker (--workers 2) if there are cores and memory to spare"
        yield Finding("queue", "note", f"the oldest waiting job has waited for {waited / 60:,.0f} min", remedy)


def other_databases(home: Path, quick: bool) -> Iterator[Finding]:
    """Every other SQLite file of the home, such as the rooms'."""
    for database in sorted(home.glob("*.sqlite3")):
        if database.name != "queue.sqlite3":
            with _sound("databases", database) as (_, damage):
                yield damage or Finding("databases", "ok", f"{database.name} is sound")


def uploaded(home: Path, quick: bool) -> Iterator[Finding]:
    """Sets of uploaded pictures: each list must have the digest it is named by."""
    area, damaged, count = home / "uploads", 0, 0
    for folder in sorted(area.iterdir()) if area.is_dir() else ():
        if uploads.is_name(uploads.PREFIX + folder.name):
            count += 1
            with contextlib.suppress(OSError):
                if hashlib.sha256((folder / uploads.LIST).read_bytes()).hexdigest().startswith(folder.name):
                    continue
            damaged += 1
    if damaged:
        remedy = "whoever uploaded them is asked to do so again"
        yield Finding("uploads", "warning", f"{damaged} of {count} sets of pictures are damaged", remedy)
    elif count:
        yield Finding("uploads", "ok", f"{count} sets of uploaded pictures, {_size(area) / 1e6:,.1f} MB")


# ---- the settings


def settings(home: Path, quick: bool) -> Iterator[Finding]:
    """INVLAB_* in the environment: names that are read, and values they can have."""
    wrong = False
    for name in sorted(name for name in os.environ if name.startswith("INVLAB_")):
        value = os.environ[name]
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, 1)
            remedy = f"did you mean {close[0]}?" if close else f"the variables are {', '.join(SETTINGS)}"
            yield Finding("settings", "warning", f"{name} is read by nothing", remedy)
            wrong = True
        elif value and not re.fullmatch(SETTINGS[name][0], value, re.DOTALL):
            shown = "" if name in SECRET else f" {value[:60]!r}"
            yield Finding("settings", "problem", f"{name}{shown} is no valid value", f"give {SETTINGS[name][1]}")
            wrong = True
    if not wrong:
        given = sorted(name for name in os.environ if name in SETTINGS)
        yield Finding("settings", "ok", f"set: {', '.join(given)}" if given else "all settings have their defaults")


def serving(home: Path, quick: bool) -> Iterator[Finding]:
    """Who can reach the app, and what keeps others from its controls."""
    address, mode = served_address(), os.environ.get("INVLAB_MODE") or "auto"
    told = f"address {address}, mode {mode}"
    try:
        passphrase = roles.passphrase() or ""
    except ValueError as error:
        yield Finding("serving", "problem", f"{told}: {error}", "the server does not start with it")
        return
    public = address not in roles.LOOPBACK
    if mode == "local" and public:
        remedy = "set INVLAB_MODE=serve and a passphrase, or serve localhost behind a proxy"
        yield Finding("serving", "warning", f"{told}: everybody who reaches this machine can do everything", remedy)
    elif (mode == "serve" or (mode == "auto" and public)) and not passphrase:
        remedy = "set INVLAB_PASSPHRASE or INVLAB_PASSPHRASE_FILE, unless teachers sign in at an identity provider"
        yield Finding("serving", "warning", f"{told}: no teacher can sign in", remedy)
    elif passphrase and len(passphrase) < GOOD_PASSPHRASE:
        remedy = f"choose at least {GOOD_PASSPHRASE} characters, such as four words"
        yield Finding("serving", "warning", f"{told}: the passphrase is short", remedy)
    else:
        yield Finding("serving", "ok", told)


def served_address() -> str:
    """What the app binds: Streamlit's variable, else its configuration file, else every interface."""
    if given := os.environ.get("STREAMLIT_SERVER_ADDRESS"):
        return given
    with contextlib.suppress(OSError, tomllib.TOMLDecodeError):
        written = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
        return str(written.get("server", {}).get("address", "0.0.0.0"))  # noqa: S104 - that is told, not bound
    return "0.0.0.0"  # noqa: S104 - likewise


CHECKS: dict[str, Check] = {
    "python": python,
    "packages": packages,
    "cluster": clusters,
    "device": device,
    "rendering": rendering,
    "bundle": the_bundle,
    "home": the_home,
    "disk": disk,
    "results": results,
    "queue": queue,
    "databases": other_databases,
    "uploads": uploaded,
    "settings": settings,
    "serving": serving,
}
