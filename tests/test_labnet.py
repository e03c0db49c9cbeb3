"""labnet's compiled step: the gradients of torch's autograd, which is its oracle, and torch where it cannot run."""

from __future__ import annotations

import copy
import ctypes
import math
import shutil
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

from invlab import compiled, labnet, training, transfer
from invlab.networks import LabNet, Network, build
from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.tasks import Batch, Task, render
from invlab.training import Training
from invlab.transfer import FineTuning

TASK = Task(classes=tuple(range(7)), transformations=("rotate", "hue"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    return compiled.load(compiled.build(tmp_path_factory.mktemp("compiled")))


@pytest.fixture
def there(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the compiled step runs."""
    monkeypatch.setattr(compiled, "library", lambda: library)
    if not compiled.has_labnet():
        pytest.skip("this processor has no vectors of 512 bits")
    return


def network(classes: int = 7, seed: int = 0) -> LabNet:
    """Drawn weights; norms that are not 1 and 0, so that nothing hides behind them."""
    made = build("labnet", classes, torch_generator("weights", seed))
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim == 1:
                weight += 0.3 * torch.randn(weight.shape, generator=torch_generator("norms", seed))
    assert isinstance(made, LabNet)
    return made.train()


def by_torch(of: Network, batch: Batch) -> torch.Tensor:
    of.zero_grad()
    loss = F.cross_entropy(of(batch.images.to(of.head.weight.dtype)), batch.labels)
    loss.backward()
    return loss.detach()


def gradients(of: Network) -> dict[str, torch.Tensor]:
    return {name: weight.grad.double() for name, weight in of.named_parameters() if weight.grad is not None}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("count", [2, 3, 4, 7, 64, 128])
@pytest.mark.parametrize("classes", [2, 7, 61])
def test_loss_gradients_and_statistics_are_those_of_autograd(count: int, classes: int) -> None:
    batch = render(Task(tuple(range(classes)), ("rotate", "hue", "noise")), "train", range(count))
    ours, single = network(classes), network(classes)
    double = copy.deepcopy(ours).double()
    loss, right = labnet.Learner(ours, 128).differentiate(batch)
    exact = by_torch(double, batch)
    by_torch(single, batch)
    assert loss == pytest.approx(exact.item(), rel=1e-6)
    with torch.no_grad():
        named = copy.deepcopy(double).train()(batch.images.double()).argmax(1)
    assert right == pytest.approx((named == batch.labels).double().mean().item())
    expected, rounded = gradients(double), gradients(single)
    for name, found in gradients(ours).items():
        size = expected[name].norm()
        off, usual = (found - expected[name]).norm() / size, (rounded[name] - expected[name]).norm() / size
        # a value beside a ReLU's corner may fall on its other side, for torch's single precision as for ours
        assert off < max(2e-5, 3 * usual), name
    for (name, found), wanted in zip(ours.named_buffers(), double.buffers(), strict=True):
        assert torch.allclose(found.double(), wanted.double(), rtol=1e-5, atol=1e-6), name


@pytest.mark.usefixtures("there")
def test_maps_far_from_zero_keep_their_digits() -> None:
    """A mean of many deviations: the difference of two large sums would be left with few digits."""
    batch = render(TASK, "train", range(64))
    far = Batch(batch.images + 30, batch.labels)
    ours, single = network(), network()
    double = copy.deepcopy(ours).double()
    step = labnet.Learner(ours, 64)
    for _ in range(40):  # the running mean comes near
        step.differentiate(far)
    by_torch(double, far)
    by_torch(single, far)
    expected, rounded = gradients(double), gradients(single)
    for name, found in gradients(ours).items():
        size = expected[name].norm()
        assert (found - expected[name]).norm() / size < max(1e-4, 2 * (rounded[name] - expected[name]).norm() / size)


@pytest.mark.usefixtures("there")
def test_the_same_batch_gives_the_same_bits_whatever_came_before() -> None:
    small, large = (render(TASK, "train", range(n)) for n in (5, 64))
    fresh, used = network(), network()
    step = labnet.Learner(used, 64)
    state = copy.deepcopy(used.state_dict())
    step.differentiate(large)
    used.load_state_dict(state)
    assert step.differentiate(small) == labnet.Learner(fresh, 5).differentiate(small)
    for name, found in gradients(used).items():
        assert torch.equal(found, gradients(fresh)[name]), name


@pytest.mark.usefixtures("there")
def test_layouts_and_weights_in_other_memory_do_not_matter() -> None:
    batch = render(TASK, "train", range(16))
    plain, moved = network(), network()
    labnet.Learner(plain, 16).differentiate(batch)
    step = labnet.Learner(moved, 16)
    moved.blocks[0].conv1.weight.data = moved.blocks[0].conv1.weight.data.clone(memory_format=torch.preserve_format)
    step.differentiate(
        Batch(batch.images.contiguous(memory_format=torch.channels_last), batch.labels.repeat_interleave(2)[::2])
    )
    for name, found in gradients(moved).items():
        assert torch.equal(found, gradients(plain)[name]), name


@pytest.mark.usefixtures("there")
def test_its_steps_are_those_of_adam() -> None:
    ours, theirs = network(), network()
    learn, optimiser = labnet.Learner(ours, 16), torch.optim.Adam(theirs.parameters())
    for number in range(6):
        batch = render(TASK, "train", range(16 * number, 16 * number + 16))
        rate = 0.003 * (number + 1)
        loss, _ = learn(batch, rate)
        assert loss == pytest.approx(by_torch(theirs, batch).item(), rel=1e-4)
        for mine, weight in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert mine.grad is not None
            weight.grad = mine.grad.clone()  # the same gradients, so that only Adam is compared
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        for (name, mine), weight in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(mine, weight, rtol=1e-5, atol=1e-6), name


@pytest.mark.usefixtures("there")
def test_a_training_is_that_of_autograd_as_far_as_rounding_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Training(TASK, images=640, batch=64, learning_rate=1e-3)
    fast = training.start(spec, "cpu")
    told = list(training.train(fast, spec, "cpu"))
    monkeypatch.setattr(labnet, "takes", lambda *_, **__: False)
    slow = training.start(spec, "cpu")
    expected = list(training.train(slow, spec, "cpu"))
    assert [p.loss for p in told] == pytest.approx([p.loss for p in expected], rel=2e-2)
    assert told[0].loss == pytest.approx(expected[0].loss, rel=1e-6)
    assert told[0].accuracy == expected[0].accuracy
    assert not fast.training
    assert int(fast.norm.num_batches_tracked) == int(slow.norm.num_batches_tracked) == 10  # type: ignore[union-attr]


@pytest.mark.usefixtures("there")
def test_training_and_fine_tuning_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    call = labnet.Learner.__call__
    monkeypatch.setattr(
        labnet.Learner,
        "__call__",
        lambda self, batch, rate: (seen.append(len(batch.labels)), call(self, batch, rate))[1],
    )
    spec = Training(TASK, images=128, batch=64)
    learned = training.start(spec, "cpu")
    for _ in training.train(learned, spec, "cpu"):
        pass
    assert seen == [64, 64]
    before = copy.deepcopy(learned.state_dict())
    tuned = transfer.measure_tuned(learned, FineTuning(spec, TASK, 70, 40, epochs=2, batch=32), "cpu")
    assert seen[2:] == [32, 32, 6] * 2
    assert 0 <= tuned["accuracy"] <= 1  # type: ignore[operator]
    assert all(torch.equal(value, before[name]) for name, value in learned.state_dict().items())


@pytest.mark.usefixtures("there")
def test_a_training_that_lost_its_numbers_says_so() -> None:
    batch = render(TASK, "train", range(8))
    for broken in (math.nan, math.inf):
        lost = network()
        with torch.no_grad():
            lost.blocks[0].conv2.weight[3, 5, 1, 1] = broken
        assert not math.isfinite(labnet.Learner(lost, 8).differentiate(batch)[0])


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 300])
def test_features_are_those_of_torch_and_the_same_in_every_batch(count: int) -> None:
    used, images = network(), render(TASK, "train", range(max(2, count))).images[:count]
    by_torch(used, render(TASK, "train", range(64)))  # moves the running statistics
    used.eval()
    found = labnet.features(used, images)
    assert found.shape == (count, 80)
    assert not found.is_inference()
    with torch.no_grad():
        exact = copy.deepcopy(used).double().features(images.double())
        usual = (used.features(images) - exact).abs().max() if count else 0
    assert not count or (found - exact).abs().max() < max(2 * usual, 1e-6)
    for at in range(count):
        assert torch.equal(labnet.features(used, images[at : at + 1])[0], found[at])
    assert torch.equal(represent(used.train(), images), found)
    assert not used.training


@pytest.mark.usefixtures("there")
def test_features_of_what_is_no_number_are_none() -> None:
    images = render(TASK, "train", range(6)).images
    images[3, 1, 20, 20] = math.nan
    assert labnet.features(network().eval(), images).isnan().any(1).tolist() == [at == 3 for at in range(6)]
    for wrong in (images.double(), images[:, :, :16], images[:, :2]):
        with pytest.raises(ValueError, match="images: "):
            labnet.features(network(), wrong)


@pytest.mark.usefixtures("there")
def test_what_it_cannot_take_learns_through_autograd() -> None:
    assert labnet.takes(network(), 32)
    assert not labnet.takes(network(), 48)
    assert not labnet.takes(network().double(), 32)
    assert not labnet.takes(LabNet(7, (16, 32, 48)), 32)
    assert not labnet.takes(LabNet(7), 32)  # torch's usual layout
    assert not labnet.takes(build("vgg11-small", 7, torch_generator("weights", 0)), 32)
    frozen = network()
    frozen.stem.weight.requires_grad_(False)
    assert labnet.takes(frozen, 32)
    assert not labnet.takes(frozen, 32, learning=True)
    assert not isinstance(training.learner(network(), 32, 64, "bfloat16"), labnet.Learner)
    assert isinstance(training.learner(network(), 32, 64), labnet.Learner)


@pytest.mark.usefixtures("there")
def test_what_compiled_code_would_not_notice_is_refused() -> None:
    batch, step = render(TASK, "train", range(8)), labnet.Learner(network(), 8).differentiate
    for images in (batch.images.double(), batch.images[:, :, :16], batch.images[:, :2]):
        with pytest.raises(ValueError, match="images: "):
            step(Batch(images, batch.labels))
    for count in (0, 1):
        with pytest.raises(ValueError, match="batch: "):
            step(Batch(batch.images[:count], batch.labels[:count]))
    with pytest.raises(ValueError, match="batch: 16 images"):
        step(Batch(batch.images.repeat(2, 1, 1, 1), batch.labels.repeat(2)))
    with pytest.raises(ValueError, match="batch: 8 images, 7 labels"):
        step(Batch(batch.images, batch.labels[:7]))
    for label in (-1, 7):
        labels = batch.labels.clone()
        labels[3] = label
        with pytest.raises(IndexError, match="labels: one is none of the 7 classes"):
            step(Batch(batch.images, labels))


def test_without_a_library_torch_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "library", lambda: None)
    assert not compiled.has_labnet()
    assert not labnet.takes(network(), 32)
    with pytest.raises(RuntimeError, match="ask `takes` first"):
        labnet.Learner(network(), 8)
    with pytest.raises(RuntimeError, match="ask `takes` first"):
        labnet.features(network(), torch.zeros(1, 3, 32, 32))
    spec = Training(TASK, images=64, batch=64)
    assert len(list(training.train(training.start(spec, "cpu"), spec, "cpu"))) == 1
