"""The linear probe is logistic regression: scikit-learn's, on standardised features, to within a percent."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from invlab import representations, transfer
from invlab.intervals import wilson
from invlab.networks import Network, build
from invlab.records import key
from invlab.representations import represent
from invlab.tasks import Task, draw_classes, render, rendered
from invlab.training import Training, start, train
from invlab.transfer import FineTuning, Probe, Transfer, fine_tune, fit, head_of, measure, measure_tuned

Data = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]  # features and labels, to fit and to test

TARGET = Task(draw_classes("drawn", 5, seed=0), ("rotate",), backgrounds="black")
SOURCE = Training(Task(draw_classes("drawn", 5, seed=0, skip=5), backgrounds="black"), images=320, batch=64)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(classes: int, width: int, spread: float, seed: int, n: int = 600) -> Data:
    """Gaussian clouds around random centres; the larger their spread, the more they overlap."""
    draws = generator(seed)
    centres = torch.randn(classes, width, generator=draws)
    labels = torch.randint(classes, (2 * n,), generator=draws)
    features = centres[labels] + spread * torch.randn(2 * n, width, generator=draws)
    features = features * (0.1 + 10 * torch.rand(width, generator=draws)) + 5  # no feature is standardised
    return features[:n], labels[:n], features[n:], labels[n:]


@pytest.fixture(scope="module")
def networks() -> dict[str, Network]:
    learned = start(SOURCE, "cpu")
    for _ in train(learned, SOURCE, "cpu"):
        pass
    return {"trained": learned, "untrained": build("labnet", 5, generator(0))}


@pytest.fixture(params=["blobs", "overlapping", "two classes", "separable", "trained", "untrained"])
def data(request: pytest.FixtureRequest, networks: dict[str, Network]) -> Data:
    if request.param in networks:
        sets = [render(TARGET, "train", range(500)), render(TARGET, "test", range(500))]
        features = [represent(networks[request.param], s.images) for s in sets]
        return features[0], sets[0].labels, features[1], sets[1].labels
    return {
        "blobs": lambda: blobs(6, 20, 0.8, seed=1),
        "overlapping": lambda: blobs(4, 10, 3.0, seed=2),
        "two classes": lambda: blobs(2, 5, 1.5, seed=3),
        "separable": lambda: blobs(5, 40, 0.1, seed=4),
    }[request.param]()


def objective(weights: np.ndarray, bias: np.ndarray, x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """mean(cross-entropy) + penalty / 2N · ‖W‖², in float64."""
    scores = x @ weights.T + bias
    scores = scores - scores.max(1, keepdims=True)
    log_shares = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return -log_shares[np.arange(len(y)), y].mean() + penalty / (2 * len(y)) * (weights**2).sum()


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_the_probe_is_scikit_learns(data: Data, penalty: float) -> None:
    features, labels, test_features, test_labels = data
    classes = int(labels.max()) + 1
    probe = fit(features, labels, classes, penalty)

    scaler = StandardScaler().fit(features.double().numpy())
    x, test_x = scaler.transform(features.double().numpy()), scaler.transform(test_features.double().numpy())
    oracle = LogisticRegression(C=1 / penalty, solver="lbfgs", max_iter=5000, tol=1e-8).fit(x, labels.numpy())
    weights, bias = oracle.coef_, oracle.intercept_
    if classes == 2:  # scikit-learn then has one row, the second class's score over the first's, with half the penalty
        oracle = LogisticRegression(C=2 / penalty, solver="lbfgs", max_iter=5000, tol=1e-8).fit(x, labels.numpy())
        weights, bias = (np.stack([-part, part])[:, 0] / 2 for part in (oracle.coef_, oracle.intercept_))

    ours = objective(probe.weights.double().numpy(), probe.bias.double().numpy(), x, labels.numpy(), penalty)
    theirs = objective(weights, bias, x, labels.numpy(), penalty)
    assert ours == pytest.approx(theirs, rel=1e-3, abs=3e-4)  # nats, where the loss is all but 0
    assert ours > theirs - 1e-5
    for a, b in ((features, x), (test_features, test_x)):
        truth = labels if a is features else test_labels
        accuracy = (probe(a) == truth).double().mean().item()
        assert accuracy == pytest.approx((oracle.predict(b) == truth.numpy()).mean(), abs=0.01)
        assert accuracy > 1.2 / classes


def test_separable_classes_are_separated() -> None:
    features, labels, test_features, test_labels = blobs(5, 40, 0.1, seed=5)
    for penalty in (1.0, 0.0):
        probe = fit(features, labels, 5, penalty)
        assert probe.weights.isfinite().all()
        assert (probe(features) == labels).all()
        assert (probe(test_features) == test_labels).all()


def test_a_large_penalty_leaves_only_the_bias() -> None:
    features, labels, *_ = blobs(3, 8, 0.5, seed=6)
    probe = fit(features, labels, 3, penalty=1e4)
    assert probe.weights.abs().max() < 0.05
    shares = torch.bincount(labels, minlength=3) / len(labels)
    assert torch.allclose(probe.bias.softmax(0), shares, atol=0.01)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1000.1])
def test_a_constant_feature_is_ignored(value: float) -> None:
    features, labels, test_features, _ = blobs(4, 10, 1.0, seed=7)

    def wider(some: torch.Tensor) -> torch.Tensor:
        return torch.cat([some, torch.full((len(some), 1), value)], 1)

    plain, wide = fit(features, labels, 4), fit(wider(features), labels, 4)
    assert wide.weights.isfinite().all()
    assert torch.allclose(plain.scores(test_features), wide.scores(wider(test_features)), atol=0.02)


def test_a_feature_constant_only_while_fitting_cannot_upset_the_test() -> None:
    features, labels, test_features, test_labels = blobs(4, 10, 0.3, seed=8)
    features[:, 0] = 0
    test_features[:, 0] = 1e6
    probe = fit(features, labels, 4)
    assert (probe(test_features) == test_labels).float().mean() > 0.9


def test_features_that_say_nothing() -> None:
    labels = torch.tensor([0] * 30 + [1] * 10)
    probe = fit(torch.full((40, 3), 0.7), labels, 2)
    assert (probe(torch.randn(20, 3, generator=generator(9))) == 0).all()  # the frequent class
    assert probe.scores(torch.zeros(5, 3)).isfinite().all()


def test_scale_and_place_of_features_do_not_matter() -> None:
    features, labels, test_features, _ = blobs(4, 10, 1.0, seed=10)
    plain, moved = fit(features, labels, 4), fit(features * 1e-3 + 2, labels, 4)
    agree = (plain(test_features) == moved(test_features * 1e-3 + 2)).float().mean()
    assert agree > 0.99


def test_features_are_standardised_with_the_training_sets_mean_and_deviation() -> None:
    features, labels, *_ = blobs(2, 5, 1.0, seed=13, n=20)
    probe = fit(features, labels, 2)
    scaler = StandardScaler().fit(features.double().numpy())
    np.testing.assert_allclose(probe.mean.numpy(), scaler.mean_, rtol=1e-5)
    np.testing.assert_allclose(probe.scale.numpy(), scaler.scale_, rtol=1e-5)


def test_shapes() -> None:
    features, labels, *_ = blobs(4, 10, 1.0, seed=11)
    probe = fit(features, labels, 7)  # three classes have no image
    assert isinstance(probe, Probe)
    assert probe.weights.shape == (7, 10)
    assert not probe.weights.requires_grad
    assert probe.scores(features[:9]).shape == (9, 7)
    assert probe(features[:9]).tolist() == probe.scores(features[:9]).argmax(1).tolist()
    assert (probe(features) < 4).all()


def test_fitting_neither_reads_nor_moves_the_global_generator() -> None:
    features, labels, *_ = blobs(4, 10, 1.0, seed=12)
    torch.manual_seed(1)
    first = fit(features, labels, 4)
    before = torch.manual_seed(2).get_state()
    assert torch.equal(fit(features, labels, 4).weights, first.weights)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_measure(networks: dict[str, Network]) -> None:
    spec = Transfer(SOURCE, TARGET, train_images=300, test_images=200)
    found = measure(networks["trained"], spec, "cpu")
    features = [
        represent(networks["trained"], render(TARGET, s, range(n)).images) for s, n in (("train", 300), ("test", 200))
    ]
    labels = [render(TARGET, s, range(n)).labels for s, n in (("train", 300), ("test", 200))]
    probe = fit(features[0], labels[0], 5)
    right = int((probe(features[1]) == labels[1]).sum())
    assert found["accuracy"] == right / 200
    assert found["interval"] == list(wilson(right, 200))
    assert found["interval"][0] < found["accuracy"] <= found["interval"][1]
    assert found["train_accuracy"] == pytest.approx((probe(features[0]) == labels[0]).float().mean().item())
    assert found["train_accuracy"] >= found["accuracy"] > 0.4
    assert (found["train_images"], found["test_images"]) == (300, 200)
    assert measure(networks["trained"], spec, "cpu") == found
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_features_are_computed_once(networks: dict[str, Network], monkeypatch: pytest.MonkeyPatch) -> None:
    net, seen = networks["untrained"], []
    whole = representations.represent
    monkeypatch.setattr(
        representations, "represent", lambda net, images: seen.append(len(images)) or whole(net, images)
    )
    measure(net, Transfer(SOURCE, TARGET, train_images=300, test_images=200), "cpu")
    assert sum(seen) == 500


def test_the_network_stays_frozen(networks: dict[str, Network]) -> None:
    net = networks["trained"]
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    measure(net, Transfer(SOURCE, TARGET, train_images=100, test_images=50), "cpu")
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_the_penalty_is_used(networks: dict[str, Network], monkeypatch: pytest.MonkeyPatch) -> None:
    penalties = []
    whole = transfer.fit
    monkeypatch.setattr(transfer, "fit", lambda *of: penalties.append(of[3]) or whole(*of))
    measure(networks["untrained"], Transfer(SOURCE, TARGET, 100, 50, penalty=2.5), "cpu")
    assert penalties == [2.5]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"train_images": 1}, "train_images 1, test_images 2000: give at least 2 and 1"),
        ({"test_images": 0}, "train_images 4000, test_images 0"),
        ({"penalty": -0.1}, "penalty -0.1: it cannot be negative"),
    ],
)
def test_bad_specs_say_what_is_wrong(fields: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Transfer(SOURCE, TARGET, **fields)


def test_every_field_is_in_the_key() -> None:
    specs = [
        Transfer(SOURCE, TARGET),
        Transfer(SOURCE, SOURCE.task),
        Transfer(SOURCE, TARGET, 3999),
        Transfer(SOURCE, TARGET, 4000, 1999),
        Transfer(SOURCE, TARGET, penalty=2.0),
    ]
    assert len({key(spec) for spec in specs}) == 5


# --------------------------------------------------------------------------------------------------- full fine-tuning


TUNING = FineTuning(SOURCE, TARGET, train_images=60, test_images=200, epochs=3, batch=16)


def tune(network: Network, images: int, epochs: int) -> None:
    spec = replace(TUNING, train_images=images, epochs=epochs)
    fine_tune(network, rendered.chooser(TARGET, "train", images), spec, lambda share: None)


def test_the_head_made_of_a_probe_names_what_the_probe_names(data: Data) -> None:
    features, labels, test, _ = data
    probe = fit(features, labels, int(labels.max()) + 1)
    with torch.no_grad():
        scores = head_of(probe)(test)
    assert torch.allclose(scores, probe.scores(test), atol=1e-3, rtol=1e-3)
    assert (scores.argmax(1) == probe(test)).float().mean() > 0.995


def test_fine_tuning_starts_where_the_probe_is(networks: dict[str, Network]) -> None:
    """No epoch: the network is the frozen one with the probe as its head."""
    found = measure_tuned(networks["trained"], replace(TUNING, epochs=0), "cpu")
    probed = measure(networks["trained"], Transfer(SOURCE, TARGET, 60, 200), "cpu")
    assert found["accuracy"] == found["probe_accuracy"] == pytest.approx(probed["accuracy"], abs=0.005)
    assert found["interval"] == pytest.approx(probed["interval"], abs=0.005)


def test_fine_tuning_learns_and_leaves_the_network_alone(networks: dict[str, Network]) -> None:
    network = networks["trained"]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    shares: list[float] = []
    found = measure_tuned(network, replace(TUNING, epochs=20), "cpu", shares.append)
    assert found["train_accuracy"] == 1.0
    assert shares == [pytest.approx((i + 1) / 20) for i in range(20)]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert found == measure_tuned(network, replace(TUNING, epochs=20), "cpu")
    assert found["accuracy"] > 1.5 / TARGET.labels


def test_every_weight_is_fine_tuned(networks: dict[str, Network]) -> None:
    network = copy.deepcopy(networks["trained"])
    network.head = head_of(fit(torch.randn(20, network.width, generator=generator(0)), torch.arange(20) % 5, 5))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    tune(network, 33, 1)
    assert all(not torch.equal(p, before[name]) for name, p in network.named_parameters())
    assert not network.training


@pytest.mark.usefixtures("by_autograd")
def test_fine_tuning_sees_each_image_once_an_epoch_and_skips_a_single_one(networks: dict[str, Network]) -> None:
    """33 images in batches of 16: the 33rd alone cannot pass batch norm."""
    seen: list[int] = []
    network = copy.deepcopy(networks["trained"])
    network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    tune(network, 33, 2)
    assert seen == [16, 16, 16, 16]
    seen.clear()
    tune(network, 40, 1)
    assert seen == [16, 16, 8]


def test_fine_tuning_can_be_stopped(networks: dict[str, Network]) -> None:
    def stop(share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        measure_tuned(networks["trained"], TUNING, "cpu", stop)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"train_images": 1}, "train_images 1, test_images 200: give at least 2 and 1"),
        ({"epochs": -1}, "epochs -1, batch 16: give 0 or more epochs"),
        ({"batch": 1}, "epochs 3, batch 1: give 0 or more epochs, 2 or more images"),
        ({"learning_rate": 0.0}, "learning_rate 0.0: give a number above 0"),
        ({"penalty": -1.0}, "penalty -1.0: it cannot be negative"),
    ],
)
def test_impossible_fine_tunings(fields: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(TUNING, **fields)
