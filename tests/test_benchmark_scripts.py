"""What the benchmarks compare is comparable: the same images, the same loss, the same numbers, and honest peaks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks import memory, probe
from invlab import benchmarks, tasks, transfer
from invlab.networks import build
from invlab.seeds import torch_generator
from invlab.sensitivity import Sensitivity
from invlab.tasks import Rendered, Task, pairs, paste, render
from invlab.training import Training

ROOT = Path(__file__).parents[1]
KORNIA = "kornia is a peer that only benchmarks need (benchmarks/requirements.txt)"
PLAIN = Task(classes=(0, 1, 2), backgrounds="black")


@pytest.fixture(scope="module")
def features() -> tuple[torch.Tensor, torch.Tensor]:
    """(300, 8) of three overlapping classes, and their labels."""
    generator = torch_generator("features")
    labels = torch.arange(300) % 3
    return torch.randn(300, 8, generator=generator) + 1.5 * F.one_hot(labels, 8), labels


# ---------------------------------------------------------------------------------------------------------------- probe


def test_the_usual_probe_finds_what_ours_finds(
    features: tuple[torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both minimise one loss. The usual one standardises by its batches, so it comes near to the least, not to it."""
    seen, labels = features
    monkeypatch.setattr(probe, "RATES", (0.001, 0.03))
    rate = probe.best_rate(seen, labels, 3, 1.0)
    assert rate == 0.03
    tail = probe.learn(probe.Tail(8, 3), seen.__getitem__, labels, rate, 1.0, probe.EPOCHS)
    ours = transfer.fit(seen, labels, 3, 1.0)

    def loss(scores: torch.Tensor, weights: torch.Tensor) -> float:
        return float(F.cross_entropy(scores, labels) + weights.square().sum() / (2 * len(labels)))

    least = loss(ours.scores(seen), ours.weights)
    with torch.no_grad():
        scores = tail(seen)
        found = loss(scores, tail.linear.weight)
    assert least <= found <= 1.1 * least
    assert float((scores.argmax(1) == ours(seen)).float().mean()) > 0.95
    blind = loss(torch.zeros(300, 3), torch.zeros(1))
    assert blind > 1.5 * least  # the loss tells a fitted probe from none


def test_the_usual_probe_runs_the_network_in_every_epoch_and_sees_every_image() -> None:
    network = build("labnet", 3, torch_generator("weights"), "cpu")
    images = torch.rand(200, 3, 32, 32, generator=torch_generator("images")) * 2 - 1
    seen: list[int] = []
    features_of = probe.through(network, images)

    def counted(rows: torch.Tensor) -> torch.Tensor:
        seen.extend(rows.tolist())
        return features_of(rows)  # type: ignore[operator]

    before = {name: value.clone() for name, value in network.state_dict().items()}
    width = network.features(images[:2]).shape[1]
    probe.learn(probe.Tail(width, 3), counted, torch.arange(200) % 3, 0.01, 1.0, epochs=2)
    assert sorted(seen) == sorted([*range(200)] * 2)
    assert seen[:200] != seen[200:]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())  # it is frozen


# ------------------------------------------------------------------------------------------------- pipeline and matrix


def test_the_usual_pipeline_gives_the_tasks_own_images() -> None:
    """Without transformations the two draw the same picture, to the rounding of bytes."""
    pipeline = pytest.importorskip("benchmarks.pipeline", reason=KORNIA)
    samples = pipeline.Samples(PLAIN, 12, "test")
    ours = render(PLAIN, "test", range(12))
    images = torch.from_numpy(np.stack([samples[i][0] for i in range(12)]))
    assert [samples[i][1] for i in range(12)] == ours.labels.tolist()
    assert images.dtype == torch.float32
    assert images.shape == ours.images.shape
    base = pairs(PLAIN, "test", range(12))
    assert torch.equal(paste(base.prototypes, base.backgrounds), ours.images)
    assert float((images - ours.images).abs().mean()) < 0.02
    assert float((images - ours.images.flip(0)).abs().mean()) > 0.1  # other images are far off


def test_an_epoch_of_the_loader_has_every_image_once() -> None:
    pipeline = pytest.importorskip("benchmarks.pipeline", reason=KORNIA)
    batches = list(pipeline.loader(PLAIN, 10, 4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    wanted = pairs(PLAIN, "train", range(10)).labels
    assert torch.cat([labels for _, labels in batches]).sort().values.tolist() == wanted.sort().values.tolist()


def test_a_training_fed_by_the_loader_takes_every_step_of_an_epoch() -> None:
    pipeline = pytest.importorskip("benchmarks.pipeline", reason=KORNIA)
    spec = Training(PLAIN, images=16, batch=8)
    pipeline.learn(spec, pipeline.loader(PLAIN, 16, 8))
    with pytest.raises(RuntimeError, match="1 steps were learned, and not the 2"):
        pipeline.learn(spec, pipeline.loader(PLAIN, 8, 8))


def test_cells_by_themselves_render_again_and_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = pytest.importorskip("benchmarks.matrix", reason=KORNIA)
    task = Task(classes=(0, 1, 2), backgrounds="black", transformations=("rotate",))
    networks = {name: build("labnet", 3, torch_generator("weights", name), "cpu") for name in ("a", "b", "c")}
    cells = [(name, Sensitivity(Training(task, seed=i), task, pairs=20)) for i, name in enumerate(networks)]
    rendered: list[int] = []
    monkeypatch.setattr(tasks, "render", lambda *a, **k: rendered.append(1) or render(*a, **k))
    ours = matrix.measured(networks, cells, Rendered)
    shared = len(rendered)
    alone = matrix.measured(networks, cells, matrix.EachAnew)
    assert ours == alone
    assert len(set(ours)) == 3
    assert (shared, len(rendered) - shared) == (2, 6)  # both twins: once for all, once for each


# --------------------------------------------------------------------------------------------------------------- memory


def test_a_peak_is_of_the_process_and_does_not_go_down() -> None:
    plain = memory.of_program("")
    large = memory.of_program("held = bytearray(200_000_000); held[::4096] = bytes(len(held[::4096])); del held")
    assert large - plain == pytest.approx(200, abs=15)
    assert 5 < plain < 60
    assert memory.peak(os.getpid()) > plain


def test_a_process_that_rests_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "QUIET_SECONDS", 0.3)
    program = (
        "import time\nheld = []\nfor _ in range(8): held.append(bytearray(20_000_000)); time.sleep(0.1)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program.replace("bytearray(20_000_000)", "b'x' * 20_000_000")])
    try:
        assert memory.settled(process.pid, 20) > 160
        with pytest.raises(TimeoutError, match="still grows"):
            memory.settled(process.pid, 0.1)
    finally:
        process.kill()
        process.wait()


def test_what_the_guide_tells_of_memory_is_aimed_at_and_measured() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text()
    table = guide[guide.index("## How large a machine") : guide.index("More is needed")]
    rows = re.findall(r"\| ([\d,.]+) MB \| ([\d,.]+) MB \|", table)
    (found,) = (one for one in benchmarks.results() if (one.benchmark, one.machine) == ("memory", "2-core-x86_64"))
    assert [aim for aim, _ in rows] == [benchmarks.number(claim.aim) for claim in found.claims]
    assert [measured for _, measured in rows] == [benchmarks.number(claim.value) for claim in found.claims]
    alone = json.loads((ROOT / "benchmarks" / "results" / "memory-2-core-x86_64.json").read_text())["torch_alone"]
    assert f"GPU libraries takes {benchmarks.number(alone)} MB" in guide
