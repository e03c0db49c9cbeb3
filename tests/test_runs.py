"""Executing a spec: once, whole or not at all, to the same bits, with what is asked of it reported on the way."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from invlab import devices, records, runs, sensitivity, stacks, training, transfer, watching
from invlab.costs import expected_seconds
from invlab.records import SpecError, key
from invlab.runs import execute, execute_all, revive, trained
from invlab.sensitivity import Sensitivity
from invlab.store import Store
from invlab.studies import presets, singles
from invlab.studies.comparison import Comparison
from invlab.studies.singles import Singles
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.watching import Cancelled, Relay

OLD, NEW = draw_classes("drawn", 4, seed=0), draw_classes("drawn", 4, seed=0, skip=4)


def task(classes: tuple[int, ...], *families: str) -> Task:
    return Task(classes, families, backgrounds="black")


TRAINING = Training(task(OLD, "rotate"), images=320, batch=64, learning_rate=8e-3)
SENSITIVITY = Sensitivity(TRAINING, task(OLD, "rotate"), pairs=50)
TRANSFER = Transfer(TRAINING, task(NEW, "rotate"), train_images=200, test_images=100)
COMPARISON = Comparison(
    sources=tuple(Training(task(OLD, name), images=512, batch=64, learning_rate=8e-3) for name in ("rotate", "hue")),
    target=task(NEW, "rotate"),
    pairs=60,
    probe_train=200,
    probe_test=150,
    watch=2,
)


@pytest.fixture(autouse=True)
def _on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "choose", lambda: "cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """The trainings that are really run, in order."""
    calls: list[Training] = []
    learn = runs._learn

    def counted(spec: Training, *rest: Any) -> dict[str, Any]:
        calls.append(spec)
        return learn(spec, *rest)

    monkeypatch.setattr(runs, "_learn", counted)
    return calls


def weights_file(store: Store, spec: Training) -> Path:
    return store.home / "weights" / f"{key(spec)}.safetensors"


def untimed(value: Any) -> Any:
    """Without what a clock says."""
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in ("seconds", "images_per_second", "made")}
    return [untimed(v) for v in value] if isinstance(value, list) else value


def check(record: dict[str, Any], spec: Any) -> None:
    """A record is JSON without NaN and carries its recipe."""
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["kind"] == type(spec).__name__
    assert revive(record["kind"], record["spec"]) == spec
    made = record["made"]
    assert made["device"].startswith("cpu")
    assert made["seconds"] > 0
    assert made["versions"]["torch"] == torch.__version__.split("+")[0]
    assert set(made["versions"]) == {"invlab", "torch"}
    assert made["created"].startswith("20")


def stopping_at(step: int) -> tuple[list[int], Callable[[dict[str, Any]], None]]:
    """The steps that were reported, and a report that cancels at one."""
    steps: list[int] = []

    def report(point: dict[str, Any]) -> None:
        if point["stage"] == "train":
            steps.append(point["step"])
            if point["step"] == step:
                raise Cancelled("a click")

    return steps, report


# ----------------------------------------------------------------------------------------------------------------- once


def test_a_training_is_run_once(store: Store, learned: list[Training]) -> None:
    record = execute(TRAINING, store)
    check(record, TRAINING)
    assert learned == [TRAINING]
    assert execute(TRAINING, store) == record
    assert execute(TRAINING, Store(store.home)) == record  # in another process, too
    assert learned == [TRAINING]
    assert "weights" not in record["result"]
    assert record["weights"]["file"] == f"weights/{key(TRAINING)}.safetensors"
    history = record["result"]["history"]
    assert [point["images"] for point in history] == [64, 128, 192, 256, 320]
    assert 0 <= record["result"]["test_accuracy"] <= 1


def test_a_measurement_trains_what_it_needs_and_runs_once(
    store: Store, learned: list[Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []
    for kind in ("Sensitivity", "Transfer"):
        step = runs.STEPS[kind]
        monkeypatch.setitem(runs.STEPS, kind, lambda *of, s=step: measured.append(of[0]) or s(*of))
    for spec in (SENSITIVITY, TRANSFER):
        record = execute(spec, store)
        check(record, spec)
        assert execute(spec, store) == record
        assert "weights" not in record
    assert measured == [SENSITIVITY, TRANSFER]
    assert learned == [TRAINING]
    assert sorted(store.keys()) == sorted(key(spec) for spec in (TRAINING, SENSITIVITY, TRANSFER))
    network = trained(TRAINING, store)
    assert execute(SENSITIVITY, store)["result"] == sensitivity.measure(network, SENSITIVITY, "cpu")
    assert execute(TRANSFER, store)["result"] == transfer.measure(network, TRANSFER, "cpu")


def test_the_stored_network_is_the_trained_one(store: Store) -> None:
    execute(TRAINING, store)
    again = training.start(TRAINING, "cpu")
    for _ in training.train(again, TRAINING, "cpu"):
        pass
    network = trained(TRAINING, store)
    assert not network.training
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("harm", ["lost", "damaged", "cut"])
def test_weights_that_are_gone_or_damaged_are_learned_again(
    harm: str, store: Store, learned: list[Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = execute(TRAINING, store)
    before = {name: t.clone() for name, t in trained(TRAINING, store).state_dict().items()}
    file = weights_file(store, TRAINING)
    whole = file.read_bytes()
    if harm == "lost":
        file.unlink()
    else:
        file.write_bytes(whole[:-4] + b"\0\1\2\3" if harm == "damaged" else whole[: len(whole) // 2])
    monkeypatch.setattr(devices, "describe", lambda device: "cpu: another")
    network = trained(TRAINING, store)
    assert learned == [TRAINING, TRAINING]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert file.read_bytes() == whole
    again = store.get(key(TRAINING))
    check(again, TRAINING)
    assert untimed(again) == untimed(record)
    assert again["made"]["device"] == "cpu: another"  # where these weights were made
    trained(TRAINING, store)
    assert len(learned) == 2


def test_weights_that_cannot_be_kept_are_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "get_weights", lambda *_: None)
    with pytest.raises(RuntimeError, match="cannot be read back: check the disk"):
        trained(TRAINING, store)


def test_two_threads_that_want_one_result_compute_it_once(store: Store, learned: list[Training]) -> None:
    barrier = threading.Barrier(3)

    def ask() -> dict[str, Any]:
        barrier.wait(10)
        return execute(TRAINING, store)

    with ThreadPoolExecutor(3) as pool:
        found = [future.result(60) for future in [pool.submit(ask) for _ in range(3)]]
    assert learned == [TRAINING]
    assert found[0] == found[1] == found[2]


def test_two_measurements_of_one_network_train_it_once(store: Store, learned: list[Training]) -> None:
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(execute, spec, store) for spec in (SENSITIVITY, TRANSFER)]:
            future.result(60)
    assert learned == [TRAINING]


def test_an_untrained_network_has_a_record(store: Store) -> None:
    spec = dataclasses.replace(TRAINING, epochs=0)
    record = execute(spec, store)
    check(record, spec)
    assert record["result"]["history"] == []
    assert record["result"]["images_per_second"] is None


# ----------------------------------------------------------------------------------------------- reports and cancelling


def test_reports_of_a_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "REPORT_SECONDS", 0)
    points: list[dict[str, Any]] = []
    execute(TRAINING, store, points.append)
    assert json.loads(json.dumps(points, allow_nan=False)) == points
    assert [p["stage"] for p in points] == ["train"] * 5
    assert [p["step"] for p in points] == [1, 2, 3, 4, 5]
    assert [p["fraction"] for p in points] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_reports_come_seldom_but_first_and_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "REPORT_SECONDS", 1e9)
    points: list[dict[str, Any]] = []
    execute(TRAINING, store, points.append)
    assert [p["step"] for p in points] == [1, 5]


def test_cancelling_stops_between_steps_and_stores_nothing(
    store: Store, learned: list[Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "REPORT_SECONDS", 0)
    threads = set(threading.enumerate())
    steps, report = stopping_at(3)
    with pytest.raises(Cancelled):
        execute(SENSITIVITY, store, report)
    assert steps == [1, 2, 3]
    assert set(threading.enumerate()) == threads
    assert store.keys() == []
    assert not list(store.home.rglob("*.safetensors"))
    execute(SENSITIVITY, store)
    assert learned == [TRAINING, TRAINING]
    assert len(store.keys()) == 2


def test_a_training_that_lost_its_loss_says_so(store: Store) -> None:
    spec = dataclasses.replace(TRAINING, learning_rate=1e30)
    with pytest.raises(ArithmeticError, match=r"no number any more at step \d; lower the learning rate"):
        execute(spec, store)
    assert store.keys() == []


# ---------------------------------------------------------------------------------------------------------- comparisons


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Any]], Store]:
    """The record of a comparison, its reports, and its store."""
    fresh, points = Store(tmp_path_factory.mktemp("compared")), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "choose", lambda: "cpu")
        patch.setattr(runs, "REPORT_SECONDS", 0)
        return execute(COMPARISON, fresh, points.append), points, fresh


def test_a_comparison_from_end_to_end(compared: tuple) -> None:
    record, _, store = compared
    check(record, COMPARISON)
    networks = record["result"]["networks"]
    assert [n["source"] for n in networks] == [["rotate"], ["hue"]]
    for number, network in enumerate(networks):
        moved = store.get(key(COMPARISON.sensitivity(number)))["result"]
        probed = store.get(key(COMPARISON.transfer(number)))["result"]
        source = store.get(key(COMPARISON.sources[number]))["result"]
        assert network["sensitivity"] == moved["sensitivity"]
        assert network["sensitivity_interval"] == moved["interval"]
        assert [network[name] for name in ("cosine", "dot", "cka")] == [
            moved[name] for name in ("cosine", "dot", "cka")
        ]
        assert network["transfer_accuracy"] == probed["accuracy"]
        assert network["transfer_interval"] == probed["interval"]
        assert network["source_accuracy"] == source["test_accuracy"]
        assert network["history"] == source["history"]
        assert [p["images"] for p in network["curve"]] == [64, 256, 512]
        assert all(0 < p["sensitivity"] < 3 and 0 <= p["transfer"] <= 1 for p in network["curve"])
    first, second = (n["transfer_accuracy"] for n in networks)
    low, high = record["result"]["gap_interval"]
    assert record["result"]["gap"] == first - second
    assert low < first - second < high
    assert networks[0]["sensitivity"] < networks[1]["sensitivity"]  # it learned to ignore the target's rotations


def test_a_comparison_reports_each_network(compared: tuple) -> None:
    record, points, _ = compared
    assert json.loads(json.dumps(points, allow_nan=False)) == points
    assert points[0]["stage"] == "start"
    assert points[0]["networks"] == 2
    for number, network in enumerate(record["result"]["networks"]):
        own = [p for p in points[1:] if p["network"] == number]
        stages = [p["stage"] for p in own]
        assert stages.count("train") == 8
        assert stages[-3:] == ["sensitivity", "transfer", "done"]
        watched = [{k: p[k] for k in ("images", "sensitivity", "transfer")} for p in own if p["stage"] == "watch"]
        assert watched == network["curve"]
        assert own[-1]["transfer"] == network["transfer_accuracy"]
        assert own[-1]["sensitivity"] == network["sensitivity"]


def test_one_comparison_in_two_stores_gives_the_same_bits(compared: tuple, store: Store) -> None:
    record, _, first_store = compared
    assert untimed(execute(COMPARISON, store)) == untimed(record)
    for source in COMPARISON.sources:
        assert weights_file(store, source).read_bytes() == weights_file(first_store, source).read_bytes()


def test_watching_changes_nothing(compared: tuple, store: Store) -> None:
    record, _, watched = compared
    unseen = dataclasses.replace(COMPARISON, watch=0)
    networks = execute(unseen, store)["result"]["networks"]
    assert [n.pop("curve") for n in networks] == [[], []]
    seen = [{k: v for k, v in n.items() if k != "curve"} for n in record["result"]["networks"]]
    assert untimed(networks) == untimed(seen)
    for source in COMPARISON.sources:
        assert weights_file(store, source).read_bytes() == weights_file(watched, source).read_bytes()


def test_watching_gives_the_weights_of_a_plain_training(compared: tuple, store: Store) -> None:
    _, _, watched = compared
    execute(COMPARISON.sources[0], store)
    plain, seen = (weights_file(s, COMPARISON.sources[0]).read_bytes() for s in (store, watched))
    assert plain == seen


def test_networks_that_are_already_trained_are_only_measured(
    compared: tuple, learned: list[Training], tmp_path: Path
) -> None:
    record, _, store = compared
    other = dataclasses.replace(COMPARISON, probe_test=140)
    points: list[dict[str, Any]] = []
    networks = execute(other, store, points.append)["result"]["networks"]
    assert learned == []
    assert not any(p["stage"] in ("train", "watch") for p in points)
    assert [n["curve"] for n in networks] == [[], []]
    assert [n["sensitivity"] for n in networks] == [n["sensitivity"] for n in record["result"]["networks"]]


def test_the_order_of_the_networks_is_that_of_the_sources(compared: tuple) -> None:
    record, _, store = compared
    swapped = dataclasses.replace(COMPARISON, sources=COMPARISON.sources[::-1])
    result = execute(swapped, store)["result"]
    assert [n["source"] for n in result["networks"]] == [["hue"], ["rotate"]]
    assert result["gap"] == -record["result"]["gap"]


def test_one_network_alone_has_no_gap(compared: tuple) -> None:
    _, _, store = compared
    result = execute(dataclasses.replace(COMPARISON, sources=COMPARISON.sources[:1]), store)["result"]
    assert (result["gap"], result["gap_interval"]) == (None, None)
    assert len(result["networks"]) == 1


def test_two_equal_sources_are_trained_once(store: Store, learned: list[Training]) -> None:
    result = execute(dataclasses.replace(COMPARISON, sources=(TRAINING, TRAINING)), store)["result"]
    assert learned == [TRAINING]
    first, second = ({k: v for k, v in n.items() if k != "curve"} for n in result["networks"])
    assert first == second
    assert result["gap"] == 0


def test_cancelling_a_comparison_ends_every_network(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "REPORT_SECONDS", 0)
    threads = set(threading.enumerate())
    steps, report = stopping_at(3)
    with pytest.raises(Cancelled, match="a click"):
        execute(dataclasses.replace(COMPARISON, watch=0), store, report)
    assert len(steps) <= 6
    assert set(threading.enumerate()) == threads
    assert store.keys() == []
    assert not list(store.home.rglob("*.safetensors"))
    check(execute(COMPARISON, store), COMPARISON)


def test_an_error_in_one_network_ends_the_comparison(store: Store) -> None:
    wrong = dataclasses.replace(COMPARISON.sources[1], network="alexnet")
    with pytest.raises(ValueError, match="no network 'alexnet'"):
        execute(dataclasses.replace(COMPARISON, sources=(COMPARISON.sources[0], wrong)), store)
    assert store.get(key(COMPARISON)) is None


def test_a_quick_look_does_not_see_the_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    get = runs.rendered.get
    monkeypatch.setattr(
        runs.rendered, "get", lambda t, split, *rest, **named: asked.append(split) or get(t, split, *rest, **named)
    )
    found = watching.look_at(training.start(TRAINING, "cpu"), COMPARISON.target, "cpu")
    assert set(asked) == {"train", "validation"}
    assert set(found) == {"sensitivity", "transfer"}
    assert watching.look_at(training.start(TRAINING, "cpu"), COMPARISON.target, "cpu") == found


# ----------------------------------------------------------------------------------------------------------- many cells


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """`execute` replaced: what was started, in order."""
    started: list[Any] = []

    def fake(spec: Any, store: Store, report: Any = None) -> dict[str, Any]:
        started.append(spec)
        time.sleep(0.002)
        if spec == "broken":
            raise OSError("a cell broke")
        return {}

    monkeypatch.setattr(runs, "execute", fake)
    return started


def test_execute_all_reports_until_all_are_done(cells: list[Any], store: Store) -> None:
    points: list[dict[str, Any]] = []
    execute_all(range(23), store, points.append, threads=3)
    assert sorted(cells) == list(range(23))
    assert all(abs(place - spec) < 6 for place, spec in enumerate(cells))
    done = [p["done"] for p in points]
    assert done == sorted(done)
    assert done[-1] == 23
    assert points[-1]["fraction"] == 1
    assert all(p["of"] == 23 and p["stage"] == "cells" and p["fraction"] == p["done"] / 23 for p in points)


def test_execute_all_keeps_the_order_in_one_thread(cells: list[Any], store: Store) -> None:
    execute_all(iter("sequence"), store, threads=1)
    assert cells == list("sequence")


def test_execute_all_of_nothing(cells: list[Any], store: Store) -> None:
    points: list[dict[str, Any]] = []
    execute_all([], store, points.append)
    assert (cells, points) == ([], [])


def test_an_error_in_one_cell_ends_the_rest(cells: list[Any], store: Store) -> None:
    with pytest.raises(OSError, match="a cell broke"):
        execute_all([0, 1, "broken", *range(3, 100)], store, threads=2)
    assert len(cells) < 12


def test_cancelling_many_cells(cells: list[Any], store: Store) -> None:
    def report(point: dict[str, Any]) -> None:
        if point["done"] >= 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        execute_all(range(100), store, report, threads=2)
    assert len(cells) < 12


def test_execute_all_stores_what_it_computes(store: Store, learned: list[Training]) -> None:
    specs = [TRAINING, SENSITIVITY, TRANSFER, SENSITIVITY]
    execute_all(specs, store)
    assert learned == [TRAINING]
    assert sorted(store.keys()) == sorted({key(spec) for spec in specs})


def test_the_longest_training_comes_first_and_measures_keep_their_order() -> None:
    short, long = TRAINING, dataclasses.replace(TRAINING, images=TRAINING.images * 4)
    measures = [dataclasses.replace(SENSITIVITY, task=dataclasses.replace(SENSITIVITY.task, seed=n)) for n in range(3)]
    assert runs.longest_first([short, *measures, TRANSFER, long]) == [long, short, TRANSFER, *measures]


def test_every_thread_of_many_computations_uses_one_processor(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to each thread: matrix products of a thread that was not told take all of them."""
    told: list[int] = []
    monkeypatch.setattr(devices, "one_thread_each", lambda: told.append(threading.get_ident()))
    used: list[int] = []
    monkeypatch.setattr(runs, "execute", lambda *_: used.append(threading.get_ident()))
    execute_all([TRAINING, SENSITIVITY, TRANSFER], store, threads=2)
    assert set(used) <= set(told)
    assert threading.get_ident() not in told


def test_small_networks_learn_in_one_stack_where_that_is_asked_for(
    store: Store, learned: list[Training], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Their records are those of each alone, but for rounding and who sat beside it; what is stored is left alone."""
    specs = [dataclasses.replace(TRAINING, seed=seed) for seed in range(3)]
    stored = execute(dataclasses.replace(TRAINING, seed=9), store)
    alone = Store(tmp_path / "alone")
    execute_all(specs, alone)
    assert len(learned) == 4
    monkeypatch.setenv("INVLAB_STACK", "2")
    points: list[dict[str, Any]] = []
    execute_all(
        [*specs, SENSITIVITY, dataclasses.replace(TRAINING, seed=9)], store, points.append, costs=[4, 4, 4, 1, 4]
    )
    assert learned[4:] == [specs[2]]  # the third has nobody to sit beside
    assert points[-1]["done"] == points[-1]["of"] == 5
    assert points[-1]["fraction"] == 1
    assert store.get(key(dataclasses.replace(TRAINING, seed=9))) == stored
    for spec in specs:
        own, other = store.get(key(spec)), alone.get(key(spec))
        assert own is not None
        assert other is not None
        assert own["made"].get("stack") == (None if spec is specs[2] else 2)
        assert [p["images"] for p in own["result"]["history"]] == [p["images"] for p in other["result"]["history"]]
        assert own["result"]["history"][0]["loss"] == pytest.approx(other["result"]["history"][0]["loss"], rel=1e-3)
        assert abs(own["result"]["test_accuracy"] - other["result"]["test_accuracy"]) < 0.1
        network = trained(spec, store)
        assert not network.training
    assert learned[4:] == [specs[2]]  # their weights are there


def test_a_stack_ends_when_the_work_is_cancelled(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_STACK", "4")

    def report(point: dict[str, Any]) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        execute_all([dataclasses.replace(TRAINING, seed=seed, epochs=100) for seed in range(3)], store, report)
    assert list(store.keys()) == []


def test_one_of_a_stack_that_loses_its_loss_does_not_spoil_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVLAB_STACK", "2")
    start = training.start

    def broken(spec: Training, device: str) -> Any:
        network = start(spec, device)
        if spec.seed == 1:
            network.head.weight.data.fill_(float("nan"))
        return network

    monkeypatch.setattr(training, "start", broken)
    specs = [TRAINING, dataclasses.replace(TRAINING, seed=1)]
    with pytest.raises(ArithmeticError, match="the loss is no number"):  # as without a stack
        execute_all(specs, store)
    assert [store.get(key(spec)) is not None for spec in specs] == [True, False]
    alone = training.start(TRAINING, "cpu")
    assert execute(TRAINING, store)["result"]["history"][0]["loss"] == pytest.approx(
        next(training.train(alone, TRAINING, "cpu")).loss, rel=1e-3
    )
    with pytest.raises(ArithmeticError, match="the loss is no number"):
        execute(specs[1], store)


def test_a_stack_too_large_for_the_gpu_learns_one_by_one(
    store: Store, learned: list[Training], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("INVLAB_STACK", "2")

    def full(networks: Any, *_: Any) -> Any:
        raise torch.OutOfMemoryError(f"no room for {len(networks)}")

    monkeypatch.setattr(stacks, "train_together", full)
    specs = [TRAINING, dataclasses.replace(TRAINING, seed=1)]
    execute_all(specs, store)
    assert learned == specs
    assert "2 networks at once do not fit into the GPU: lower INVLAB_STACK" in caplog.text


@pytest.mark.parametrize(("given", "device", "most"), [("", "cpu", 1), ("", "cuda", devices.STACKED), ("3", "cpu", 3)])
def test_how_many_are_stacked(monkeypatch: pytest.MonkeyPatch, given: str, device: str, most: int) -> None:
    monkeypatch.setenv("INVLAB_STACK", given)
    monkeypatch.setattr(devices, "choose", lambda: device)
    assert devices.stacked() == most
    monkeypatch.setenv("INVLAB_STACK", "none")
    with pytest.raises(ValueError, match="INVLAB_STACK 'none'"):
        devices.stacked()


# -------------------------------------------------------------------------------------------------------------- singles


def test_the_study_of_single_families_from_end_to_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = dataclasses.replace(
        presets.PRESETS["live"], name="tiny", classes=3, images=64, batch=32, pairs=20, probe_train=40, probe_test=30
    )
    monkeypatch.setitem(presets.PRESETS, "tiny", tiny)
    monkeypatch.setattr(singles, "FAMILIES", ("rotate", "hue"))
    monkeypatch.setattr(singles, "SOURCES", ("rotate", "hue", "none"))
    study = Singles("tiny", seeds=2, backgrounds="black")
    points: list[dict[str, Any]] = []
    record = execute(study, store, points.append)
    check(record, study)
    cells = list(study.cells())
    assert len(cells) == 2 * (3 + 2 * 2 * 3 + 2 * 3)
    assert len(store.keys()) == len(cells) + 1
    assert points[-1]["done"] == len(cells)
    result = record["result"]
    for seed in (0, 1):
        for s, source in enumerate(("rotate", "hue", "none")):
            assert (
                result["source_accuracy"][seed][s]
                == store.get(key(study.training(source, seed)))["result"]["test_accuracy"]
            )
            for f, family in enumerate(("rotate", "hue")):
                moved = store.get(key(study.sensitivity(source, "new", family, seed)))["result"]
                assert result["sensitivity_new"][seed][s][f] == moved["sensitivity"]
                assert result["sensitivity_new_interval"][seed][s][f] == moved["interval"]
                probed = store.get(key(study.transfer(source, family, seed)))["result"]
                assert result["transfer"][seed][s][f] == probed["accuracy"]


# ---------------------------------------------------------------------------------------------------------------- relay


def test_a_relay_passes_everything_on_in_order_from_its_own_thread() -> None:
    points: list[dict[str, Any]] = []
    threads = set()

    def report(point: dict[str, Any]) -> None:
        threads.add(threading.get_ident())
        points.append(point)

    relay = Relay(report, 2)

    def work(number: int) -> dict[str, Any]:
        for step in range(50):
            relay.of(number)({"stage": "train", "step": step, "fraction": step / 49})
        return {}

    with ThreadPoolExecutor(2) as pool:
        relay.forward([pool.submit(work, number) for number in range(2)])
    assert threads == {threading.get_ident()}
    for number in range(2):
        assert [p["step"] for p in points if p["network"] == number] == list(range(50))


def test_a_relays_fraction_is_that_of_the_whole_work() -> None:
    points: list[dict[str, Any]] = []
    relay = Relay(points.append, 2)

    def work() -> dict[str, Any]:
        for number, point in (
            (0, {"stage": "train", "fraction": 0.5}),
            (1, {"stage": "train", "fraction": 1.0}),
            (1, {"stage": "watch"}),
            (1, {"stage": "done"}),
            (0, {"stage": "train", "fraction": 0.25}),
            (0, {"stage": "done"}),
        ):
            relay.of(number)(point)
        return {}

    with ThreadPoolExecutor(1) as pool:
        relay.forward([pool.submit(work)])
    fractions = [p["fraction"] for p in points]
    assert fractions == sorted(fractions)  # never back
    share = watching.TRAINING_SHARE
    assert fractions[:2] == pytest.approx([share / 4, share * 3 / 4], abs=1e-4)
    assert fractions[3] == pytest.approx(share / 4 + 0.5, abs=1e-4)
    assert fractions[-1] == 1


def test_what_a_report_raises_ends_every_thread() -> None:
    reported = []

    def report(point: dict[str, Any]) -> None:
        reported.append(point)
        if len(reported) == 5:
            raise KeyError("closed")

    relay, ended = Relay(report, 3), []

    def work(number: int) -> dict[str, Any]:
        try:
            for _ in range(10_000):
                relay.of(number)({"stage": "train"})
                time.sleep(0.001)
        except Cancelled as stop:
            ended.append((number, repr(stop.__cause__)))
            raise
        return {}

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(work, number) for number in range(3)]
        with pytest.raises(KeyError, match="closed"):
            relay.forward(futures)
        assert all(future.done() for future in futures)
    assert sorted(ended) == [(number, "KeyError('closed')") for number in range(3)]
    assert len(reported) == 5


def test_what_a_thread_raises_ends_the_others() -> None:
    relay = Relay(lambda point: None, 2)

    def work(number: int) -> dict[str, Any]:
        for step in range(10_000):
            relay.of(number)({"stage": "train"})
            time.sleep(0.001)
            if (number, step) == (1, 5):
                raise OSError("broke")
        return {}

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, number) for number in range(2)]
        with pytest.raises(OSError, match="broke"):
            relay.forward(futures)
    assert isinstance(futures[0].exception(), Cancelled)


# ------------------------------------------------------------------------------------------------ estimates and revival


def test_estimates_grow_with_the_work() -> None:
    specs = [TRAINING, SENSITIVITY, TRANSFER, COMPARISON, Singles("live", 1)]
    assert all(expected_seconds(spec) > 0 for spec in specs)
    more = dataclasses.replace(TRAINING, images=100_000)
    assert expected_seconds(TRAINING) < expected_seconds(more) < expected_seconds(dataclasses.replace(more, epochs=3))
    assert expected_seconds(more) < expected_seconds(dataclasses.replace(more, network="resnet18"))
    assert expected_seconds(Sensitivity(TRAINING, SENSITIVITY.task)) < expected_seconds(
        Sensitivity(more, SENSITIVITY.task)
    )
    assert expected_seconds(COMPARISON) < expected_seconds(dataclasses.replace(COMPARISON, sources=(more, more)))
    assert expected_seconds(Singles("live", 1)) < expected_seconds(Singles("live", 3))
    assert expected_seconds(Singles("live", 1)) < expected_seconds(Singles("classroom", 1))


def test_every_kind_has_a_step() -> None:
    assert set(runs.SPECS) == set(runs.STEPS)


@pytest.mark.parametrize(
    "spec", [TRAINING, SENSITIVITY, TRANSFER, COMPARISON, Singles()], ids=lambda s: type(s).__name__
)
def test_specs_are_revived_from_json(spec: Any) -> None:
    fields = json.loads(json.dumps(records.plain(spec)))
    revived = revive(type(spec).__name__, fields)
    assert revived == spec
    assert key(revived) == key(spec)


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        (
            "Nonsense",
            {},
            f"no kind of spec 'Nonsense'; choose from {', '.join(runs.STEPS)}",
        ),
        ("Training", {"epoch": 3}, r"Training: there is no field 'epoch'; the fields are .*epochs"),
        ("Training", {"epochs": "3"}, r"Training.epochs: '3' is not of type int"),
        ("Training", {"epochs": -3}, r"epochs -3"),
        ("Training", {"task": None}, r"Training.task: None is not an object"),
        ("Training", {"task": {}}, r"Training.task: the field 'classes' is missing"),
        ("Training", {"task": {"classes": [0, 0]}}, r"name at least one class, each once"),
        ("Training", {"task": {"classes": [0], "transformations": ["spin"]}}, r"spin"),
    ],
)
def test_what_is_no_spec_is_refused_with_a_reason(kind: str, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        revive(kind, records.plain(TRAINING) | change)


def test_an_unknown_kind_is_a_spec_error() -> None:
    with pytest.raises(SpecError):
        revive("Task", {"classes": [1]})


def test_a_comparison_without_sources_is_refused() -> None:
    fields = records.plain(COMPARISON)
    with pytest.raises(ValueError, match="sources: 0 were given; compare one to four"):
        revive("Comparison", fields | {"sources": []})
    with pytest.raises(SpecError, match=r"Comparison.sources\[1\]"):
        revive("Comparison", fields | {"sources": [fields["sources"][0], 7]})
