"""A training is a generator of progress that depends on its spec and on nothing else."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from invlab import training as trainings
from invlab.networks import Network, build
from invlab.records import canonical, key, plain, revive
from invlab.seeds import torch_generator
from invlab.tasks import Batch, Task, draw_classes, render
from invlab.training import Progress, Training, accuracy, batches, finite, rate, start, train

TASK = Task(draw_classes("drawn", 3, seed=0), ("rotate",), backgrounds="black")
SMALL = Training(TASK, images=160, epochs=2, batch=32, learning_rate=4e-3)  # 10 steps


def weights(network: Network) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def trained(spec: Training) -> Network:
    network = start(spec, "cpu")
    for _ in train(network, spec, "cpu"):
        pass
    return network


def slowly_trained(spec: Training, steps: int) -> Network:
    """The plain loop: render, learn, one after the other."""
    network = build(spec.network, len(spec.task.classes), torch_generator("weights", spec.seed)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1.0, fused=True)
    step = 0
    for epoch in range(spec.epochs):
        order = torch.randperm(spec.images, generator=torch_generator("order", spec.seed, epoch)).tolist()
        while len(order) >= spec.batch and step < steps:
            indices, order = order[: spec.batch], order[spec.batch :]
            images, labels = render(spec.task, "train", indices, epoch)
            step += 1
            optimiser.param_groups[0]["lr"] = rate(spec, step)
            optimiser.zero_grad()
            F.cross_entropy(network(images.contiguous(memory_format=torch.channels_last)), labels).backward()
            optimiser.step()
    return network


@pytest.fixture(scope="module")
def reference() -> dict[str, torch.Tensor]:
    return weights(trained(SMALL))


# ------------------------------------------------------------------------------------------------------------- progress


def test_progress_after_every_step() -> None:
    points = list(train(start(SMALL, "cpu"), SMALL, "cpu"))
    assert [p.step for p in points] == list(range(1, 11))
    assert {p.steps for p in points} == {SMALL.steps} == {10}
    assert [p.images for p in points] == [32 * step for step in range(1, 11)]
    assert all(math.isfinite(p.loss) and p.loss > 0 for p in points)
    assert all(p.accuracy * 32 == round(p.accuracy * 32) and 0 <= p.accuracy <= 1 for p in points)
    seconds = [p.seconds for p in points]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert all(p.images_per_second == pytest.approx(p.images / p.seconds) for p in points)


def test_the_first_loss_and_accuracy_are_those_of_the_untrained_network() -> None:
    first = next(train(start(SMALL, "cpu"), SMALL, "cpu"))
    _, indices = next(batches(SMALL))
    images, labels = render(TASK, "train", indices, 0)
    scores = start(SMALL, "cpu").train()(images)
    assert first.loss == pytest.approx(F.cross_entropy(scores, labels).item(), rel=1e-4)
    assert first.accuracy == pytest.approx((scores.argmax(1) == labels).float().mean().item(), abs=1e-6)


@pytest.mark.usefixtures("by_autograd")
def test_it_stops_between_steps_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    network = start(SMALL, "cpu")
    course = train(network, SMALL, "cpu", ahead=True)
    for _ in range(4):
        next(course)
    assert set(threading.enumerate()) > before  # one renders ahead
    course.close()
    assert set(threading.enumerate()) == before
    assert same(weights(network), weights(slowly_trained(SMALL, steps=4)))
    assert list(course) == []


def test_it_renders_ahead_where_a_processor_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    whole = trainings.pictures
    monkeypatch.setattr(trainings, "pictures", lambda *of: asked.append(of[2]) or whole(*of))
    monkeypatch.setattr(trainings.os, "cpu_count", lambda: 2)
    first, second, third = (train(start(SMALL, "cpu"), SMALL, "cpu") for _ in range(3))
    next(first)
    next(second)
    assert asked == [True, False]
    first.close()
    second.close()
    next(third)
    third.close()
    assert asked == [True, False, True]
    assert trainings._under_way == 0


def test_an_error_in_the_loop_around_it_leaves_no_thread() -> None:
    before = set(threading.enumerate())

    def interrupted() -> None:
        for progress in train(start(SMALL, "cpu"), SMALL, "cpu"):
            if progress.step == 2:
                raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        interrupted()
    assert set(threading.enumerate()) == before


def test_an_error_while_rendering_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Batch:
        raise OSError("no picture")

    before = set(threading.enumerate())
    monkeypatch.setattr(trainings, "render", broken)
    with pytest.raises(OSError, match="no picture"):
        trained(SMALL)
    assert set(threading.enumerate()) == before


def test_no_epochs_leave_the_network_untrained() -> None:
    spec = dataclasses.replace(SMALL, epochs=0)
    assert spec.steps == 0
    network = trained(spec)
    assert same(weights(network), weights(start(SMALL, "cpu")))
    assert not network.training


# ---------------------------------------------------------------------------------------------------------- determinism


def test_a_spec_gives_the_same_weights_bit_for_bit(reference: dict[str, torch.Tensor]) -> None:
    network = trained(SMALL)
    assert same(weights(network), reference)
    assert not network.training


def test_rendering_ahead_changes_nothing(reference: dict[str, torch.Tensor]) -> None:
    network = start(SMALL, "cpu")
    for _ in train(network, SMALL, "cpu", ahead=False):
        pass
    assert same(weights(network), reference)


@pytest.mark.usefixtures("by_autograd")
def test_it_is_the_plain_loop() -> None:
    assert same(weights(slowly_trained(SMALL, steps=10)), weights(trained(SMALL)))


def test_another_seed_gives_other_weights(reference: dict[str, torch.Tensor]) -> None:
    assert not same(weights(trained(dataclasses.replace(SMALL, seed=1))), reference)


def test_the_task_decides_the_images(reference: dict[str, torch.Tensor]) -> None:
    other = dataclasses.replace(SMALL, task=dataclasses.replace(TASK, seed=1))
    assert same(weights(start(other, "cpu")), weights(start(SMALL, "cpu")))  # the weights are the training's own
    assert not same(weights(trained(other)), reference)


def test_the_global_generators_are_neither_read_nor_moved(reference: dict[str, torch.Tensor]) -> None:
    torch.manual_seed(123)
    before, numpys = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    again = weights(trained(SMALL))
    assert torch.equal(before, torch.random.get_rng_state())
    assert (numpys == np.random.get_state()[1]).all()
    assert same(again, reference)


def test_stopping_to_look_changes_nothing(reference: dict[str, torch.Tensor]) -> None:
    network = start(SMALL, "cpu")
    held_out = render(TASK, "validation", range(40))
    for _ in train(network, SMALL, "cpu"):
        accuracy(network, held_out)  # puts it into evaluation mode
    assert same(weights(network), reference)


def test_the_weights_are_named_by_the_seed() -> None:
    found = weights(start(dataclasses.replace(SMALL, seed=5), "cpu"))
    assert same(found, weights(build("labnet", 3, torch_generator("weights", 5))))
    assert not same(found, weights(start(SMALL, "cpu")))


# -------------------------------------------------------------------------------------------------------------- batches


def test_every_image_once_in_each_epoch_in_a_fresh_order() -> None:
    spec = dataclasses.replace(SMALL, epochs=3)
    orders = {}
    for epoch, indices in batches(spec):
        assert indices.shape == (32,)
        orders.setdefault(epoch, []).extend(indices.tolist())
    assert list(orders) == [0, 1, 2]
    assert all(sorted(order) == list(range(160)) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == 3
    assert orders[0] != list(range(160))


def test_the_incomplete_last_batch_is_left_out() -> None:
    spec = dataclasses.replace(SMALL, images=100, epochs=2)
    seen = list(batches(spec))
    assert len(seen) == spec.steps == 6
    for epoch in (0, 1):
        counts = Counter(i for e, indices in seen if e == epoch for i in indices.tolist())
        assert len(counts) == 96
        assert set(counts.values()) == {1}
        assert max(counts) < 100


def test_the_order_depends_on_the_seed_alone() -> None:
    def order(spec: Training) -> list[int]:
        return [i for _, indices in batches(spec) for i in indices.tolist()]

    assert order(SMALL) == order(dataclasses.replace(SMALL, learning_rate=0.1, task=Task((0, 1))))
    assert order(SMALL) != order(dataclasses.replace(SMALL, seed=1))


@pytest.mark.parametrize("families", [("rotate",), ()])
def test_transformations_are_fresh_in_each_epoch_and_pairs_are_not(
    families: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, dict[int, tuple[torch.Tensor, int]]] = {0: {}, 1: {}}

    def spy(task: Task, split: str, indices: torch.Tensor, epoch: int, twin: int, device: str) -> Batch:
        assert (split, twin, device) == ("train", 0, "cpu")
        batch = render(task, split, indices, epoch, twin, device)
        for row, index in enumerate(indices.tolist()):
            seen[epoch][index] = batch.images[row], int(batch.labels[row])
        return batch

    monkeypatch.setattr(trainings, "render", spy)
    trained(dataclasses.replace(SMALL, task=dataclasses.replace(TASK, transformations=families)))
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(160))
    assert all(seen[0][i][1] == seen[1][i][1] for i in range(160))
    moved = [not torch.equal(seen[0][i][0], seen[1][i][0]) for i in range(160)]
    assert all(moved) if families else not any(moved)


# ----------------------------------------------------------------------------------------------------------------- rate


def test_one_cycle_rises_over_the_first_fifth_and_falls_to_nothing() -> None:
    spec = dataclasses.replace(SMALL, images=3200, epochs=1, learning_rate=1.0)  # 100 steps
    rates = [rate(spec, step) for step in range(1, 101)]
    expected = np.interp(np.arange(100) + 0.5, [0, 20, 100], [0, 1, 0])  # each at the middle of its step
    np.testing.assert_allclose(rates, expected, rtol=1e-9)
    assert rates[0] == pytest.approx(0.025)
    assert max(rates) == rates[20] == pytest.approx(0.99375)
    assert rates[-1] == pytest.approx(0.00625)
    assert rate(dataclasses.replace(spec, learning_rate=4e-3), 11) == pytest.approx(4e-3 * rates[10])


def test_one_cycle_of_a_single_step() -> None:
    spec = dataclasses.replace(SMALL, images=32, epochs=1, learning_rate=0.8)
    assert rate(spec, 1) == pytest.approx(0.5)


def test_the_constant_rate() -> None:
    spec = dataclasses.replace(SMALL, schedule="constant", learning_rate=0.01)
    assert {rate(spec, step) for step in range(1, 11)} == {0.01}


@pytest.mark.usefixtures("by_autograd")
def test_the_rate_reaches_the_optimiser(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []

    class Spy(torch.optim.Adam):
        def step(self, *args: object) -> None:
            rates.append([group["lr"] for group in self.param_groups])
            super().step(*args)

    monkeypatch.setattr(torch.optim, "Adam", Spy)
    trained(SMALL)
    assert rates == [[rate(SMALL, step)] for step in range(1, 11)]


# ------------------------------------------------------------------------------------------------------------- learning


def test_it_learns() -> None:
    task = Task(draw_classes("drawn", 4, seed=1), ("hue",), backgrounds="black")
    spec = Training(task, images=768, epochs=1, batch=32, learning_rate=8e-3)
    network = start(spec, "cpu")
    test = render(task, "test", range(400))
    untrained = accuracy(network, test)
    losses = [progress.loss for progress in train(network, spec, "cpu")]
    assert untrained < 0.6
    assert accuracy(network, test) > 0.9
    assert sum(losses[-5:]) < 0.4 * sum(losses[:5])


def test_accuracy_counts_by_hand() -> None:
    network = start(SMALL, "cpu").train()
    batch = render(TASK, "test", range(530))  # more than one block
    right = accuracy(network, batch)
    assert not network.training
    with torch.no_grad():
        named = torch.cat([network(batch.images[i : i + 53]) for i in range(0, 530, 53)]).argmax(1)
    assert right == pytest.approx(sum(a == b for a, b in zip(named.tolist(), batch.labels.tolist(), strict=True)) / 530)


def test_a_lost_loss_is_noticed() -> None:
    point = Progress(1, 2, 3, 0.5, 0.5, 1.0, 1.0)
    assert finite(point)
    assert not finite(dataclasses.replace(point, loss=math.nan))
    assert not finite(dataclasses.replace(point, loss=math.inf))


def test_bfloat16_learns_the_same_up_to_its_rounding(reference: dict[str, torch.Tensor]) -> None:
    """A few steps: weights stay float32, and lie near those of float32, but are not the same."""
    spec = dataclasses.replace(SMALL, precision="bfloat16")
    network = start(spec, "cpu")
    points = list(train(network, spec, "cpu"))
    plainly = list(train(start(SMALL, "cpu"), SMALL, "cpu"))
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in network.state_dict().values())
    assert points[0].loss == pytest.approx(plainly[0].loss, rel=0.02)
    assert points[-1].loss == pytest.approx(plainly[-1].loss, abs=0.3)
    assert not same(weights(network), reference)


# ---------------------------------------------------------------------------------------------------------------- specs


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("schedule", "cosine", r"schedule 'cosine': choose from constant, one-cycle"),
        ("precision", "float16", r"precision 'float16': choose from float32, bfloat16"),
        ("images", 31, r"images 31, batch 32, .*at least one whole batch"),
        ("batch", 1, r"batch 1, .*two or more images"),
        ("batch", 161, r"images 160, batch 161"),
        ("epochs", -1, r"epochs -1: .*no negative number of epochs"),
        ("learning_rate", 0.0, r"learning_rate 0.0: give a number above 0"),
        ("learning_rate", -1.0, r"learning_rate -1.0"),
        ("learning_rate", math.nan, r"learning_rate nan"),
        ("learning_rate", math.inf, r"learning_rate inf"),
    ],
)
def test_bad_specs_say_what_is_wrong(field: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(SMALL, **{field: value})


def test_an_unknown_network_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"no network 'alexnet'; choose from labnet, resnet18"):
        start(dataclasses.replace(SMALL, network="alexnet"), "cpu")


def test_a_spec_survives_json_and_every_field_is_in_its_key() -> None:
    assert revive(Training, plain(SMALL)) == SMALL
    assert canonical(revive(Training, plain(SMALL))) == canonical(SMALL)
    others = {
        "task": dataclasses.replace(TASK, transformations=("hue",)),
        "network": "resnet18",
        "images": 161,
        "epochs": 1,
        "batch": 16,
        "learning_rate": 5e-3,
        "schedule": "constant",
        "seed": 1,
        "precision": "bfloat16",
    }
    assert set(others) == {f.name for f in dataclasses.fields(Training)}
    keys = {key(dataclasses.replace(SMALL, **{field: value})) for field, value in others.items()} | {key(SMALL)}
    assert len(keys) == len(others) + 1
