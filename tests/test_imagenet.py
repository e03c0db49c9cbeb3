"""torchvision's networks keep our contract: their features are torchvision's own forward pass up to its head."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import get_model_weights, list_models
from torchvision.transforms.functional import normalize

from invlab import architectures, networks
from invlab.architectures import ARCHITECTURES, IMAGENET, facts
from invlab.imagenet import STEPS, Draws, bare, fused, untrained

# The smallest of each family, at a side that its layers allow.
SMALL = {
    "resnet18": 64,
    "resnext50_32x4d": 64,
    "densenet121": 64,
    "vgg11_bn": 64,
    "alexnet": 64,
    "vit_b_32": 224,
    "swin_t": 64,
    "swin_v2_t": 64,
    "convnext_tiny": 64,
    "efficientnet_b0": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "mnasnet0_5": 64,
    "shufflenet_v2_x0_5": 64,
    "regnet_y_400mf": 64,
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(size: int) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=generator(1)) * 2 - 1


@pytest.fixture(params=SMALL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_family_has_a_small_member_here() -> None:
    found = {type(bare(name, 7).body).__name__ for name in SMALL}
    assert found == set(STEPS)


@torch.inference_mode()
def test_features_are_torchvisions_forward_up_to_the_head(name: str) -> None:
    network = untrained(name, generator())
    images = noise(SMALL[name])
    known = get_model_weights(name).DEFAULT.transforms()
    theirs = network.body(normalize((images + 1) / 2, known.mean, known.std))
    ours = network(images)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))
    features = network.features(images)
    assert features.shape == (2, network.width)
    assert isinstance(network.head, nn.Linear)
    assert (network.head.in_features, network.head.out_features) == (network.width, 1000)
    assert torch.equal(network.head(features), ours)
    stages = network.stage_features(images)
    assert tuple(stages) == network.stages
    assert torch.equal(stages["features"], features)
    for stage in network.stages[:-1]:
        assert stages[stage].shape[0] == 2
        assert stages[stage].ndim in (3, 4)
        if stages[stage].ndim == 4:  # maps come channels first
            assert stages[stage].shape[2] == stages[stage].shape[3]
    assert float((features[0] - features[1]).norm()) > 1e-3 * float(features[0].norm())  # the signal has not faded


@pytest.mark.parametrize("name", [n for n in SMALL if not n.startswith(("vit", "swin", "convnext", "alexnet"))])
@torch.inference_mode()
def test_folding_the_norms_changes_nothing(name: str) -> None:
    """In float64: an untrained EfficientNet is so steep that float32's rounding alone shows."""
    network = untrained(name, generator()).double()
    images = noise(SMALL[name]).double()
    before = network.features(images)
    again = fused(network)
    torch.testing.assert_close(
        again.double().features(images), before, rtol=1e-5, atol=1e-6 * float(before.abs().max())
    )
    assert again.stages == network.stages
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in again.modules())
    assert norms == 0 or name == "densenet121"  # whose norms stand before their convolutions


def test_the_mean_colour_is_zero_after_normalisation() -> None:
    network = bare("resnet18", 3)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    assert network.normalised(mean * 2 - 1).abs().max() < 1e-6


def test_weights_come_from_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (untrained("resnet18", generator(seed)).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["body.conv1.weight"], other["body.conv1.weight"])
    assert first["body.conv1.weight"].std() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)  # torchvision's own


def test_without_a_generator_nothing_is_drawn() -> None:
    before = torch.random.get_rng_state()
    with Draws(None):
        weight = torch.zeros(4).normal_()
    assert weight.abs().max() == 0
    bare("resnet18", 2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_settled_norms_normalise_what_they_saw() -> None:
    network = untrained("mobilenet_v2", generator())
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.momentum == 0.1 for norm in norms)
    assert all(not module.training for module in network.modules())
    assert float(norms[-1].running_var.max()) != 1.0


def test_the_lab_has_its_networks_under_names_of_their_own() -> None:
    assert {architectures.audited(name) for name in networks.NETWORKS} <= set(ARCHITECTURES)
    assert set(architectures.LAB) == set(networks.NETWORKS)
    for name in networks.NETWORKS:
        assert architectures.lab_network(architectures.audited(name)) == name
        assert architectures.is_lab(architectures.audited(name))
    assert not architectures.is_lab("resnet50")
    assert untrained("labnet", generator()).width == 80


def test_the_table_is_torchvisions() -> None:
    for name, known in IMAGENET.items():
        weights = get_model_weights(name).DEFAULT
        assert known.size == weights.transforms().crop_size[0]
        assert known.gflops == pytest.approx(weights.meta["_ops"], rel=0.02)
        assert known.megabytes == pytest.approx(weights.meta["_file_size"], abs=0.6)
    assert set(IMAGENET) <= set(list_models())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="there is no network 'resnet51' to audit; choose from labnet, resnet18-cifar"):
        facts("resnet51")


def test_a_vit_reads_other_sizes() -> None:
    network = untrained("vit_b_32", generator())
    with torch.inference_mode():
        assert network.features(noise(96)).shape == (2, 768)
