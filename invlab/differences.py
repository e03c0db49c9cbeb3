"""What a run of a study does otherwise than the paper, and why; for the pages and the static site."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from invlab import costs
from invlab.figures import shift as shift_figures
from invlab.figures.factors import named
from invlab.sensitivity import Sensitivity
from invlab.studies import factors, mismatch, relevance
from invlab.studies.catalogue import STUDIES, StudyRun, training_of
from invlab.studies.presets import PRESETS, Preset
from invlab.studies.published import SOURCE
from invlab.studies.study import Table
from invlab.transfer import Transfer

SHOWN = ("classroom", "paper")  # presets whose numbers mean something, in this order


@dataclass(frozen=True)
class Difference:
    """What the paper did, what was done here, and why."""

    what: str
    paper: str
    here: str
    why: str = ""


def differs_told(name: str, run: StudyRun | None, more: Sequence[Difference]) -> list[str]:
    """What differs from the paper, a line of Markdown each; `more` replaces what is said of the same thing here."""
    found = {each.what: each for each in [*differences(name, run), *more]}
    return [
        f"**{each.what}**: here {each.here}; in the paper {each.paper}.{f' *{each.why}*' if each.why else ''}"
        for each in found.values()
    ]


THE_PAPER = f"The paper: {SOURCE}. The preset *paper* runs the paper's sizes; it needs a GPU."


def differences(name: str, run: StudyRun | None = None) -> list[Difference]:
    """Where the sizes of a run's preset differ from the preset `paper`, and the objects, which always do."""
    preset = run.preset if run else SHOWN[0]
    here, paper = size_words(name, preset), size_words(name, "paper")
    found = [
        Difference(what, text, here[what], _why(what, PRESETS[preset], PRESETS["paper"]))
        for what, text in paper.items()
        if what in here and here[what] != text
    ]
    count, theirs = run.seeds if run else STUDIES[name].seeds[preset], STUDIES[name].seeds["paper"]
    if count != theirs:
        found.append(Difference("Seeds", str(theirs), str(count), "The intervals say what that many seeds can tell."))
    found.append(
        Difference(
            "Objects and backgrounds",
            "photographs: 61 cut-out objects before 867 pictures",
            "drawings made for this project, before drawn scenes",
            "They ship with the lab; the photographs cannot.",
        )
    )
    return found


@functools.lru_cache(maxsize=32)
def size_words(name: str, preset: str) -> dict[str, str]:
    """The sizes of a study's first training and measurements at a preset, in words."""
    specs = [cell.spec for cell in _first_cells(name, preset)]
    learned = training_of(specs[0])
    asked = next((spec.target for spec in specs if isinstance(spec, Transfer)), learned.task)
    words = {
        "Network": learned.network,
        "Classes": str(len(asked.classes)),
        "Images to learn from": f"{learned.images:,}, seen {learned.epochs} time{'s' if learned.epochs != 1 else ''}",
        "Batch and learning rate": f"{learned.batch}, {learned.learning_rate:g} ({learned.schedule})",
    }
    for spec in specs:
        if isinstance(spec, Sensitivity):
            words["Pairs for a sensitivity"] = f"{spec.pairs:,}"
        elif isinstance(spec, Transfer):
            words["Images for a probe"] = f"{spec.train_images:,} to fit, {spec.test_images:,} to test"
    return words


def _first_cells(name: str, preset: str) -> Iterator[Any]:
    """A study's first cell, and the first of each other kind among its first hundred."""
    seen: set[type] = set()
    for number, cell in enumerate(STUDIES[name].cells(preset, 0, ())):
        if number > 100:
            return
        if type(cell.spec) not in seen:
            seen.add(type(cell.spec))
            yield cell


def _why(what: str, here: Preset, paper: Preset) -> str:
    """The reason for a difference in size, where there is more to say than that it takes less time."""
    if what == "Network" and here.network != paper.network:
        pace = {p.network: 1 / costs.SECONDS_AN_IMAGE.get(p.network, costs.SLOWEST_IMAGE) for p in (here, paper)}
        return (
            f"On one CPU core {here.network} learns about {pace[here.network]:,.0f} images a second, {paper.network} "
            f"about {pace[paper.network]:,.0f}."
        )
    return {
        "Images to learn from": "What two CPU cores can learn in minutes or hours, not weeks.",
        "Batch and learning rate": "Chosen so that the network learns from few images.",
    }.get(what, "")


# --------------------------------------------------------------------------------------------- what single studies know


def of_factors(preset: str) -> list[Difference]:
    """What this study does otherwise than the paper, read off the preset's sizes."""
    here, paper = factors.SIZES[preset], factors.SIZES["paper"]
    found = [
        Difference(
            "Range",
            "of the means over seeds",
            "taken in every seed, then averaged",
            "So it has an interval; it is never smaller than the paper’s.",
        )
    ]
    if here.networks != paper.networks:
        found.append(
            Difference(
                "Architectures",
                listed(paper.networks),
                listed(here.networks),
                "The small settings keep the kind of network and have fewer, narrower layers.",
            )
        )
    if here.pretraining != paper.pretraining:
        least, theirs = min(here.pretraining), min(paper.pretraining)
        passes = "more passes over fewer images, so that every network sees as many" if here.same_work else "as there"
        found.append(
            Difference(
                "Pretraining samples",
                listed(paper.pretraining),
                f"{listed(here.pretraining)}; {passes}",
                "The least lies below the paper's, which can only widen the ranges." if least < theirs else "",
            )
        )
    if here.wide != paper.wide:
        found.append(
            Difference(
                "What varies where",
                "every factor with every make-up of families",
                f"architecture and pretraining samples with {listed(here.wide)} families only",
                "The others would take as long again, each.",
            )
        )
    return found


def listed(values: Sequence[str | int]) -> str:
    return ", ".join(named(str(value)) for value in values)


WHY_PICTURES = "CIFAR-10 cannot ship with the lab; fetch it and compute the study again to have it in its place."


LITTLE_TO_LOSE = (
    "a network that never saw an object names 0.80 of fixed and 0.56 of translated ones",
    "of things on things it names fewer, of things on scenes far fewer: the first row of the map",
    "Scenes are told apart by their textures and colours: a network trained on them, like one not trained at all, "
    "holds little about a small object, and what is not there cannot be lost. Trained to tell kinds of things it holds "
    "more, and loses more when it learns that one of them does not matter.",
)


def of_relevance(preset: str, pictures: str) -> list[Difference]:
    """What this study does otherwise than the paper."""
    here, paper = relevance.SIZES[preset], relevance.SIZES["paper"]
    found = [Difference("Availability", "0 to 0.8", "0 to 1", "1 is the network of the table.")]
    if pictures != "cifar10":
        ours = "pictures of things, ten kinds; and, beside them, ten classes of drawn scenes"
        found.insert(0, Difference("C", "CIFAR-10", ours, WHY_PICTURES))
        found.append(Difference("What there is to lose", *LITTLE_TO_LOSE))
    if here.sweeps != paper.sweeps:
        found.append(Difference("Sweeps", "fixed and translated objects", f"{' and '.join(here.sweeps)} objects only"))
    return found


def of_shift(table: Table | None, here: bool | None = None) -> list[Difference]:
    """What this study does otherwise than the paper. here: as in `figures.shift.absent`."""
    found = [
        Difference(
            "Scene pictures", "no such column", "drawn scenes of ten classes, each transformed as a whole",
            "So that there is a column of whole pictures where CIFAR cannot be had.",
        )
    ]  # fmt: skip
    if table is not None and (missing := shift_figures.absent(table, here)):
        found.append(Difference("CIFAR-10 and CIFAR-100", "two columns", f"see there. {missing}"))
    return found


def of_mismatch(preset: str) -> list[Difference]:
    """What this study does otherwise than the paper."""
    here, theirs = mismatch.SIZES[preset], mismatch.SIZES["paper"]
    found = []
    if here.chain != theirs.chain:
        found.append(
            Difference(
                "Length of the chain", f"{theirs.chain} families", f"{here.chain}",
                "A trial of the machinery.",
            )
        )  # fmt: skip
    if here.classes != theirs.classes:
        found.append(
            Difference(
                "Classes", f"{theirs.classes}", f"{here.classes}",
                "Eight families at once are hard to learn in a small budget, and a source that did not learn its own "
                "task would say nothing about a mismatch. Guessing gets more right among fewer classes.",
            )
        )  # fmt: skip
    if here != theirs:
        found.append(
            Difference(
                "Images to learn from", f"{theirs.images:,}, seen {theirs.passes:.0f} times by every source",
                f"{here.images:,}, seen {here.passes:g} time{'s' if here.passes != 1 else ''} for each family of the "
                "source",
                "A small budget must grow with the difficulty of the task.",
            )
        )  # fmt: skip
    found.append(Difference("All families but one", "not done", "every family is left out once", "To see which costs."))
    return found
