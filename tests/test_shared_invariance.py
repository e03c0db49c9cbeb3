"""Shared invariance: networks whose invariances are known."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from invlab import runs, training
from invlab.distances import linear_cka
from invlab.export import as_pixels
from invlab.networks import Network
from invlab.representations import represent
from invlab.shared_invariance import SHOWN, SharedInvariance, doubles, jackknife, noise_like, shared_invariance
from invlab.store import Store
from invlab.tasks import Task, draw_classes, render
from invlab.training import Training
from tests.known_networks import Reads

TASK = Task(draw_classes("drawn", 8, seed=0), backgrounds="random", size=16)
TRAINING = Training(TASK, images=64, batch=32)
SPEC = SharedInvariance((TRAINING,), TASK, images=60, steps=60)


def coarse(channels: slice) -> Reads:
    """4 × 4 averages of some of the channels."""
    return Reads(lambda images: torch.nn.functional.avg_pool2d(images[:, channels], 4).flatten(1))


RED, BLUE, ALL = coarse(slice(0, 1)), coarse(slice(2, 3)), coarse(slice(0, 3))


def of(*networks: Network) -> dict:
    return shared_invariance(networks, SPEC, "cpu")


def test_a_network_shares_all_its_invariances_with_itself() -> None:
    found = of(RED)
    assert found["stir"][0][0] == pytest.approx(1, abs=0.01)
    assert found["residual"][0] < 0.05
    assert found["chance"][0][0] < 0.3


def test_a_turned_and_scaled_representation_ignores_the_same() -> None:
    turn = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(0)))[0]
    turned = Reads(lambda images: 3 * RED.features(images) @ turn)
    found = of(RED, turned)
    assert np.allclose(found["stir"], 1, atol=0.01)


def test_who_reads_something_else_shares_nothing() -> None:
    found = of(RED, BLUE)
    for i, j in ((0, 1), (1, 0)):
        assert found["stir"][i][j] == pytest.approx(found["chance"][i][j], abs=0.15)
        assert found["stir"][i][j] < 0.4


def test_the_two_directions_differ() -> None:
    found = of(RED, ALL)
    assert found["stir"][1][0] > 0.95  # whoever cannot be told apart by all three colours cannot be by red
    assert found["stir"][0][1] < 0.7  # but red ignores the other two


def test_a_constant_network_ignores_everything_and_nobody_follows() -> None:
    constant = Reads(lambda images: images.new_zeros(len(images), 3) + 0 * images.mean((2, 3)))
    found = of(constant, RED)
    assert found["residual"][0] == 0
    assert found["stir"][0][1] < 0.4


def test_doubles_are_pictures_and_leave_the_network_alone() -> None:
    network = training.start(TRAINING, "cpu")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = render(TASK, "test", range(60)).images
    start = noise_like(SPEC, "cpu")
    points: list[float] = []
    found = doubles(network, images, start, 5, 0.1, points.append)
    assert found.shape == images.shape
    assert found.min() >= -1
    assert found.max() <= 1
    assert points == [pytest.approx((i + 1) / 5) for i in range(5)]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(doubles(network, images, start, 0, 0.1), start)


def test_each_image_is_searched_for_alone() -> None:
    """The loss is a sum over images: the double of one does not depend on the others, but for the common unit."""
    images, start = render(TASK, "test", range(60)).images, noise_like(SPEC, "cpu")
    together = doubles(RED, images, start, 40, 0.05)
    swapped = doubles(RED, images.flip(0), start.flip(0), 40, 0.05).flip(0)
    assert torch.allclose(together, swapped, atol=1e-3)


def test_jackknife_covers_about_its_share() -> None:
    """Intervals of 200 images against the value of very many of them."""
    generator = torch.Generator().manual_seed(1)
    mix = torch.randn(6, 6, generator=generator)

    def both(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        a = torch.randn(n, 6, generator=generator)
        return a, a @ mix + torch.randn(n, 6, generator=generator)

    true = linear_cka(*both(100_000))
    inside = 0
    for _ in range(60):
        low, high = jackknife(*both(400))
        inside += low <= true <= high
    assert inside >= 51


def test_executed_it_reports_and_is_stored(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec = dataclasses.replace(SPEC, networks=(TRAINING, dataclasses.replace(TRAINING, seed=1)), steps=3)
    points: list[dict] = []
    result = runs.execute(spec, store, points.append)["result"]
    assert [p["fraction"] for p in points if p["stage"] == "doubles"][-1] == 1
    assert np.shape(result["stir"]) == np.shape(result["chance"]) == (2, 2)
    assert np.shape(result["interval"]) == (2, 2, 2)
    network = runs.trained(TRAINING, store)
    images = render(TASK, "test", range(60)).images
    found = doubles(network, images, noise_like(spec, "cpu"), 3, 0.1)
    kept = np.frombuffer(base64.b64decode(result["doubles"][0][SHOWN - 1]), np.uint8).reshape(16, 16, 3)
    assert np.array_equal(kept, as_pixels(found)[SHOWN - 1])
    assert result["stir"][0][0] == pytest.approx(linear_cka(represent(network, images), represent(network, found)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"networks": ()}, "at least one"),
        ({"images": 19}, "at least 20"),
        ({"steps": -1}, "no negative number of steps"),
        ({"learning_rate": 0.0}, "above 0"),
    ],
)
def test_bad_specs_get_a_sentence(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(SPEC, **change)
