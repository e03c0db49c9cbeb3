"""A task that is too large to be kept is never held: the same numbers, and few pixels in memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from invlab import disagreement, export, information, sensitivity, tasks, training, transfer
from invlab.disagreement import Disagreement
from invlab.distances import DISTANCES, by_rows, linear_cka
from invlab.information import Information
from invlab.intervals import ratio_bootstrap, ratio_bootstraps
from invlab.networks import Network, build
from invlab.representations import BATCH, represent, represent_set
from invlab.sensitivity import Sensitivity, TwinPairs
from invlab.tasks import PART_MULTIPLE, Batch, Rendered, Task, render
from invlab.training import Training
from invlab.transfer import FineTuning, Transfer

TASK = Task((0, 1, 2), ("rotate", "hue"), backgrounds="black", size=16)
IMAGE = 3 * 16**2 * 4  # bytes
COUNT = 2 * PART_MULTIPLE + 40
TRAINING = Training(TASK, images=64, batch=16)


@pytest.fixture
def network() -> Network:
    return build("labnet", 3, torch.Generator().manual_seed(0))


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of more than 100 images are rendered in parts of the smallest size."""
    monkeypatch.setattr(tasks, "PART_BYTES", 1)
    monkeypatch.setattr(tasks.rendered, "limit_bytes", 100 * IMAGE)


class Live:
    """How many rendered images are in memory at once, at most; told by tensors that `render` has made."""

    def __init__(self) -> None:
        self.now = self.most = self.made = 0

    def render(self, *asked: object, **named: object) -> Batch:
        batch = render(*asked, **named)  # type: ignore[arg-type]
        count = len(batch.images)
        self.now, self.made = self.now + count, self.made + count
        self.most = max(self.most, self.now)
        weakref.finalize(batch.images.untyped_storage(), self.gone, count)
        return batch

    def gone(self, count: int) -> None:
        self.now -= count


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    counted = Live()
    for module in (tasks, training, export):
        monkeypatch.setattr(module, "render", counted.render)
    tasks.rendered._sets.clear()
    yield counted
    tasks.rendered._sets.clear()


# ------------------------------------------------------------------------------------- the same numbers, part by part


def test_parts_are_the_whole_set_in_order() -> None:
    streaming, keeping = Rendered(10 * IMAGE), Rendered()
    whole = keeping.get(TASK, "test", COUNT, 1, redraw="object")
    parts = list(streaming.parts(TASK, "test", COUNT, 1, redraw="object"))
    assert not streaming._sets
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)
    (kept,) = keeping.parts(TASK, "test", COUNT, 1, redraw="object")
    assert kept is whole


@pytest.mark.parametrize(("limit", "kept"), [(COUNT * IMAGE, True), (COUNT * IMAGE - 1, False)])
def test_the_limit_says_what_is_kept(limit: int, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PART_BYTES", 1)
    sets = Rendered(limit)
    assert sets.keeps(TASK, COUNT) == kept
    sizes = [len(part.labels) for part in sets.parts(TASK, "test", COUNT)]
    assert sizes == ([COUNT] if kept else [PART_MULTIPLE, PART_MULTIPLE, 40])
    assert len(sets._sets) == kept


def test_parts_grow_with_what_may_be_rendered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for images, size in ((1, 256), (511, 256), (512, 512), (5000, COUNT)):
        monkeypatch.setattr(tasks, "PART_BYTES", images * IMAGE)
        assert max(len(part.labels) for part in Rendered(0).parts(TASK, "test", COUNT)) == min(size, COUNT)


def test_networks_see_whole_batches_of_a_part() -> None:
    assert PART_MULTIPLE % BATCH == 0


def test_chosen_samples_are_those_of_the_set() -> None:
    rows = torch.tensor([5, 0, 299, 5])
    kept = Rendered().chooser(TASK, "train", 300)(rows)
    fresh = Rendered(0).chooser(TASK, "train", 300)(rows)
    assert torch.equal(kept.images, fresh.images)
    assert torch.equal(kept.labels, fresh.labels)


def test_features_of_parts_are_those_of_the_whole(network: Network) -> None:
    whole = render(TASK, "test", range(COUNT))
    seen = represent_set(network, Rendered(0).parts(TASK, "test", COUNT))
    assert torch.equal(seen.features, represent(network, whole.images))
    assert torch.equal(seen.labels, whole.labels)


def measured(network: Network) -> dict[str, object]:
    """Every measure that goes through a whole set."""
    other = replace(TRAINING, seed=1)
    networks = (network, build("labnet", 3, torch.Generator().manual_seed(1)))
    return {
        "sensitivity": sensitivity.measure(network, Sensitivity(TRAINING, TASK, COUNT), "cpu"),
        "swapped": sensitivity.measure(network, Sensitivity(TRAINING, TASK, COUNT, redraw="object"), "cpu"),
        "twins": sensitivity.twin_distances(network, TwinPairs(TRAINING, TASK, COUNT), "cpu"),
        "transfer": transfer.measure(network, Transfer(TRAINING, TASK, COUNT, 300), "cpu"),
        "tuning": transfer.measure_tuned(network, FineTuning(TRAINING, TASK, 120, 300, epochs=2), "cpu"),
        "information": information.decode(network, Information(TRAINING, TASK, 300, 300), "cpu"),
        "disagreement": disagreement.disagree(networks, Disagreement((TRAINING, other), TASK, 300, 300), "cpu"),
    }


def test_every_measure_is_the_same_whether_its_images_are_kept_or_not(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.rendered, "limit_bytes", 2**30)
    kept = measured(network)
    monkeypatch.setattr(tasks, "PART_BYTES", 1)
    monkeypatch.setattr(tasks.rendered, "limit_bytes", 0)
    assert measured(network) == kept


def test_rows_at_a_time_are_all_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = torch.randn(2, 101, 7, generator=torch.Generator().manual_seed(0)) + 3
    partner = torch.randperm(101, generator=torch.Generator().manual_seed(1))
    plain = {name: (distance(a, b), distance(a, b[partner])) for name, distance in DISTANCES.items()}
    centred_a, centred_b = (x.double() - x.double().mean(0) for x in (a, b))
    cka = (centred_a.T @ centred_b).square().sum() / (
        (centred_a.T @ centred_a).norm() * (centred_b.T @ centred_b).norm()
    )
    for rows in (1, 10, 101, 500):
        monkeypatch.setattr("invlab.distances.ROWS", rows)
        for name, distance in DISTANCES.items():
            assert torch.allclose(by_rows(distance, a, b), plain[name][0])
            assert torch.allclose(by_rows(distance, a, b, partner), plain[name][1])
        assert linear_cka(a, b) == pytest.approx(float(cka), rel=1e-12)


def test_an_interval_of_many_rows_takes_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples at a time, from the same stream of random numbers."""
    n = 20_011  # 49 at a time
    above, below = torch.rand(2, n, generator=torch.Generator().manual_seed(0))
    draws = torch.randint(n, (120, n), generator=torch.Generator().manual_seed(1))
    slow = (above.double()[draws].sum(1) / below.double()[draws].sum(1)).quantile(
        torch.tensor([0.025, 0.975], dtype=torch.float64)
    )
    low, high = ratio_bootstrap(above, below, torch.Generator().manual_seed(1), 120)
    assert [low, high] == pytest.approx(slow.tolist(), rel=1e-12)
    ((low, high),) = ratio_bootstraps(above[None], below, torch.Generator().manual_seed(1), 120)
    assert [low, high] == pytest.approx(slow.tolist(), rel=1e-12)


# ------------------------------------------------------------------------------------------------- pixels in memory


@pytest.mark.parametrize("what", ["sensitivity", "twins", "transfer", "tuning"])
def test_measuring_holds_two_parts_of_each_set_at_most(
    what: str, network: Network, live: Live, small_limit: None
) -> None:
    count = 5 * PART_MULTIPLE
    work = {
        "sensitivity": lambda: sensitivity.measure(network, Sensitivity(TRAINING, TASK, count), "cpu"),
        "twins": lambda: sensitivity.twin_distances(network, TwinPairs(TRAINING, TASK, count), "cpu"),
        "transfer": lambda: transfer.measure(network, Transfer(TRAINING, TASK, count, count), "cpu"),
        "tuning": lambda: transfer.measure_tuned(
            network, FineTuning(TRAINING, TASK, count, count, epochs=1, batch=128), "cpu"
        ),
    }
    work[what]()
    gc.collect()
    assert live.made >= 2 * count
    assert live.most <= (4 if what == "twins" else 2) * PART_MULTIPLE
    assert live.now == 0


@pytest.mark.parametrize("images", [1, 64])
@pytest.mark.parametrize(("ahead", "blocks"), [(False, 2), (True, 3)])
def test_training_holds_few_blocks(
    ahead: bool, blocks: int, images: int, network: Network, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "RENDERED_AT_ONCE", (images, images))
    spec = replace(TRAINING, images=640)
    steps = sum(1 for _ in training.train(network, spec, "cpu", ahead))
    assert steps == 40
    assert live.made == 640
    assert live.most <= blocks * max(spec.batch, 4 * images)  # of 16 pixels a side, not 32


@pytest.mark.parametrize("write", [export.write_dataset, export.write_tensors])
def test_writing_a_data_set_holds_few_blocks(
    write: object, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BLOCK", 16)
    write(TASK, tmp_path / "set", {"train": 200, "test": 40})  # type: ignore[operator]
    assert live.made == 240
    assert live.most <= 2 * 16


MEMORY = """
import re, sys
from pathlib import Path
import torch
from invlab import sensitivity, tasks, transfer
from invlab.sensitivity import Sensitivity
from invlab.tasks import Task
from invlab.training import Training
from invlab.transfer import Transfer

def most():
    # Not `ru_maxrss`: a process inherits that of the one that started it.
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

class Means(torch.nn.Module):
    def features(self, images):
        return images.mean((2, 3))

torch.set_num_threads(1)
task = Task((0, 1), backgrounds="black", size=128)
training = Training(task, images=16, batch=16)
network = Means()
tasks.rendered.limit_bytes, tasks.PART_BYTES, tasks.PART_MULTIPLE = int(sys.argv[2]), 1, 32
for count in (300, int(sys.argv[1])):
    before = most()
    sensitivity.measure(network, Sensitivity(training, task, count), "cpu")
    transfer.measure(network, Transfer(training, task, count, 10), "cpu")
print(most() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_the_memory_of_a_process_does_not_grow_with_the_task() -> None:
    """1,000 images of 128 pixels are 197 MB; their features 12 kB. Kept, the same sets take their size."""

    def grown(limit: int) -> int:
        command = [sys.executable, "-c", MEMORY, "1000", str(limit)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert grown(0) < 100e6  # half of one set; there are three
    assert grown(2**30) > 300e6
