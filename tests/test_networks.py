"""Every network in the table keeps the contract, and its weights come from its generator alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain

import pytest
import torch
import torchvision.models as models
from torch import nn

from invlab.networks import NETWORKS, Network, ViT, build, initialise, parameters, resized, restore

SIZES = (16, 33, 48, 64)
SMALL = ["labnet", *(name for name in NETWORKS if name.endswith("-small"))]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int, size: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=generator(seed)) * 2 - 1


@pytest.fixture(params=NETWORKS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=SMALL)
def small(request: pytest.FixtureRequest) -> str:
    return request.param


# -------------------------------------------------------------------------------------------------------- the contract


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


@pytest.mark.parametrize("count", [1, 3])
@torch.inference_mode()
def test_stages_lead_to_the_features(name: str, count: int) -> None:
    network = build(name, 4, generator()).eval()
    images = noise(count, 32)
    found = network.stage_features(images)
    assert tuple(found) == network.stages
    assert len(network.stages) >= 3
    assert network.stages[-1] == "features"
    assert torch.equal(found["features"], network.features(images))
    for stage, activation in found.items():
        assert len(activation) == count, stage
        assert activation.dim() == (2 if stage == "features" else 3 if isinstance(network, ViT) else 4), stage
        assert activation.isfinite().all(), stage
        assert activation.std() > 0, stage


def test_no_stage_is_overwritten_by_a_later_one(name: str) -> None:
    network = build(name, 4, generator()).train()
    images = noise(2, 32)
    before = images.clone()
    at_once = {stage: activation.detach().clone() for stage, activation in network.walk(images)}
    for stage, activation in network.stage_features(images).items():
        assert torch.equal(activation, at_once[stage]), stage
    assert torch.equal(images, before)


@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_sizes_of_canvas(name: str, size: int) -> None:
    network = build(name, 4, generator()).eval()
    features = network.features(noise(2, size))
    assert features.shape == (2, network.width)
    assert features.isfinite().all()


@pytest.mark.parametrize("size", [17, 20, 50, 256])
@torch.inference_mode()
def test_small_networks_take_any_side(small: str, size: int) -> None:
    assert build(small, 4, generator()).eval()(noise(1, size)).isfinite().all()


@torch.inference_mode()
def test_the_memory_layout_changes_rounding_only(name: str) -> None:
    network = build(name, 5, generator()).eval()
    images = noise(2, 32)
    last = network(images.contiguous(memory_format=torch.channels_last))
    first = network.to(memory_format=torch.contiguous_format)(images)
    torch.testing.assert_close(last, first, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_weights_survive_saving_and_loading(name: str) -> None:
    network, other = build(name, 5, generator(1)).eval(), build(name, 5, generator(2)).eval()
    images = noise(2, 32)
    expected = network(images)
    assert not torch.equal(other(images), expected)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(images), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_restored_network_is_the_one_whose_weights_it_takes(name: str) -> None:
    saved = build(name, 3, generator(1))
    tensors = {key: tensor.contiguous().clone() for key, tensor in saved.state_dict().items()}
    found = restore(name, 3, dict(tensors))
    own, its = found.state_dict(), saved.state_dict()
    assert list(own) == list(its)
    for key, tensor in its.items():
        assert torch.equal(own[key], tensor)
        assert own[key].stride() == tensor.stride()
        assert own[key].dtype == tensor.dtype
    assert all(weight.requires_grad for weight in found.parameters())
    with pytest.raises(RuntimeError, match="Missing key"):
        restore(name, 3, dict(list(tensors.items())[1:]))
    with pytest.raises(ValueError, match="there is no network 'labnett'"):
        restore("labnett", 3, tensors)


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet19'") as error:
        build("resnet19", 3, generator())
    assert all(name in str(error.value) for name in NETWORKS)


# ------------------------------------------------------------------------------------------------------------ learning


def test_every_weight_learns(name: str) -> None:
    network = build(name, 5, generator()).train()
    nn.functional.cross_entropy(network(noise(4, 32)), torch.arange(4)).backward()
    # A norm after a convolution takes its bias out again: that gradient is rounding.
    idle = {f"{part}.bias" for part, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    for part, weight in network.named_parameters():
        assert weight.requires_grad, part
        assert weight.grad is not None, part
        assert weight.grad.isfinite().all(), part
        assert part in idle or weight.grad.abs().sum() > 0, part


def test_a_few_steps_lower_the_loss(small: str) -> None:
    network = build(small, 4, generator()).train()
    images, labels = noise(16, 32), torch.arange(16) % 4
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(15):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] < 3  # nats; chance is log 4 = 1.4
    assert losses[-1] < 0.6 * losses[0]


# ----------------------------------------------------------------------------------------------------- initial weights


def test_the_weights_depend_on_the_generator_alone(name: str) -> None:
    torch.manual_seed(1)
    first = build(name, 5, generator(3)).state_dict()
    torch.manual_seed(2)
    again = build(name, 5, generator(3)).state_dict()
    other = build(name, 5, generator(4)).state_dict()
    assert list(first) == list(again)
    for part, tensor in first.items():
        assert tensor.isfinite().all(), part
        assert torch.equal(tensor, again[part]), part
    weights = [part for part, tensor in first.items() if tensor.dim() > 1]
    assert len(weights) > 5
    assert not any(torch.equal(first[part], other[part]) for part in weights)


@torch.no_grad()
def test_initialise_leaves_nothing_as_it_was(name: str) -> None:
    expected = build(name, 5, generator(3)).state_dict()
    with torch.device("meta"):
        network = NETWORKS[name](5)
    network = network.to_empty(device="cpu")
    tensors = dict(chain(network.named_parameters(), network.named_buffers()))
    for tensor in tensors.values():
        tensor.fill_(math.nan if tensor.is_floating_point() else -7)
    initialise(network, generator(3))
    assert set(tensors) == set(expected)  # no buffer is hidden from the state
    for part, tensor in tensors.items():
        assert torch.equal(tensor, expected[part]), part


def test_building_and_running_leave_the_global_generator_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    network = build(name, 5, generator())
    network(noise(2, 32)).sum().backward()
    assert torch.equal(before, torch.random.get_rng_state())


def test_fresh_norms(name: str) -> None:
    norms = [m for m in build(name, 5, generator()).modules() if isinstance(m, (nn.BatchNorm2d, nn.LayerNorm))]
    assert norms
    for norm in norms:
        assert (norm.weight == 1).all()
        assert (norm.bias == 0).all()
        if isinstance(norm, nn.BatchNorm2d):
            assert (norm.running_mean == 0).all()
            assert (norm.running_var == 1).all()
            assert int(norm.num_batches_tracked) == 0


def test_initial_weights_have_the_spread_they_should() -> None:
    body = nn.Sequential(nn.Conv2d(16, 64, 3), nn.Linear(64, 500), nn.MultiheadAttention(128, 4))
    initialise(body, generator())
    conv, linear, attention = body
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.03)
    assert conv.weight.mean().abs() < 0.002
    assert linear.weight.abs().max().item() == pytest.approx(1 / 8, rel=0.01)
    assert linear.weight.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.03)
    assert attention.in_proj_weight.std().item() == pytest.approx(math.sqrt(2 / (128 + 3 * 128)), rel=0.03)
    assert attention.out_proj.weight.abs().max().item() == pytest.approx(1 / math.sqrt(128), rel=0.01)
    for biases in (conv.bias, linear.bias, attention.in_proj_bias, attention.out_proj.bias):
        assert (biases == 0).all()


def test_the_representations_of_a_fresh_network_are_of_a_usual_size(name: str) -> None:
    """Batch statistics in force, neither vanishing nor exploding through fifty layers."""
    with torch.no_grad():
        features = build(name, 5, generator()).train().features(noise(4, 32))
    assert 0.1 < features.square().mean().sqrt() < 10


# ------------------------------------------------------------------------------------------- the networks of the paper

CIFAR_PARAMETERS = {  # with ten classes, as the CIFAR forms of these networks are known
    "resnet18": 11_173_962,
    "resnet50": 23_520_842,
    "densenet121": 1_000_666,
    "vgg11": 9_231_114,
    "vit": (48 + 1) * 384  # patches
    + (1 + 65) * 384  # class token, positions
    + 7 * (4 * (384 + 1) * 384 + (384 + 1) * 1536 + (1536 + 1) * 384 + 4 * 384)  # attention, MLP, two norms
    + 2 * 384  # the last norm
    + (384 + 1) * 10,
}


def cifar_resnet(made: nn.Module) -> nn.Module:
    made.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    made.maxpool = made.fc = nn.Identity()
    return made


def cifar_densenet() -> nn.Module:
    made = models.DenseNet(12, (6, 12, 24, 16), num_init_features=24)
    made.features.conv0 = nn.Conv2d(3, 24, 3, padding=1, bias=False)
    made.features.pool0 = made.classifier = nn.Identity()
    return made


def cifar_vgg() -> nn.Module:
    made = models.vgg11_bn()
    made.avgpool = made.classifier = nn.Identity()  # 32 × 32 arrive as one pixel
    return made


def cifar_vit() -> nn.Module:
    made = models.VisionTransformer(
        image_size=32, patch_size=4, num_layers=7, num_heads=8, hidden_dim=384, mlp_dim=1536
    )
    made.heads = nn.Identity()
    return made


ORACLES: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: cifar_resnet(models.resnet18()),
    "resnet50": lambda: cifar_resnet(models.resnet50()),
    "densenet121": cifar_densenet,
    "vgg11": cifar_vgg,
    "vit": cifar_vit,
}


@pytest.mark.parametrize("large", CIFAR_PARAMETERS)
def test_paper_networks_have_the_known_numbers_of_parameters(large: str) -> None:
    with torch.device("meta"):
        assert parameters(NETWORKS[large](10)) == CIFAR_PARAMETERS[large]


@pytest.mark.parametrize("large", ORACLES)
@torch.no_grad()
def test_paper_networks_are_torchvisions_own(large: str) -> None:
    network = build(large, 7, generator())
    with torch.device("meta"):
        oracle = ORACLES[large]()
    oracle = oracle.to_empty(device="cpu")
    body = [tensor for part, tensor in network.state_dict().items() if not part.startswith("head.")]
    oracle.load_state_dict(dict(zip(oracle.state_dict(), body, strict=True)))  # both in the order of the computation
    images = noise(2, 32).double()  # so that rounding hides nothing
    network, oracle = network.double(), oracle.double()
    for training in (True, False):  # the first pass moves the statistics that the second reads
        ours, theirs = network.train(training).features(images), oracle.train(training)(images)
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_small_settings_are_small_and_of_the_same_kind() -> None:
    assert len(SMALL) == 1 + len(ORACLES)
    for large in ORACLES:
        with torch.device("meta"):
            network, whole = NETWORKS[f"{large}-small"](10), NETWORKS[large](10)
        assert 50_000 <= parameters(network) <= 400_000
        kinds, whole_kinds = ({type(module) for module in n.modules()} for n in (network, whole))
        assert kinds == whole_kinds, large


def test_labnet_is_small() -> None:
    assert 110_000 < parameters(build("labnet", 12, generator())) < 145_000


@torch.inference_mode()
def test_stages_halve_the_side_as_in_the_paper() -> None:
    sides = {}
    for large in ("resnet18", "resnet50", "densenet121", "vgg11"):
        found = build(large, 10, generator()).eval().stage_features(noise(1, 32))
        sides[large] = [activation.shape[-1] for activation in found.values() if activation.dim() == 4]
    assert sides["resnet18"] == sides["resnet50"] == sides["densenet121"] == [32, 32, 16, 8, 4]
    assert sides["vgg11"] == [16, 8, 4, 2, 1]


def test_parameters_counts_what_learns() -> None:
    layer = nn.Linear(10, 3)
    assert parameters(layer) == 33
    layer.bias.requires_grad_(False)
    assert parameters(nn.Sequential(layer, nn.BatchNorm2d(4))) == 33 + 8  # running statistics do not learn


# ---------------------------------------------------------------------------------------------------- the transformer


def test_positions_of_another_grid_are_interpolated() -> None:
    rows = torch.arange(4.0)[:, None].expand(4, 4)
    positions = torch.stack([rows, rows.T, torch.full((4, 4), 7.0)], -1).reshape(1, 16, 3)
    positions = torch.cat([torch.tensor([[[5.0, 6.0, 9.0]]]), positions], 1)
    assert resized(positions, 4, 4) is positions
    found = resized(positions, 8, 12)
    assert torch.equal(found[:, 0], positions[:, 0])  # the class token has no place
    down, right, constant = found[0, 1:].unflatten(0, (8, 12)).unbind(-1)
    torch.testing.assert_close(constant, torch.full((8, 12), 7.0))
    torch.testing.assert_close(down, down[:, :1].expand(8, 12))
    torch.testing.assert_close(right, right[:1].expand(8, 12))
    # Pixel centres: place i of n lies at (i + ½) · 4 / n − ½ of the old grid; bicubic leaves a line by up to 0.05.
    torch.testing.assert_close(down[3:5, 0], torch.tensor([1.25, 1.75]), rtol=0, atol=0.06)
    torch.testing.assert_close(right[0, 5:7], torch.tensor([4 / 3, 5 / 3]), rtol=0, atol=0.06)
    assert (down[:, 0].diff() > 0).all()
    assert (right[0].diff() > 0).all()


@torch.inference_mode()
def test_a_patch_over_the_edge_is_filled_with_zeros() -> None:
    network = build("vit-small", 4, generator()).eval()
    images = noise(2, 17)
    whole = nn.functional.pad(images, (0, 3, 0, 3))
    assert network.stage_features(images)["stem"].shape[1] == 1 + 5 * 5
    assert torch.equal(network(images), network(whole))


@torch.inference_mode()
def test_the_transformer_reads_the_place_of_a_patch() -> None:
    network = build("vit-small", 4, generator()).eval()
    images = noise(1, 32)
    swapped = torch.cat([images[..., 16:], images[..., :16]], -1)  # the same patches elsewhere
    assert not torch.allclose(network.features(images), network.features(swapped), atol=1e-3)
    network.body.encoder.pos_embedding.zero_()
    torch.testing.assert_close(network.features(images), network.features(swapped), rtol=1e-4, atol=1e-4)
