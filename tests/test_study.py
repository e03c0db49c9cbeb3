"""Tables, claims and the catalogue of studies: known answers, and what the plans contain."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from invlab import records, things
from invlab.information import Information
from invlab.intervals import over_seeds
from invlab.sensitivity import Sensitivity
from invlab.studies import factors, information, mismatch, relevance, shift
from invlab.studies.catalogue import STUDIES, StudyRun, StudySeed, axis_values, study, training_of
from invlab.studies.singles import Singles
from invlab.studies.study import Cell, Claim, Part, Study, Table, Verdict, gathered, signed, table
from invlab.studies.study import tested as verdict_on
from invlab.training import Training
from invlab.transfer import FineTuning, Transfer
from tests.test_figures_relevance import made_up

AXES = ("kind", "size")


def made(rows: list[tuple[Any, ...]]) -> Table:
    return Table((*AXES, "seed", "value", "low", "high"), tuple((*row, None, None) for row in rows))


TWO = made([("a", 1, 0, 0.2), ("a", 2, 0, 0.4), ("b", 1, 0, 0.9), ("a", 1, 1, 0.4), ("a", 2, 1, 0.6), ("b", 1, 1, 0.7)])


# --------------------------------------------------------------------------------------------------------------- tables


def test_a_table_is_read_by_its_axes() -> None:
    assert len(TWO.where(kind="a")) == 4
    assert len(TWO.where(kind=("a", "b"), size=1)) == 4
    assert TWO.values_of("kind") == ["a", "b"]
    assert TWO.seeds == [0, 1]
    assert TWO.has(kind="b")
    assert not TWO.has(kind="c")
    assert TWO.records()[0] == {"kind": "a", "size": 1, "seed": 0, "value": 0.2, "low": None, "high": None}
    with pytest.raises(ValueError, match="there is no axis 'colour'; choose from kind, size, seed"):
        TWO.where(colour=1)


def test_a_table_is_asked_by_places_and_answers_as_if_every_row_were_read() -> None:
    asked: list[dict[str, Any]] = [
        {}, {"kind": "a"}, {"kind": "c"}, {"kind": ("b", "a")}, {"kind": ["b", "c"], "size": 1}, {"kind": ()},
        {"seed": 1, "kind": {"a"}, "size": (2, 1)},
    ]  # fmt: skip
    for at in asked:
        wanted = {axis: value if isinstance(value, list | tuple | set) else [value] for axis, value in at.items()}
        slowly = [row for row in TWO.records() if all(row[axis] in values for axis, values in wanted.items())]
        assert TWO.where(**at).records() == slowly, at  # in the table's order
    TWO.values_of("kind").clear()
    assert TWO.values_of("kind") == ["a", "b"]


def test_means_are_taken_in_each_seed_first() -> None:
    assert TWO.over_seeds(kind="a") == pytest.approx([0.3, 0.5])
    mean, low, high = TWO.summary(kind="a")
    assert mean == pytest.approx(0.4)
    assert (low, high) == pytest.approx(over_seeds([0.3, 0.5]))
    with pytest.raises(LookupError, match="nothing was measured"):
        TWO.over_seeds(kind="c")
    assert math.isnan(TWO.where(seed=0).summary(kind="a")[1])


def test_a_seed_without_the_cell_is_not_averaged_away() -> None:
    gap = made([("a", 1, 0, 0.2), ("b", 1, 0, 0.2), ("a", 1, 1, 0.4)])
    with pytest.raises(LookupError):
        gap.over_seeds(kind="b")


def test_rows_are_gathered_and_put_back_together() -> None:
    plan = Study("s", "S", "?", dict.fromkeys(AXES, ""), {}, {}, (), lambda *_: iter(()), ())
    cells = [Cell({"kind": "a", "size": 1}, "one", "accuracy"), Cell({"size": 2, "kind": "b"}, "two", "own", "")]
    results = {"one": {"accuracy": 0.123456789, "interval": [0.1, 0.2]}, "two": {"own": 1}}
    rows = gathered(plan, cells, results.__getitem__)
    assert rows == [["a", 1, 0.123457, 0.1, 0.2], ["b", 2, 1, None, None]]
    whole = table(plan, {0: rows, 4: rows[:1]})
    assert whole.columns == ("kind", "size", "seed", "value", "low", "high")
    assert whole.rows == (("a", 1, 0, 0.123457, 0.1, 0.2), ("b", 2, 0, 1, None, None), ("a", 1, 4, 0.123457, 0.1, 0.2))


# --------------------------------------------------------------------------------------------------------------- claims


def claim(**effects: list[float]) -> Claim:
    return Claim("c", "A claim.", "so", lambda _: {name: np.array(values) for name, values in effects.items()})


@pytest.mark.parametrize(
    ("effects", "verdict"),
    [
        ({"x": [0.2, 0.21, 0.19]}, "holds"),
        ({"x": [0.2, 0.21, 0.19], "y": [0.5, 0.4, 0.6]}, "holds"),
        ({"x": [0.2, 0.21, 0.19], "y": [0.1, -0.1, 0.0]}, "undecided"),
        ({"x": [0.2, 0.21, 0.19], "y": [-0.2, -0.21, -0.19]}, "fails"),
        ({"x": [0.3, -0.2, 0.1]}, "undecided"),
        ({"x": [5.0]}, "undecided"),  # one seed says nothing about the spread
        ({}, "undecided"),
    ],
)
def test_verdicts(effects: dict[str, list[float]], verdict: str) -> None:
    assert verdict_on(claim(**effects), TWO).verdict == verdict


def test_a_verdict_tells_the_weakest_part() -> None:
    found = verdict_on(claim(x=[0.5, 0.5, 0.6], y=[0.2, 0.21, -0.01]), TWO)
    weakest = found.weakest
    assert weakest is not None
    assert (weakest.name, weakest.right, weakest.seeds) == ("y", 2, 3)
    low, high = over_seeds([0.2, 0.21, -0.01])
    told = f"undecided: 2 of 3 seeds, effect +0.13 [{signed(low)}, {signed(high)}], weakest: y"
    assert found.told() == told
    assert "−" in told
    assert verdict_on(claim(x=[0.2]), TWO).told() == "undecided: 1 of 1 seed, effect +0.20"
    assert verdict_on(claim(), TWO).told() == "undecided: not measured"


@pytest.mark.parametrize("name", list(STUDIES))
def test_claims_on_any_part_of_a_study_are_told(name: str) -> None:
    """`--only axis=value` computes such a part, and its claims are told at the end."""
    axes = tuple(STUDIES[name].axes)
    at = [cell.at for cell in seed_of(name, "classroom").cells()]
    for axis in axes:
        for value in {where[axis] for where in at}:
            rows = tuple((*map(where.get, axes), 0, 0.5, None, None) for where in at if where[axis] == value)
            part = Table((*axes, "seed", "value", "low", "high"), rows)
            assert all(verdict_on(claim, part).told() for claim in STUDIES[name].claims)


def test_a_claim_that_was_not_measured_is_undecided() -> None:
    found = verdict_on(Claim("c", "A claim.", "so", lambda t: {"x": t.over_seeds(kind="nowhere")}), TWO)
    assert (found.verdict, found.parts) == ("undecided", ())


@pytest.mark.parametrize(("value", "text"), [(0.126, "+0.13"), (-0.126, "−0.13"), (0.001, "0.00"), (-0.001, "0.00")])
def test_numbers_have_true_signs(value: float, text: str) -> None:
    assert signed(value) == text


# ------------------------------------------------------------------------------------------------------------ catalogue


def seed_of(name: str, preset: str = "classroom", number: int = 0, data: tuple[str, ...] = ()) -> StudySeed:
    """A seed of the present version of a study."""
    return StudyRun(name, preset, 1, data).seed(number)


EVERY = [(name, preset) for name, found in STUDIES.items() for preset in found.sizes]


@pytest.mark.parametrize(("name", "preset"), EVERY)
def test_the_cells_of_a_study_stand_on_its_axes(name: str, preset: str) -> None:
    found = study(name)
    cells = list(seed_of(name, preset).cells())
    assert cells
    places = [tuple(cell.at[axis] for axis in found.axes) for cell in cells]
    assert all(set(cell.at) == set(found.axes) for cell in cells)
    # One number for each place: what stands in two factors (the base of `factors`) differs by the axis.
    assert len(set(places)) == len(places)
    for cell in cells:
        assert isinstance(cell.spec, Training | Sensitivity | Information | Transfer | FineTuning)
        assert isinstance(training_of(cell.spec), Training)


@pytest.mark.parametrize(("name", "preset"), EVERY)
def test_seeds_share_nothing_and_a_seed_is_always_the_same(name: str, preset: str) -> None:
    first, again, other = ({training_of(c.spec) for c in seed_of(name, preset, s).cells()} for s in (0, 0, 1))
    assert first == again
    assert not first & other


# A seed's rows are stored under a key that holds the study's version, not its cells. So: whoever changes what a preset
# computes raises the version, then writes the new digest here.
DIGESTS = {
    "factors": (2, "f1f23a21ed7a66c8"),
    "relevance": (2, "878a4e6869137904"),
    "shift": (1, "7ba9687a15ec9e18"),
    "mismatch": (2, "5a8ef77dac20d7be"),
    "information": (1, "5f22703a2bb638a3"),
}


@pytest.mark.parametrize("name", list(STUDIES))
def test_a_changed_plan_has_a_new_version(name: str) -> None:
    content = hashlib.sha256()
    for preset in ("classroom", "paper"):
        for cell in seed_of(name, preset, 0).cells():
            content.update(f"{dict(cell.at)} {records.key(cell.spec)} {cell.field}\n".encode())
    assert (study(name).version, content.hexdigest()[:16]) == DIGESTS[name]


def test_the_trainings_of_the_single_families_are_shared() -> None:
    single = {records.key(Singles().training(source, 0)) for source in ("rotate", "none")}
    shared = {records.key(training_of(c.spec)) for c in seed_of("shift").cells()}
    assert single <= shared


def test_trainings_come_first_and_nothing_twice() -> None:
    specs = seed_of("factors", "tiny").specs()
    kinds = [isinstance(spec, Training) for spec in specs]
    assert kinds == sorted(kinds, reverse=True)
    assert len(set(specs)) == len(specs)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"study": "facts"}, "there is no study 'facts'; choose from factors, relevance, shift, mismatch"),
        ({"study": "shift", "preset": "live"}, "preset 'live': the study shift runs at tiny, classroom, paper"),
        ({"study": "shift", "seeds": 0}, "seeds 0: at least one is needed"),
        ({"study": "mismatch", "data": ("cifar10",)}, "data 'cifar10': the study mismatch can use no optional data"),
        ({"study": "shift", "only": ("colour=red",)}, "only 'colour=red': write axis=value, with an axis of trained"),
        ({"study": "shift", "only": ("family",)}, "only 'family': write axis=value"),
        (
            {"study": "shift", "only": ("family=spin",)},
            "only 'family=spin': family has no value 'spin'; choose from",
        ),
    ],
)
def test_bad_runs_get_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        StudyRun(**fields)
    with pytest.raises(ValueError, match="version 0: the study shift is now at version"):
        StudySeed("shift", version=0).specs()
    with pytest.raises(ValueError, match="seed -1: seeds count from 0"):
        StudySeed("shift", seed=-1)


def test_only_some_cells() -> None:
    run = StudyRun("shift", "tiny", 1, only=("family=scale", "source=none", "source=scale"))
    cells = list(run.seed(0).cells())
    assert {(c.at["family"], c.at["source"]) for c in cells} == {("scale", "none"), ("scale", "scale")}
    assert axis_values("relevance", "tiny")["strength"] == ("0.0", "1.0")


# ---------------------------------------------------------------------------------------------------- the four plans


def test_shift_measures_every_network_on_every_domain() -> None:
    cells = list(seed_of("shift").cells())
    assert len(cells) == (2 * 19 + 1) * 18 * 9
    with_cifar = list(seed_of("shift", data=("cifar10", "cifar100")).cells())
    assert len(with_cifar) == (2 * 19 + 1) * 18 * 11
    for cell in cells:
        task, learned = cell.spec.task, cell.spec.training.task
        assert task.transformations == (cell.at["family"],)
        own = cell.at["source"]
        assert learned.transformations == (() if own in ("none", "untrained") else (own,))
        assert cell.spec.training.epochs == (0 if own == "untrained" else 1)
        if cell.at["domain"].startswith("other") and task.objects == learned.objects:
            assert not set(task.classes) & set(learned.classes)


def test_shift_reads_same_other_and_none() -> None:
    value = {"scale": {"scale": 0.1, "hue": 0.5, "none": 0.7}, "hue": {"scale": 0.3, "hue": 0.2, "none": 0.9}}
    rows = [
        ("image", source, "objects on scenes", family, 0, value[family][source], None, None)
        for family in value
        for source in ("scale", "hue", "none")
    ]
    numbers = Table((*shift.STUDY.axes, "seed", "value", "low", "high"), tuple(rows))
    found = {kind: v.tolist() for kind, v in shift.kinds(numbers, "image", "in-distribution").items()}
    assert found == {"same": [[0.1, 0.2]], "other": [[0.5, 0.3]], "none": [[0.7, 0.9]]}
    assert {k: v.tolist() for k, v in shift.ranks(numbers, "image", "in-distribution").items()} == {
        "scale": [1],
        "hue": [1],
    }
    with pytest.raises(LookupError):
        shift.matrix(numbers, "image", ("cifar10",))


def test_the_part_that_is_told_is_the_one_that_decides() -> None:
    """Not a part that holds with a smaller effect than one whose interval is wide."""
    wide, sure, wrong = (Part("wide", 0.2, -0.1, 0.5, 3, 3), Part("sure", 0.1, 0.05, 0.15, 3, 3),
                         Part("wrong", -0.1, -0.2, -0.05, 0, 3))  # fmt: skip
    claim = Claim("c", "c", "p", lambda table: {})
    assert Verdict(claim, (sure, wide)).weakest is wide
    assert Verdict(claim, (sure, wide, wrong)).weakest is wrong
    assert Verdict(claim, (sure,)).weakest is sure
    assert "weakest: wide" in Verdict(claim, (sure, wide)).told()


def test_information_ranks_networks_by_what_they_tell() -> None:
    assert information.ranks(np.array([0.3, 0.1, 0.3, 0.9])).tolist() == [1.5, 0, 1.5, 3]
    told = {"scale": (0.1, 0.2, 0.5), "hue": (0.4, 0.4, 0.4), "none": (0.9, 0.1, 0.5)}
    rows = [
        (source, "scale", measure, 0, value, None, None)
        for source, values in told.items()
        for measure, value in zip(information.MEASURES, values, strict=True)
    ]
    numbers = Table((*information.STUDY.axes, "seed", "value", "low", "high"), tuple(rows))
    moved, read = ([values[i] for values in told.values()] for i in (0, 1))
    expected = scipy.stats.spearmanr(moved, read).statistic
    assert information.rank_agreement(numbers, information.DECODED)[0, 0] == pytest.approx(expected)
    assert information.rank_agreement(numbers, information.NAMED)[0, 0] == pytest.approx(
        scipy.stats.spearmanr(moved, [0.5, 0.4, 0.5]).statistic
    )
    with pytest.raises(LookupError):
        information.matrix(Table(numbers.columns, numbers.rows[:-1]), information.NAMED)


def test_information_shares_its_networks_and_asks_unknown_objects() -> None:
    shared = {records.key(training_of(c.spec)) for c in seed_of("shift").cells()}
    for cell in seed_of("information").cells():
        learned = training_of(cell.spec)
        assert records.key(learned) in shared
        asked = cell.spec.target if cell.at["measure"] == information.NAMED else cell.spec.task
        assert not set(asked.classes) & set(learned.task.classes)
        assert asked.label == ("transformation" if cell.at["measure"] == information.NAMED else "object")


def test_mismatch_nests_its_families() -> None:
    families = mismatch.chain("classroom", 3)
    assert len(set(families)) == mismatch.SIZES["classroom"].chain
    for cell in seed_of("mismatch", "classroom", 3).cells():
        if cell.at["kind"] == mismatch.CHAIN:
            assert cell.spec.training.task.transformations == families[: cell.at["source"]]
            assert cell.spec.target.transformations == families[: cell.at["target"]]
        if cell.at["kind"] == mismatch.WITHOUT:
            assert set(families) - set(cell.spec.training.task.transformations) == {cell.at["missing"]}
            assert cell.spec.target.transformations == families
        if not isinstance(cell.spec, Training):
            assert cell.spec.target.classes == cell.spec.training.task.classes
            assert cell.spec.target.seed != cell.spec.training.task.seed  # other images of the same classes


def test_mismatch_costs() -> None:
    rows = [
        (mismatch.CHAIN, 2, 2, "", "hue", 0, 0.9, None, None),
        (mismatch.CHAIN, 2, 2, "", "hue", 1, 0.8, None, None),
        (mismatch.WITHOUT, 1, 2, "hue", "hue", 0, 0.5, None, None),
        (mismatch.WITHOUT, 1, 2, "hue", "hue", 1, 0.6, None, None),
        (mismatch.WITHOUT, 1, 2, "blur", "hue", 1, 0.7, None, None),
    ]
    numbers = Table((*mismatch.STUDY.axes, "seed", "value", "low", "high"), tuple(rows))
    found = mismatch.costs(numbers)
    assert found["hue"] == pytest.approx([0.4, 0.2])
    assert found["blur"] == pytest.approx([0.1])


def test_relevance_has_four_tasks_of_the_same_images() -> None:
    both = relevance.task(relevance.FOR_C, "fixed", 2)
    assert replace(both, label="object") == relevance.task(relevance.FOR_O, "fixed", 2)
    assert relevance.task(relevance.ONLY_C, "fixed", 2) == relevance.task(relevance.ONLY_C, "translated", 2)
    assert relevance.task(relevance.ONLY_C, "fixed", 2).availability == 0
    assert relevance.task(relevance.ONLY_O, "translated", 2).backgrounds == "black"
    assert relevance.task(relevance.FOR_O, "fixed", 2, target=True).seed != both.seed
    assert relevance.task(relevance.FOR_C, "fixed", 2, "cifar10").backgrounds == "cifar10"
    cells = list(seed_of("relevance").cells())
    table_cells = [c for c in cells if c.at["measure"] == relevance.TRANSFER and c.at["sweep"] == ""]
    assert len(table_cells) == 4 * 4 * 2 * 2
    assert {c.at["pictures"] for c in table_cells} == {"things", "pictures"}
    assert {c.at["pictures"] for c in cells if c.at["sweep"]} == {"pictures"}
    cifar = list(STUDIES["relevance"].cells("classroom", 0, ("cifar10",)))
    assert {c.at["pictures"] for c in cifar} == {"cifar10"}
    strengths = {c.at["strength"] for c in cells if c.at["sweep"] == "correlation"}
    assert strengths == {0.0, 0.2, 0.4, 0.6, 0.8, 0.85, 0.9, 0.95, 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_objects_on_pictures_of_things_are_none_of_those(seed: int) -> None:
    """What is pasted on C must not be what C's classes are told by."""
    inside = {index for kind in things.kinds() for index in kind}
    chosen = relevance.task(relevance.FOR_C, "fixed", seed, "things").classes
    assert len(set(chosen)) == 10
    assert not set(chosen) & inside
    assert chosen != relevance.task(relevance.FOR_C, "fixed", seed + 1, "things").classes


def test_claims_of_relevance_are_tested_on_every_set_and_the_size_on_the_first() -> None:
    numbers = made_up("tiny", 2)
    parts = {claim.name: set(claim.effects(numbers)) for claim in STUDIES["relevance"].claims}
    assert parts["relevance-harm"] == {
        "things, fixed", "things, translated", "scenes, fixed", "scenes, translated",
    }  # fmt: skip
    assert parts["relevance-harm-size"] == {"things, translated"}
    of_cifar = made_up("tiny", 2, ("cifar10",))
    assert set(STUDIES["relevance"].claims[0].effects(of_cifar)) == {"fixed", "translated"}


def test_relevance_swaps_what_it_says() -> None:
    for cell in seed_of("relevance").cells():
        if isinstance(cell.spec, Sensitivity):
            expected = "background" if cell.at["measure"] == relevance.SWAP_C else "object"
            assert cell.spec.redraw == expected


def test_factors_vary_one_thing_at_a_time() -> None:
    base = {}
    for cell in seed_of("factors").cells():
        learned, at = training_of(cell.spec), cell.at
        if at["setting"] != "mixed" or at["factor"] == factors.TRANSFER:
            continue
        own = factors.families("mixed", 0)
        assert set(learned.task.transformations).isdisjoint(own) == (at["transformations"] == "disjoint")
        if at["factor"] == factors.RELATIONSHIP and at["level"] == "disjoint":
            base[at["transformations"]] = learned
    for cell in seed_of("factors").cells():
        learned, at = training_of(cell.spec), cell.at
        if at["setting"] != "mixed":
            continue
        of = base[at["transformations"]]
        if at["factor"] == factors.ARCHITECTURE:
            assert replace(learned, network=of.network, learning_rate=of.learning_rate) == of
        if at["factor"] == factors.PRETRAINING:
            assert replace(learned, images=of.images, epochs=of.epochs) == of
            assert learned.images * learned.epochs == pytest.approx(of.images * of.epochs, rel=0.01)
        if at["factor"] == factors.RELATIONSHIP:
            classes = set(learned.task.classes)
            target = set(factors.classes("classroom", factors.BUILT_IN, 0))
            assert {
                "subset": classes < target,
                "disjoint": not classes & target,
                "same": classes == target,
                "superset": classes > target,
            }[at["level"]]


def test_factor_ranges() -> None:
    accuracy = {
        ("same", "subset"): 0.8,
        ("same", "superset"): 0.9,
        ("disjoint", "subset"): 0.3,
        ("disjoint", "superset"): 0.6,
    }
    rows = [
        ("objects", "mixed", factors.RELATIONSHIP, value, kind, factors.PROBE, 0, number, None, None)
        for (kind, value), number in accuracy.items()
    ]
    numbers = Table((*factors.STUDY.axes, "seed", "value", "low", "high"), tuple(rows))
    found = factors.ranges(numbers, factors.RELATIONSHIP)
    assert found is not None
    assert (found.within_disjoint[0], found.gap[0], found.within_same[0]) == pytest.approx((0.3, 0.4, 0.1))
    assert factors.ranges(numbers, factors.ARCHITECTURE) is None
