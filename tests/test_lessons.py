"""The lessons: texts, axes and links, and answers that equal what an independent look into the store finds."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from invlab import glossary, records
from invlab.bundle import comparisons
from invlab.intervals import over_seeds
from invlab.lessons import carry, course, data, fool, harm, information, measuring, mismatch, right, sure, untrained
from invlab.lessons.course import LESSONS
from invlab.lessons.lesson import STEPS, Choice, Guess, Lesson, percent, reach, wrong_answer
from invlab.lessons.stored import PRESET, NotStoredError, Results
from invlab.store import Store, open_store
from invlab.studies.catalogue import StudySeed, study
from invlab.studies.recordings import recorded
from invlab.studies.singles import Singles
from invlab.ui import words
from tests.test_glossary import sentences

PAGES = Path(__file__).parents[1] / "pages"
EACH = pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)


@pytest.fixture(scope="module")
def store() -> Store:
    return open_store()


@pytest.fixture(scope="module")
def results(store: Store) -> Results:
    return Results(store)


# --------------------------------------------------------------------------------------------------------------- texts


def test_the_course_has_its_order() -> None:
    assert len(LESSONS) >= 8
    assert course.place(next(iter(LESSONS))) == 1
    before, after = course.neighbours("fool")
    assert before is not None
    assert after is not None
    assert (before.name, after.name) == ("representation", "measuring")
    assert course.neighbours("representation")[0] is None
    assert course.neighbours("sure")[1] is None


def test_an_unknown_lesson_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="representation, fool"):
        course.lesson("warp")


@EACH
def test_its_texts_are_whole(lesson: Lesson, results: Results) -> None:
    notes = lesson.notes
    assert sentences(lesson.why) == 2
    assert lesson.ask.endswith("?")
    assert 5 <= lesson.minutes <= 10
    assert len(notes.minutes) == len(STEPS)
    assert all(minutes >= 1 for minutes in notes.minutes)
    for text in (notes.aim, notes.usual, notes.discuss, notes.misconception, lesson.title, lesson.question):
        assert len(text) > 10
    marked = [lesson.question, lesson.given(results), lesson.ask, lesson.why, lesson.try_it]
    marked += [notes.aim, notes.usual, notes.discuss, notes.misconception]
    marked += [lesson.truth(results).words, lesson.figure(results).about]
    for text in marked:
        for name in words.marked(text):
            glossary.term(name)  # KeyError names a term that is not there
        assert not re.search(r"\bnan\b|\binf\b|None", text), text
        assert "[[" not in words.linked(text)
    for name in lesson.terms:
        glossary.term(name)


@EACH
def test_numbers_of_results_are_not_typed_into_its_texts(lesson: Lesson) -> None:
    """Decimals and percentages come from what is stored; counts (30 objects, 18 families) may stand in a text."""
    notes = lesson.notes
    fixed = [lesson.question, lesson.ask, lesson.why, lesson.try_it, notes.aim, notes.usual, notes.discuss]
    for text in (*fixed, notes.misconception):
        assert not re.search(r"\d[.]\d|\d ?%", text.replace("95 %", "")), text


@EACH
def test_its_links_lead_to_pages_and_controls_that_exist(lesson: Lesson) -> None:
    assert lesson.links
    for link in lesson.links:
        file = PAGES / f"{link.page}.py"
        assert file.is_file()
        for key in link.query:
            source = file.read_text() + "".join(f.read_text() for f in (PAGES.parent / "invlab" / "ui").glob("*.py"))
            assert re.search(rf'"{key}"', source), f"no control has the key {key}"


# ------------------------------------------------------------------------------------------------------------- answers


@EACH
def test_its_answer_lies_in_the_axis_or_is_an_option(lesson: Lesson, results: Results) -> None:
    truth = lesson.truth(results)
    assert wrong_answer(lesson.prediction, truth.value) == ""
    if isinstance(lesson.prediction, Guess) and truth.low is not None and truth.high is not None:
        assert truth.low <= float(truth.value) <= truth.high


@EACH
def test_its_figure_has_words_rows_and_a_recipe(lesson: Lesson, results: Results) -> None:
    shown = lesson.figure(results)
    assert len(shown.alt) > 40
    assert len({tuple(row) for row in shown.rows}) == 1  # a table: the same columns in all
    assert shown.command.startswith("python -m invlab ")
    assert shown.specs
    assert len(shown.plot.data) >= 1


@EACH
def test_without_results_it_says_what_to_compute(lesson: Lesson, tmp_path: Path) -> None:
    nothing = Results(Store(tmp_path))
    for read in (lesson.truth, lesson.figure):
        with pytest.raises(NotStoredError, match="not stored") as told:
            read(nothing)
        assert told.value.command.startswith("python -m invlab ")


def rows_of(store: Store, name: str) -> list[dict]:
    """Every number of a study's bundled seeds, read without the lessons' own code."""
    found = []
    for seed in range(100):
        record = store.get(records.key(StudySeed(name, PRESET, seed, (), (), study(name).version)))
        if record is None:
            break
        columns = [*study(name).axes, "value", "low", "high"]
        found += [dict(zip(columns, row, strict=True)) | {"seed": seed} for row in record["result"]["rows"]]
    return found


def mean(rows: list[dict], **at) -> float:
    return float(np.mean([row["value"] for row in rows if all(row[k] == v for k, v in at.items())]))


def test_representation_is_the_first_look_at_an_untrained_network(store: Store, results: Results) -> None:
    record = store.get(records.key(recorded(Singles(), "none")))
    assert record is not None
    look = record["result"]["looks"][0]
    assert look["images"] == 0
    truth = LESSONS["representation"].truth(results)
    assert truth.value == pytest.approx(100 * look["transfer"])
    assert truth.low == pytest.approx(100 * look["transfer_interval"][0])


def test_fool_is_the_largest_of_the_network_trained_for_none(store: Store, results: Results) -> None:
    record = store.get(records.key(Singles()))
    assert record is not None
    found = {}
    for option, family in fool.OPTIONS.items():
        cells = [store.get(records.key(Singles().sensitivity("none", "training", family, s))) for s in range(3)]
        found[option] = np.mean([cell["result"]["sensitivity"] for cell in cells if cell])
    assert LESSONS["fool"].truth(results).value == max(found, key=found.__getitem__)
    assert LESSONS["fool"].truth(results).value == "shifting it to another place"  # what `why` explains


def test_measuring_is_the_sensitivity_of_the_network_for_rotation(store: Store, results: Results) -> None:
    cells = [store.get(records.key(Singles().sensitivity("rotate", "training", "rotate", s))) for s in range(3)]
    values = [cell["result"]["sensitivity"] for cell in cells if cell]
    truth = LESSONS["measuring"].truth(results)
    assert truth.value == pytest.approx(np.mean(values))
    assert (truth.low, truth.high) == pytest.approx(over_seeds(values))
    assert measuring.FAMILY == "rotate"


def test_untrained_moves_less_than_trained(store: Store, results: Results) -> None:
    rows = rows_of(store, "shift")
    random = mean(rows, trained="untrained", domain="objects on scenes")
    learned = mean(rows, trained="image", source="none", domain="objects on scenes")
    truth = LESSONS["untrained"].truth(results)
    assert (truth.value == untrained.LESS) == (random < learned)
    assert f"{random:.2f} against {learned:.2f}" in truth.words


def test_data_is_the_second_network_over_the_bundled_seeds(store: Store, results: Results) -> None:
    stored = [store.get(records.key(spec)) for spec in comparisons()]
    values = [100 * record["result"]["networks"][1]["transfer_accuracy"] for record in stored if record]
    truth = LESSONS["data"].truth(results)
    assert truth.value == pytest.approx(np.mean(values))
    assert (truth.low, truth.high) == pytest.approx(over_seeds(values))
    assert comparisons()[0] == data.SPEC


def test_right_compares_few_right_pictures_with_many_others(store: Store, results: Results) -> None:
    rows = rows_of(store, "factors")
    at = {"dataset": "objects", "setting": "mixed", "factor": "pretraining samples", "measure": "linear probe"}
    few = [mean(rows, **at, level=right.FEW, transformations="same", seed=seed) for seed in range(5)]
    many = [mean(rows, **at, level=right.MANY, transformations="disjoint", seed=seed) for seed in range(5)]
    low, _ = over_seeds([a - b for a, b in zip(few, many, strict=True)])
    assert low > 0
    assert LESSONS["right"].truth(results).value == right.A
    assert f"**{100 * np.mean(few):.0f} %**" in LESSONS["right"].truth(results).words


def test_harm_is_the_loss_of_naming_what_was_ignored(store: Store, results: Results) -> None:
    rows = rows_of(store, "relevance")
    at = {"pictures": rows[0]["pictures"], "placement": "fixed", "sweep": "", "measure": "transfer accuracy"}
    at["measure"] = next(row["measure"] for row in rows if "transfer" in row["measure"])
    never, ignored = (mean(rows, **at, source=source, target="C+O for O") for source in ("C", "C+O for C"))
    assert never > ignored
    truth = LESSONS["harm"].truth(results)
    assert truth.value == harm.A
    assert f"{percent(never)}" in truth.words
    assert f"{percent(ignored)}" in truth.words


def test_carry_is_the_share_of_the_gap(store: Store, results: Results) -> None:
    rows = [row for row in rows_of(store, "shift") if row["trained"] == "image"]
    families = list(dict.fromkeys(row["family"] for row in rows))
    shares = []
    for seed in range(5):
        gap = {}
        for domain in ("objects on scenes", "other objects on scenes"):
            here = [row for row in rows if row["seed"] == seed and row["domain"] == domain]
            own = np.mean([row["value"] for row in here if row["source"] == row["family"]])
            rest = np.mean([row["value"] for row in here if row["source"] in set(families) - {row["family"]}])
            gap[domain] = rest - own
        shares.append(100 * gap["other objects on scenes"] / gap["objects on scenes"])
    truth = LESSONS["carry"].truth(results)
    assert truth.value == pytest.approx(np.mean(shares))
    assert (truth.low, truth.high) == pytest.approx(over_seeds(shares))
    assert carry.TRAINED == "image"


def test_mismatch_is_the_target_with_all_after_all_but_the_last(store: Store, results: Results) -> None:
    rows = [row for row in rows_of(store, "mismatch") if row["kind"] == "chain"]
    whole = max(row["target"] for row in rows)
    values = [100 * row["value"] for row in rows if (row["source"], row["target"]) == (whole - 1, whole)]
    truth = LESSONS["mismatch"].truth(results)
    assert truth.value == pytest.approx(np.mean(values))
    assert (truth.low, truth.high) == pytest.approx(over_seeds(values))
    assert str(whole) in mismatch.given(results)


def test_information_is_telling_grey_from_colour(store: Store, results: Results) -> None:
    rows = [row for row in rows_of(store, "information") if row["measure"] == "naming it"]
    values = [100 * row["value"] for row in rows if row["source"] == row["family"] == information.FAMILY]
    truth = LESSONS["information"].truth(results)
    assert truth.value == pytest.approx(np.mean(values))
    assert 50 < truth.value < 100 * information.accuracies(results)["other"].mean()  # what `why` explains


def test_sure_is_the_range_over_seeds(store: Store, results: Results) -> None:
    gaps = []
    for spec in comparisons():
        record = store.get(records.key(spec))
        assert record is not None
        first, second = (network["transfer_accuracy"] for network in record["result"]["networks"])
        gaps.append(100 * (first - second))
    assert LESSONS["sure"].truth(results).value == pytest.approx(max(gaps) - min(gaps))


def test_one_seed_says_nothing_about_seeds(store: Store, tmp_path: Path) -> None:
    spec = comparisons()[0]
    record = store.get(records.key(spec))
    assert record is not None
    own = Store(tmp_path)
    own.put(records.key(spec), record)
    single = Results(own)
    with pytest.raises(NotStoredError, match="second seed"):
        sure.truth(single)
    assert data.truth(single).value == pytest.approx(100 * record["result"]["networks"][1]["transfer_accuracy"])


# --------------------------------------------------------------------------------------------------------- predictions


def test_answers_are_checked() -> None:
    guess, choice = Guess(0, 1.2, 0.01, "sensitivity"), Choice(("a", "b"))
    assert wrong_answer(guess, 1.2) == ""
    assert wrong_answer(choice, "b") == ""
    for bad in (-0.1, 1.3, math.nan, "0.5", None):
        assert "from 0 to 1.2" in wrong_answer(guess, bad)
    for bad in ("c", 1, None):
        assert "a, b" in wrong_answer(choice, bad)


def test_numbers_are_told_in_their_unit() -> None:
    assert Guess(0, 1, 0.01, "x").told(0.7) == "0.70"
    assert Guess(0, 100, 1, "x", "%").told(72.6) == "73 %"
    assert Guess(0, 60, 1, "x", "points").told(8) == "8 points"
    assert reach(0.68, 0.72) == " [0.68, 0.72]"
    assert reach(68, 72, "%") == " [68, 72]"
    assert reach(None, None) == reach(math.nan, math.nan) == ""
