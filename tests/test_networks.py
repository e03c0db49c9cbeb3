"""Every network in the table keeps the contract, and its weights come from its generator alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from invlab.networks import NETWORKS, Network, build, initialise, parameters

SIZES = (32, 48, 64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int, size: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=generator(seed)) * 2 - 1


@pytest.fixture(params=NETWORKS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@torch.inference_mode()
def test_forward_is_the_head_of_the_features(name: str) -> None:
    network = build(name, 7, generator()).eval()
    images = noise(3, 32)
    features = network.features(images)
    assert isinstance(network, Network)
    assert features.shape == (3, network.width)
    assert features.dtype == torch.float32
    assert isinstance(network.head, nn.Linear)
    assert (network.head.in_features, network.head.out_features) == (network.width, 7)
    assert torch.equal(network(images), network.head(features))
    assert features.std(0).max() > 0  # different images, different representations


@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_sizes_of_canvas(name: str, size: int) -> None:
    network = build(name, 4, generator()).eval()
    assert network.features(noise(2, size)).shape == (2, network.width)
    assert network(noise(1, size)).shape == (1, 4)


@pytest.mark.parametrize("size", [16, 17, 20, 33, 50])
@torch.inference_mode()
def test_labnet_takes_sides_that_cannot_be_halved_evenly(size: int) -> None:
    assert build("labnet", 4, generator()).eval()(noise(2, size)).isfinite().all()


def test_the_weights_depend_on_the_generator_alone(name: str) -> None:
    torch.manual_seed(1)
    first = build(name, 5, generator(3)).state_dict()
    torch.manual_seed(2)
    dirt = [torch.full((1000, 1000), math.nan) for _ in range(8)]  # memory that `to_empty` may be given next
    del dirt
    again = build(name, 5, generator(3)).state_dict()
    other = build(name, 5, generator(4)).state_dict()
    assert list(first) == list(again)
    for part, tensor in first.items():
        assert tensor.isfinite().all(), part
        assert torch.equal(tensor, again[part]), part
    weights = [part for part, tensor in first.items() if tensor.dim() > 1]
    assert len(weights) > 5
    assert not any(torch.equal(first[part], other[part]) for part in weights)


def test_building_and_running_leave_the_global_generator_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    network = build(name, 5, generator())
    network(noise(2, 32)).sum().backward()
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_weight_learns(name: str) -> None:
    network = build(name, 5, generator()).train()
    nn.functional.cross_entropy(network(noise(4, 32)), torch.arange(4)).backward()
    for part, weight in network.named_parameters():
        assert weight.requires_grad, part
        assert weight.grad is not None, part
        assert weight.grad.abs().sum() > 0, part


def test_fresh_statistics(name: str) -> None:
    norms = [m for m in build(name, 5, generator()).modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert (norm.running_mean == 0).all()
        assert (norm.running_var == 1).all()
        assert (norm.weight == 1).all()
        assert int(norm.num_batches_tracked) == 0


def test_initial_weights_have_the_spread_they_should() -> None:
    body = nn.Sequential(nn.Conv2d(16, 64, 3), nn.Linear(64, 500))
    initialise(body, generator())
    conv, linear = body
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.03)
    assert conv.weight.mean().abs() < 0.002
    assert linear.weight.abs().max().item() == pytest.approx(1 / 8, rel=0.01)
    assert linear.weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.03)
    assert (conv.bias == 0).all()
    assert (linear.bias == 0).all()


def test_labnet_is_small() -> None:
    assert 110_000 < parameters(build("labnet", 12, generator())) < 145_000


def test_resnet18_is_the_cifar_form() -> None:
    network = build("resnet18", 10, generator()).eval()
    assert parameters(network) == 11_173_962  # as every CIFAR ResNet-18 with ten classes
    assert network.width == 512
    sides = []
    network.body.layer1.register_forward_hook(lambda *of: sides.append(of[2].shape[-1]))
    network.body.layer4.register_forward_hook(lambda *of: sides.append(of[2].shape[-1]))
    with torch.inference_mode():
        network.features(noise(1, 32))
    assert sides == [32, 4]


def test_parameters_counts_what_learns() -> None:
    layer = nn.Linear(10, 3)
    assert parameters(layer) == 33
    layer.bias.requires_grad_(False)
    assert parameters(nn.Sequential(layer, nn.BatchNorm2d(4))) == 33 + 8  # running statistics do not learn


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet19'.*labnet.*resnet18"):
        build("resnet19", 3, generator())
