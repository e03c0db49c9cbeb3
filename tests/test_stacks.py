"""Networks that learn at once learn what they would learn alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from invlab.networks import NETWORKS, Network
from invlab.seeds import torch_generator
from invlab.stacks import STACKABLE, Stack, alike, groups, pictures, train_together
from invlab.tasks import Task, draw_classes, render
from invlab.training import Training, batches, start, train

TASK = Task(draw_classes("drawn", 3, seed=0), ("rotate", "hue"), backgrounds="black")
SPEC = Training(TASK, images=96, epochs=2, batch=32)
SPECS = [
    SPEC,
    dataclasses.replace(SPEC, seed=4),
    dataclasses.replace(SPEC, task=dataclasses.replace(TASK, transformations=("blur",), seed=9)),
]


def of(name: str, count: int = 2) -> list[Network]:
    return [start(Training(TASK, name, seed=seed), "cpu") for seed in range(count)]


def images(count: int, side: int = 32) -> torch.Tensor:
    return torch.randn(count, 4, 3, side, side, generator=torch_generator("test"))


@pytest.mark.parametrize("name", STACKABLE)
def test_a_stack_answers_and_learns_as_its_networks_do(name: str) -> None:
    networks, x = of(name), images(2)
    labels = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])
    stack = Stack(networks).train()
    scores = stack(x)
    F.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="sum").backward()
    for number, network in enumerate(networks):
        network.train()
        alone = network(x[number])
        assert torch.allclose(scores[number], alone, atol=1e-4, rtol=1e-3)
        F.cross_entropy(alone, labels[number], reduction="sum").backward()
    shared = dict(stack.whole.named_parameters())
    for name_, weight in networks[1].named_parameters():
        wide = shared[name_].grad
        assert wide is not None
        assert weight.grad is not None
        own = wide[1] if name_.startswith("head.") else wide[len(weight) :]
        scale = weight.grad.abs().max()
        assert (own - weight.grad).abs().max() <= 2e-3 * scale + 1e-5, name_


@pytest.mark.parametrize("name", STACKABLE)
def test_what_is_handed_back_is_what_was_stacked(name: str) -> None:
    networks, others = of(name), of(name, 4)[2:]
    networks[1].train()(images(1)[0])  # a norm has seen something
    networks[0].train()(images(1)[0])
    Stack(networks).hand_back(others)
    for network, other in zip(networks, others, strict=True):
        assert not other.training
        for (name_, a), b in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(a, b), name_


def test_only_what_cannot_be_stacked_is_refused() -> None:
    for name in NETWORKS:
        assert (alike(Training(TASK, name)) is not None) == (name in STACKABLE)
    with pytest.raises(ValueError, match="cannot stand beside others"):
        Stack(of("vit-small"))


def test_the_batches_are_those_of_each_training_alone() -> None:
    told = list(pictures(SPECS, "cpu"))
    assert len(told) == SPEC.steps == 6
    for number, spec in enumerate(SPECS):
        for batch, (epoch, indices) in zip(told, batches(spec), strict=True):
            own = render(spec.task, "train", indices, epoch)
            assert torch.equal(batch.images[number], own.images)
            assert torch.equal(batch.labels[number], own.labels)


@pytest.mark.usefixtures("by_autograd")
def test_training_at_once_is_training_one_by_one() -> None:
    """For a few steps: later, rounding has grown in either."""
    together, alone = [start(spec, "cpu") for spec in SPECS], [start(spec, "cpu") for spec in SPECS]
    points = list(train_together(together, SPECS, "cpu"))
    for number, (spec, network) in enumerate(zip(SPECS, alone, strict=True)):
        own = list(train(network, spec, "cpu"))
        assert [p[number].step for p in points] == [p.step for p in own]
        assert [p[number].images for p in points] == [p.images for p in own]
        for mine, theirs in zip(points, own, strict=True):
            assert mine[number].loss == pytest.approx(theirs.loss, rel=1e-3)
            assert mine[number].accuracy == pytest.approx(theirs.accuracy, abs=1 / 32 + 1e-6)
        for (name, a), b in zip(network.state_dict().items(), together[number].state_dict().values(), strict=True):
            assert torch.allclose(a, b, atol=5e-3), name


def test_stacks_are_made_of_what_is_alike() -> None:
    larger = dataclasses.replace(SPEC, images=128)
    dense, large = Training(TASK, "densenet121-small"), Training(TASK, "resnet18")
    made = list(groups([SPEC, larger, dense, SPECS[1], SPECS[2], large, large, dense], most=2))
    assert made == [[SPEC, SPECS[1]], [SPECS[2]], [larger], [dense], [large], [large], [dense]]
    assert alike(dataclasses.replace(SPEC, epochs=0)) is None
    with pytest.raises(ValueError, match="only those of one kind"):
        next(train_together(of("labnet"), [SPEC, larger], "cpu"))


@pytest.mark.gpu
def test_on_a_gpu_too() -> None:
    together, alone = [start(spec, "cuda") for spec in SPECS], [start(spec, "cuda") for spec in SPECS]
    points = list(train_together(together, SPECS, "cuda"))
    for number, (spec, network) in enumerate(zip(SPECS, alone, strict=True)):
        own = list(train(network, spec, "cuda"))
        assert points[0][number].loss == pytest.approx(own[0].loss, rel=1e-2)
        assert points[-1][number].loss == pytest.approx(own[-1].loss, rel=0.1, abs=0.05)
