"""A representation is what the head reads, in evaluation mode, and taking it changes nothing."""

from __future__ import annotations

import torch

from invlab.networks import Network, build
from invlab.representations import BATCH, represent


def network() -> Network:
    """A labnet whose batch statistics have moved, so that the two modes differ."""
    made = build("labnet", 3, torch.Generator().manual_seed(0)).train()
    made(images(64, seed=9))
    return made


def images(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_rows_are_the_features_in_evaluation_mode() -> None:
    net, some = network(), images(20)
    with torch.no_grad():
        learning = net.train().features(some)
        expected = net.eval().features(some)
    net.train()
    found = represent(net, some)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert torch.allclose(found, expected, atol=1e-6)
    assert not torch.allclose(found, learning, atol=1e-2)
    assert not net.training


def test_batches_do_not_show() -> None:
    net, many = network(), images(2 * BATCH + 37)
    whole = represent(net, many)
    assert whole.shape == (2 * BATCH + 37, net.width)
    one_by_one = torch.cat([represent(net, many[i : i + 1]) for i in (0, BATCH - 1, BATCH, 2 * BATCH + 36)])
    assert torch.allclose(whole[[0, BATCH - 1, BATCH, 2 * BATCH + 36]], one_by_one, atol=1e-5)


def test_the_network_stays_as_it_was() -> None:
    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    represent(net, images(10))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_it_can_go_on_learning_afterwards() -> None:
    net = network()
    represent(net, images(10))
    net.train()
    net(images(4)).sum().backward()
    assert net.stem.weight.grad is not None
