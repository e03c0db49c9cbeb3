"""Looking at a network while it learns: the moments, what they hold, and that the training does not notice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from invlab import bundle, costs, devices, learning, records, runs, sensitivity, training, transfer
from invlab.learning import SWAPS, Recording, look
from invlab.records import key
from invlab.runs import execute
from invlab.store import Store
from invlab.studies.presets import PRESETS
from invlab.studies.recordings import half_way, own_recording, parted, recorded, recordings
from invlab.studies.singles import FAMILIES, SOURCES, Singles
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.watching import Cancelled

OLD, NEW = draw_classes("drawn", 4, seed=0), draw_classes("drawn", 4, seed=0, skip=4)
TRAINING = Training(Task(OLD, ("rotate",), backgrounds="random"), images=640, batch=64, learning_rate=8e-3)
TARGET = Task(NEW, ("rotate",), backgrounds="random")
SPEC = Recording(TRAINING, TARGET, ("rotate", "hue"), looks=5, pairs=30, probe_train=80, probe_test=60, seed=3)


@pytest.fixture(autouse=True)
def _on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "choose", lambda: "cpu")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Any]], Store]:
    """The record of a recording, its reports, and its store."""
    store, points = Store(tmp_path_factory.mktemp("watched")), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "choose", lambda: "cpu")
        patch.setattr(runs, "REPORT_SECONDS", 0)
        return execute(SPEC, store, points.append), points, store


# ------------------------------------------------------------------------------------------------------- the moments


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 125, 468, 100_000])
@pytest.mark.parametrize("looks", [2, 3, 5, 22, 60])
def test_the_steps_rise_from_the_untrained_network_to_the_last(steps: int, looks: int) -> None:
    spec = replace(SPEC, training=replace(TRAINING, images=steps * 64), looks=looks)
    found = spec.steps()
    assert (found[0], found[-1]) == (0, steps)
    assert list(found) == sorted(set(found))
    assert len(found) == min(looks, steps + 1)


def test_the_steps_are_even_on_a_log_scale_where_they_can_be() -> None:
    steps = replace(SPEC, training=replace(TRAINING, images=100_000 * 64), looks=30).steps()
    ratios = [b / a for a, b in zip(steps[-12:], steps[-11:], strict=False)]
    assert max(ratios) / min(ratios) < 1.01


def test_an_untrained_network_is_looked_at_once() -> None:
    assert replace(SPEC, training=replace(TRAINING, epochs=0)).steps() == (0,)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"families": ()}, "name at least one family"),
        ({"families": ("hue", "hue")}, "each once"),
        ({"families": ("spin",)}, "there is no transformation 'spin'"),
        ({"looks": 1}, "looks 1: give at least 2"),
        ({"pairs": 1}, "pairs 1"),
        ({"probe_test": 0}, "test_images 0"),
    ],
)
def test_what_cannot_be_recorded_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(SPEC, **change)


# ------------------------------------------------------------------------------------------------------------- a look


def test_the_last_look_is_what_the_finished_network_gives(watched: tuple) -> None:
    """The oracle: each number is that of the measurement of the same sizes, made by itself."""
    record, _, store = watched
    last = record["result"]["looks"][-1]
    for place, family in enumerate(SPEC.families):
        told = execute(SPEC.sensitivity(family), store)["result"]
        assert last["sensitivity"][place] == pytest.approx(told["sensitivity"], abs=1e-5)
        assert last["interval"][place] == pytest.approx(told["interval"], abs=1e-5)
    for what in SWAPS:
        told = execute(SPEC.swap(what), store)["result"]
        assert last[what] == pytest.approx(told["sensitivity"], abs=1e-5)
        assert last[f"{what}_interval"] == pytest.approx(told["interval"], abs=1e-5)
    told = execute(SPEC.transfer(), store)["result"]
    assert last["transfer"] == pytest.approx(told["accuracy"], abs=1e-5)
    assert last["transfer_interval"] == pytest.approx(told["interval"], abs=1e-5)


def test_a_look_at_an_untrained_network_is_exactly_its_measures() -> None:
    network = training.start(TRAINING, "cpu")
    found = look(network, SPEC, "cpu")
    assert found["sensitivity"] == [
        sensitivity.measure(network, SPEC.sensitivity(f), "cpu")["sensitivity"] for f in SPEC.families
    ]
    assert found["transfer"] == transfer.measure(network, SPEC.transfer(), "cpu")["accuracy"]


@pytest.mark.parametrize("mode", [True, False])
def test_a_look_leaves_mode_and_statistics_as_they_were(mode: bool) -> None:
    network = training.start(TRAINING, "cpu").train(mode)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    look(network, SPEC, "cpu")
    assert [module.training for module in network.modules()] == [mode] * len(list(network.modules()))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_mode_is_restored_where_a_look_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    network = training.start(TRAINING, "cpu").train()
    monkeypatch.setattr(learning.transfer, "measure", lambda *_: (_ for _ in ()).throw(OSError("broke")))
    with pytest.raises(OSError, match="broke"):
        look(network, SPEC, "cpu")
    assert network.training


# -------------------------------------------------------------------------------------------------------- the recording


def test_a_recording_from_end_to_end(watched: tuple) -> None:
    record, _, store = watched
    result = record["result"]
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert runs.revive("Recording", record["spec"]) == SPEC
    assert (result["families"], result["labels"]) == (["rotate", "hue"], 4)
    assert [p["step"] for p in result["looks"]] == list(SPEC.steps())
    assert [p["images"] for p in result["looks"]] == [64 * step for step in SPEC.steps()]
    assert (result["looks"][0]["loss"], result["looks"][0]["accuracy"]) == (None, None)
    for point in result["looks"]:
        assert all(low <= v <= high for v, (low, high) in zip(point["sensitivity"], point["interval"], strict=True))
        assert point["transfer_interval"][0] <= point["transfer"] <= point["transfer_interval"][1]
    assert store.get(key(TRAINING)) is not None


def test_a_watched_network_has_the_weights_of_a_plain_one(watched: tuple, tmp_path: Path) -> None:
    _, _, store = watched
    plain = Store(tmp_path)
    execute(TRAINING, plain)
    files = [s.home / "weights" / f"{key(TRAINING)}.safetensors" for s in (store, plain)]
    assert files[0].read_bytes() == files[1].read_bytes()
    told = [s.get(key(TRAINING))["result"] for s in (store, plain)]
    assert told[0]["test_accuracy"] == told[1]["test_accuracy"]
    assert [p["loss"] for p in told[0]["history"]] == [p["loss"] for p in told[1]["history"]]


def test_a_stored_training_is_learned_again_and_left_as_it_is(watched: tuple, tmp_path: Path) -> None:
    record, _, _ = watched
    store = Store(tmp_path)
    before = execute(TRAINING, store)
    file = store.home / "weights" / f"{key(TRAINING)}.safetensors"
    written = file.stat().st_mtime_ns
    assert execute(SPEC, store)["result"] == record["result"]  # to the same bits
    assert store.get(key(TRAINING)) == before
    assert file.stat().st_mtime_ns == written


def test_looks_are_reported_as_they_come(watched: tuple) -> None:
    record, points, _ = watched
    assert json.loads(json.dumps(points, allow_nan=False)) == points
    looks = [{k: v for k, v in p.items() if k not in ("stage", "fraction")} for p in points if p["stage"] == "look"]
    assert looks == record["result"]["looks"]
    fractions = [p["fraction"] for p in points]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert 0 < fractions[0] < 0.5
    assert sum(p["stage"] == "train" for p in points) == TRAINING.steps


def test_a_report_that_raises_at_a_look_ends_it_and_nothing_is_stored(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def report(point: dict[str, Any]) -> None:
        if point["stage"] == "look" and point["step"]:
            raise Cancelled("a click")

    with pytest.raises(Cancelled, match="a click"):
        execute(SPEC, store, report)
    assert store.keys() == []
    assert not list(tmp_path.rglob("*.safetensors"))


def test_estimates_grow_with_the_looks() -> None:
    more = replace(SPEC, looks=10)
    assert costs.cell_seconds(TRAINING) < costs.cell_seconds(SPEC) < costs.cell_seconds(more)
    assert costs.cell_seconds(more) < costs.expected_seconds(more)
    assert costs.cell_seconds(SPEC) < costs.cell_seconds(replace(SPEC, families=FAMILIES))


# ------------------------------------------------------------------------------------------------------- what ships


def test_the_recordings_that_ship() -> None:
    study = Singles()
    specs = recordings(study)
    assert len({key(spec) for spec in specs}) == len(SOURCES) == 19
    for source, spec in zip(SOURCES, specs, strict=True):
        assert spec == recorded(study, source)
        assert spec.training == study.training(source, 0)
        assert spec.target.transformations == (() if source == "none" else (source,))
        assert not set(spec.target.classes) & set(spec.training.task.classes)
        assert spec.families == FAMILIES
        assert len(spec.steps()) == 22
    shipped = {records.key(spec) for spec in bundle.contents()}
    assert {key(spec) for spec in specs} <= shipped


def test_an_own_recording_is_judged_on_other_objects() -> None:
    spec = own_recording(("rotate", "hue"), ("blur",), PRESETS["live"], seed=2)
    assert spec.training == PRESETS["live"].training(spec.training.task, 2)
    assert not set(spec.target.classes) & set(spec.training.task.classes)
    assert (spec.training.task.transformations, spec.target.transformations) == (("rotate", "hue"), ("blur",))


# --------------------------------------------------------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([0, 1, 2, 3, 4], 2),
        ([4, 3, 2, 1, 0], 2),
        ([0, 3, 1, 3, 4], 3),  # what is undone does not count
        ([0, 5, 4, 4], 1),
        ([1, 1, 1], 0),
        ([2], 0),
    ],
)
def test_half_way(values: list[float], place: int) -> None:
    assert half_way(values) == place


def test_parting_is_for_good() -> None:
    low, high, middle = [0.0, 0.1], [0.3, 0.4], [0.05, 0.35]
    assert parted([middle, low, low], [high, high, high]) == 1
    assert parted([low, middle, low], [high, high, high]) == 2
    assert parted([low, low], [high, high]) == 0
    assert parted([low, middle], [high, high]) is None
    assert parted([high], [low]) is None
