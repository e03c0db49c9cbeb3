"""Pictures that do not ship with the package: what each source of them is, whether it is here, and getting it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invlab import cifar, hub, photographs, things
from invlab.cifar import ARCHIVES
from invlab.kept import cache_folder, data_folder

Report = Callable[[dict[str, Any]], None]
Where = Path | None


@dataclass(frozen=True)
class Source:
    """A set of objects or backgrounds that has to be fetched or drawn first.

    what: in a few words.
    bytes: to download; 0 where it is drawn here, None where the server tells.
    missing: of a data folder (None: the usual one), why the set cannot be used now, in one sentence with the remedy;
        None where it can. Looks at names and sizes only.
    fetch: into a data folder; its report gets points {'stage', 'fraction', 'bytes', 'of'}.
    place: where its files lie, in a data folder.
    """

    name: str
    what: str
    bytes: int | None
    missing: Callable[[Where], str | None]
    fetch: Callable[[Report, Where], None]
    place: Callable[[Where], Path]


def missing(name: str) -> str | None:
    """Why the objects or backgrounds `name` cannot be used now, one sentence with the remedy; None where they can."""
    return SOURCES[name].missing(None) if name in SOURCES else None


def available(name: str) -> bool:
    """Whether the objects or backgrounds `name` can be used without fetching anything. Cheap: nothing is loaded."""
    return missing(name) is None


def fetch(name: str, report: Report, directory: Where = None) -> None:
    """Get what `name` needs into the data folder `directory` (the usual one), unless it is there.

    Raises ValueError (one sentence) for an unknown name, and where the network, the disk or the data fail.
    """
    if name not in SOURCES:
        raise ValueError(f"there is nothing to fetch for {name!r}; choose from {', '.join(SOURCES)}")
    SOURCES[name].fetch(report, directory)


def _cifar(name: str) -> Source:
    archive = ARCHIVES[name]
    return Source(
        name,
        f"{archive.title}: 60,000 photographs of {len(archive.names)} classes, 32 pixels",
        archive.bytes,
        lambda directory: cifar.missing(name, directory),
        lambda report, directory: cifar.fetch(name, report, directory),
        data_folder,
    )


def _draw(report: Report, directory: Where) -> None:
    if directory is not None:
        raise ValueError("'pictures' are drawn here and lie in the cache: leave the directory out")
    photographs.pictures(report)
    things.things(photographs.SIDE)
    report({"stage": "done", "fraction": 1.0})


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "pictures",
            f"{sum(photographs.PICTURES) * 10:,} drawn scenes of 10 classes, 32 pixels, in the form of CIFAR-10, and "
            "as many pictures of small things",
            0,
            lambda directory: None,  # drawn on first use
            _draw,
            lambda directory: cache_folder(),
        ),
        _cifar("cifar10"),
        _cifar("cifar100"),
        Source(
            hub.NAME,
            "Transforms-2D base: 61 classes of cut-outs, 867 backgrounds, from the Hugging Face Hub",
            None,
            hub.missing,
            hub.fetch,
            hub.place,
        ),
    )
}
