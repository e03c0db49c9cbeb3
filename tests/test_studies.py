"""Studies are plans: the right cells, disjoint where they must be, and numbers put together as by hand."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

from invlab.intervals import difference, wilson
from invlab.records import key, plain, revive
from invlab.sensitivity import Sensitivity
from invlab.studies.comparison import Comparison, comparison, gap, pooled, relation
from invlab.studies.presets import PRESETS, Preset, preset
from invlab.studies.singles import DOMAINS, FAMILIES, SOURCES, Singles, same_other_none, summary
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.transforms import TRANSFORMS

LIVE = PRESETS["live"]


# -------------------------------------------------------------------------------------------------------------- presets


@pytest.fixture(params=PRESETS)
def chosen(request: pytest.FixtureRequest) -> Preset:
    return PRESETS[request.param]


def test_every_preset_makes_trainings(chosen: Preset) -> None:
    assert preset(chosen.name) is chosen
    classes = draw_classes("drawn", chosen.classes, seed=3)
    made = chosen.training(Task(classes, ("rotate",)), seed=3)
    assert made.task.classes == classes
    assert made.seed == 3
    for field in ("network", "images", "batch", "learning_rate", "schedule"):
        assert getattr(made, field) == getattr(chosen, field)
    assert made.steps > 0
    assert 2 * chosen.classes <= 64  # source and target classes are disjoint
    assert chosen.what


@pytest.mark.parametrize(
    ("families", "fold"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 6), (5, 8), (6, 10), (9, 10), (18, 10)]
)
def test_several_families_are_learned_for_longer(families: int, fold: int) -> None:
    task = Task((0, 1), FAMILIES[:families])
    twice = dataclasses.replace(PRESETS["classroom"], epochs=2)
    assert PRESETS["classroom"].training(task, 0).epochs == fold
    assert twice.training(task, 0).epochs == 2 * fold
    assert LIVE.training(task, 0).epochs == 1
    assert PRESETS["paper"].training(task, 0).epochs == 50


def test_the_papers_sizes() -> None:
    paper = PRESETS["paper"]
    assert (paper.network, paper.classes, paper.images, paper.epochs) == ("resnet18", 30, 50_000, 50)
    assert (paper.batch, paper.learning_rate, paper.schedule) == (512, 1e-3, "constant")
    assert (paper.pairs, paper.probe_train, paper.probe_test, paper.seeds) == (10_000, 50_000, 10_000, 10)


def test_an_unknown_preset_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="no preset 'huge'; choose from tiny, live, classroom, paper"):
        preset("huge")


# ----------------------------------------------------------------------------------------------------------- comparison


@pytest.mark.parametrize("seed", range(5))
def test_source_and_target_share_no_class(seed: int) -> None:
    made = comparison([["rotate", "hue"], ["blur"]], ["rotate", "hue"], LIVE, seed)
    target = set(made.target.classes)
    assert len(target) == LIVE.classes
    for source, families in zip(made.sources, (("rotate", "hue"), ("blur",)), strict=True):
        assert len(source.task.classes) == LIVE.classes
        assert not target & set(source.task.classes)
        assert source.task.classes == made.sources[0].task.classes
        assert source.task.transformations == families
        assert source.seed == source.task.seed == made.target.seed == seed
    assert made.target.transformations == ("rotate", "hue")
    assert (made.pairs, made.probe_train, made.probe_test) == (LIVE.pairs, LIVE.probe_train, LIVE.probe_test)


def test_seeds_differ_in_classes_and_draws() -> None:
    made = [comparison([["rotate"], []], ["rotate"], LIVE, seed) for seed in range(10)]
    assert len({c.sources[0].task.classes for c in made}) == 10
    assert len({c.target.classes for c in made}) == 10
    assert len({key(c) for c in made}) == 10
    assert made[4] == comparison([["rotate"], []], ["rotate"], LIVE, 4)


def test_a_comparison_takes_objects_backgrounds_and_size() -> None:
    made = comparison([["rotate"]], ["hue"], LIVE, 1, objects="random", backgrounds="black", size=48)
    for task in (made.sources[0].task, made.target):
        assert (task.objects, task.backgrounds, task.size) == ("random", "black", 48)


def test_a_comparison_measures_each_source_on_the_target() -> None:
    made = comparison([["rotate"], ["hue"]], ["blur"], LIVE, 2)
    for number in (0, 1):
        assert made.sensitivity(number) == Sensitivity(made.sources[number], made.target, LIVE.pairs, seed=2)
        assert made.transfer(number) == Transfer(made.sources[number], made.target, LIVE.probe_train, LIVE.probe_test)


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="classes: 80 are needed"):
        comparison([["rotate"]], ["hue"], dataclasses.replace(LIVE, classes=40))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"sources": ()}, "sources: 0 were given; compare one to four networks"),
        ({"sources": comparison([[]] * 4, [], LIVE).sources * 2}, "sources: 8 were given"),
        ({"watch": -1}, "watch -1: give how often to look, or 0"),
        ({"pairs": 1}, "pairs 1"),
        ({"probe_test": 0}, "test_images 0"),
    ],
)
def test_bad_comparisons_say_what_is_wrong(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(comparison([["rotate"]], ["hue"], LIVE), **fields)


def test_a_comparison_survives_json() -> None:
    made = comparison([["rotate"], ["hue"]], ["blur"], LIVE, 2)
    assert revive(Comparison, plain(made)) == made


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ((), ("rotate",), "none"),
        ((), (), "none"),
        (("rotate", "hue"), ("hue", "rotate"), "same"),
        (("rotate",), ("hue",), "disjoint"),
        (("rotate",), (), "disjoint"),
        (("rotate", "hue"), ("hue", "blur"), "overlapping"),
        (("rotate", "hue"), ("hue",), "overlapping"),
    ],
)
def test_relations(source: tuple[str, ...], target: tuple[str, ...], expected: str) -> None:
    assert relation(source, target) == expected


# -------------------------------------------------------------------------------------------------------------- pooling


def one_result(*accuracies: float) -> dict[str, Any]:
    networks = [
        {
            "source": ["rotate", "hue"][number : number + 1],
            "transfer_accuracy": accuracy,
            "transfer_interval": list(wilson(round(accuracy * 1000), 1000)),
            "sensitivity": 1 - accuracy,
            "sensitivity_interval": [0.9 - accuracy, 1.1 - accuracy],
            "curve": [{"images": 64}],
        }
        for number, accuracy in enumerate(accuracies)
    ]
    return {"networks": networks} | gap(networks)


def student(values: list[float]) -> tuple[float, float]:
    return scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy.stats.sem(values))


def test_the_gap_of_one_seed_is_newcombes() -> None:
    result = one_result(0.9, 0.7)
    assert result["gap"] == pytest.approx(0.2)
    assert result["gap_interval"] == list(difference(0.9, wilson(900, 1000), 0.7, wilson(700, 1000)))


def test_the_gap_is_the_first_over_the_second() -> None:
    assert one_result(0.9, 0.7, 0.1)["gap"] == pytest.approx(0.2)
    assert one_result(0.7, 0.9)["gap"] == pytest.approx(-0.2)
    assert one_result(0.7) | {"networks": 0} == {"networks": 0, "gap": None, "gap_interval": None}


def test_one_seed_keeps_its_own_intervals() -> None:
    result = one_result(0.9, 0.7)
    pool = pooled([result])
    assert pool["gap"] == result["gap"]
    assert pool["gap_interval"] == result["gap_interval"]
    for found, network in zip(pool["networks"], result["networks"], strict=True):
        assert found == {k: v for k, v in network.items() if k != "curve"}


def test_several_seeds_are_averaged_and_their_gaps_paired() -> None:
    first, second = [0.91, 0.85, 0.97], [0.74, 0.66, 0.81]
    pool = pooled([one_result(a, b) for a, b in zip(first, second, strict=True)])
    for network, values, source in zip(pool["networks"], (first, second), (["rotate"], ["hue"]), strict=True):
        assert network["source"] == source
        assert network["transfer_accuracy"] == pytest.approx(np.mean(values))
        assert network["transfer_interval"] == pytest.approx(student(values), rel=1e-3)
        assert network["transfer_accuracy_by_seed"] == values
        assert network["sensitivity"] == pytest.approx(1 - np.mean(values))
        assert network["sensitivity_interval"] == pytest.approx(student([1 - v for v in values]), rel=2e-3)
        assert network["sensitivity_by_seed"] == [1 - v for v in values]
    gaps = [0.17, 0.19, 0.16]
    assert pool["gap"] == pytest.approx(np.mean(gaps))
    assert pool["gap_interval"] == pytest.approx(student(gaps), rel=2e-3)
    apart = student(first)[1] - student(first)[0]
    assert pool["gap_interval"][1] - pool["gap_interval"][0] < apart / 3  # what both share cancels


def test_pooling_one_network() -> None:
    pool = pooled([one_result(0.9), one_result(0.8)])
    assert pool["networks"][0]["transfer_accuracy"] == pytest.approx(0.85)
    assert (pool["gap"], pool["gap_interval"]) == (None, None)


def test_results_of_different_comparisons_cannot_be_pooled() -> None:
    with pytest.raises(ValueError, match="zip"):
        pooled([one_result(0.9, 0.8), one_result(0.9)])


# -------------------------------------------------------------------------------------------------------------- singles


@pytest.fixture(scope="module")
def cells() -> list[Any]:
    return list(Singles("classroom", seeds=1).cells())


def test_the_families_are_all_there_are() -> None:
    assert tuple(TRANSFORMS) == FAMILIES
    assert (*FAMILIES, "none") == SOURCES
    assert len(FAMILIES) == 18


def test_the_cells_of_a_seed(cells: list[Any]) -> None:
    counts = {kind: sum(isinstance(cell, kind) for cell in cells) for kind in (Training, Sensitivity, Transfer)}
    assert counts == {Training: 19, Sensitivity: 18 * 2 * 19, Transfer: 18 * 19}
    assert len({key(cell) for cell in cells}) == len(cells)


def test_seeds_add_cells_of_their_own(cells: list[Any]) -> None:
    both = list(Singles("classroom", seeds=2).cells())
    assert len(both) == 2 * len(cells)
    assert both[: len(cells)] == cells
    first, second = (c.training.task if not isinstance(c, Training) else c.task for c in (both[0], both[len(cells)]))
    assert set(first.classes) != set(second.classes)
    assert both[len(cells)].seed == second.seed == 1


def test_every_cell_is_measured_on_a_network_of_the_study(cells: list[Any]) -> None:
    trainings = [cell for cell in cells if isinstance(cell, Training)]
    assert cells[: len(trainings)] == trainings  # first
    assert [t.task.transformations for t in trainings] == [(family,) for family in FAMILIES] + [()]
    assert {cell.training for cell in cells[len(trainings) :]} == set(trainings)


def test_new_objects_are_other_objects(cells: list[Any]) -> None:
    study = Singles("classroom", seeds=1)
    learned = set(study.training("rotate", 0).task.classes)
    assert len(learned) == 30
    assert set(study.task("training", "hue", 0).classes) == learned
    assert set(study.task("new", "hue", 0).classes).isdisjoint(learned)
    assert all(set(c.target.classes).isdisjoint(learned) for c in cells if isinstance(c, Transfer))
    assert study.task("new", "none", 0).transformations == ()


def test_cells_that_share_images_are_neighbours(cells: list[Any]) -> None:
    for kind, task in ((Sensitivity, "task"), (Transfer, "target")):
        measured = [getattr(cell, task) for cell in cells if isinstance(cell, kind)]
        stretches = [shared for shared, _ in itertools.groupby(measured)]
        assert len(stretches) == len(set(stretches))


def test_sizes_are_the_presets(cells: list[Any]) -> None:
    classroom = PRESETS["classroom"]
    for cell in cells:
        if isinstance(cell, Sensitivity):
            assert cell.pairs == classroom.pairs
        elif isinstance(cell, Transfer):
            assert (cell.train_images, cell.test_images) == (classroom.probe_train, classroom.probe_test)
        else:
            assert (cell.network, cell.images) == (classroom.network, classroom.images)


def test_the_summary_puts_every_number_in_its_place() -> None:
    study = Singles("live", seeds=2, backgrounds="black")
    new = {seed: study.task("new", "none", seed).classes for seed in (0, 1)}

    def named(task: Task) -> str:
        return "+".join(task.transformations) or "none"

    def result(cell: Any) -> dict[str, Any]:
        if isinstance(cell, Training):
            return {"test_accuracy": f"{named(cell.task)} {cell.seed}"}
        if isinstance(cell, Transfer):
            return {"accuracy": f"{named(cell.training.task)} -> {named(cell.target)} {cell.training.seed}"}
        domain = "new" if cell.task.classes == new[cell.seed] else "training"
        text = f"{named(cell.training.task)} on {domain} {named(cell.task)} {cell.training.seed}"
        return {"sensitivity": text, "interval": [text, "high"]}

    table = summary(study, result)
    assert table["sources"] == list(SOURCES)
    assert table["families"] == list(FAMILIES)
    assert table["seeds"] == 2
    for seed in (0, 1):
        assert table["source_accuracy"][seed] == [f"{source} {seed}" for source in SOURCES]
        for s, source in enumerate(SOURCES):
            assert table["transfer"][seed][s] == [f"{source} -> {family} {seed}" for family in FAMILIES]
            for domain in DOMAINS:
                texts = [f"{source} on {domain} {family} {seed}" for family in FAMILIES]
                assert table[f"sensitivity_{domain}"][seed][s] == texts
                assert table[f"sensitivity_{domain}_interval"][seed][s] == [[text, "high"] for text in texts]
    assert all(len(table[name]) == 2 for name in table if name.startswith(("sensitivity", "transfer")))


@pytest.mark.parametrize("shape", [(), (3,), (2, 4)])
def test_same_other_and_none_against_a_slow_loop(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).random((*shape, 19, 18))
    found = same_other_none(values.tolist())
    assert {part.shape for part in found.values()} == {(*shape, 18)}
    for at in np.ndindex(*shape):
        for f in range(18):
            others = [values[at][s][f] for s in range(18) if s != f]
            assert found["same"][at][f] == values[at][f][f]
            assert found["other"][at][f] == pytest.approx(math.fsum(others) / 17)
            assert found["none"][at][f] == values[at][18][f]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"seeds": 0}, "seeds 0: at least one"), ({"preset": "huge"}, "no preset 'huge'; choose from tiny, live")],
)
def test_bad_studies_say_what_is_wrong(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Singles(**fields)
