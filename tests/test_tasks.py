"""Tasks: a sample is an index. Its pixels depend on (task, split, index, epoch, twin) and nothing else."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from invlab import backgrounds, objects, sources, tasks
from invlab.seeds import Generator
from invlab.tasks import (
    SPLITS,
    Rendered,
    Task,
    disjoint_transformations,
    draw_classes,
    pairs,
    paste,
    plan_pairs,
    render,
    transformation_draws,
)
from invlab.transforms import TRANSFORMS, folded, warp

PHOTOGRAPHS = 50
EVERY = tuple(TRANSFORMS)
MIXED = ("rotate", "hue", "blur")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A background set that is quick to make and large enough to tell two sequences apart."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for i in range(PHOTOGRAPHS):
        Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{i:02}.png")
    yield backgrounds.open_folder(folder)[0]
    backgrounds.backgrounds.cache_clear()


@pytest.fixture
def task(photographs: str) -> Task:
    return Task((5, 0, 40, 17), MIXED, backgrounds=photographs)


# ------------------------------------------------------------------------------------------------ a sample is an index


@pytest.mark.parametrize(
    "families", [MIXED, EVERY, EVERY[::-1], ("contrast", "pixelate", "sharpen"), ("noise", "elastic")]
)
def test_pixels_do_not_depend_on_order_batch_or_split_of_the_indices(task: Task, families: tuple[str, ...]) -> None:
    task = replace(task, transformations=families)
    whole = render(task, "train", range(150), epoch=1)
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    shuffled = render(task, "train", order, epoch=1)
    assert torch.equal(shuffled.images, whole.images[order])
    assert torch.equal(shuffled.labels, whole.labels[order])
    for batch in (1, 7, 64, 100):
        parts = [render(task, "train", range(i, min(150, i + batch)), epoch=1) for i in range(0, 150, batch)]
        assert torch.equal(torch.cat([p.images for p in parts]), whole.images)
        assert torch.equal(torch.cat([p.labels for p in parts]), whole.labels)
    repeated = render(task, "train", [3, 3, 149, 3], epoch=1)
    assert torch.equal(repeated.images, whole.images[[3, 3, 149, 3]])


def test_pixels_do_not_depend_on_the_block_of_rendering(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(task, "test", range(100)).images
    monkeypatch.setattr(tasks, "CPU_BLOCK", 9)
    assert torch.equal(render(task, "test", range(100)).images, before)


def test_far_indices_and_empty_batches(task: Task) -> None:
    assert render(task, "train", [10**9]).images.shape == (1, 3, 32, 32)
    empty = render(task, "train", [])
    assert (empty.images.shape, empty.labels.shape) == ((0, 3, 32, 32), (0,))


def test_rendering_leaves_the_shared_pictures_alone(task: Task) -> None:
    bank = objects.bank("drawn", 32).prototypes.clone()
    behind = backgrounds.backgrounds(task.backgrounds, 32).images.clone()
    render(replace(task, transformations=EVERY), "train", range(100))
    render(replace(task, transformations=()), "train", range(100)).images.zero_()
    assert torch.equal(objects.bank("drawn", 32).prototypes, bank)
    assert torch.equal(backgrounds.backgrounds(task.backgrounds, 32).images, behind)


# ----------------------------------------------------------------------------------------------- epochs, twins, splits


def test_pairs_stay_over_epochs_while_transformations_change(task: Task) -> None:
    task = replace(task, transformations=("brightness",))  # leaves alpha alone: where it is 0, the background shows
    first, later = (render(task, "train", range(60), epoch=epoch) for epoch in (0, 5))
    assert torch.equal(first.labels, later.labels)
    clear = (pairs(task, "train", range(60)).prototypes[:, 3:] == 0).expand(-1, 3, -1, -1)
    assert torch.equal(first.images[clear], later.images[clear])
    assert all(not torch.equal(a, b) for a, b in zip(first.images, later.images, strict=True))
    plain = replace(task, transformations=())
    assert torch.equal(render(plain, "train", range(60)).images, render(plain, "train", range(60), epoch=5).images)


def test_twins_share_object_and_background_and_nothing_else(task: Task) -> None:
    plain = replace(task, transformations=())
    assert torch.equal(render(plain, "test", range(60)).images, render(plain, "test", range(60), twin=1).images)
    first, second = (render(task, "test", range(60), twin=twin) for twin in (0, 1))
    assert torch.equal(first.labels, second.labels)
    assert all(not torch.equal(a, b) for a, b in zip(first.images, second.images, strict=True))


def test_no_draw_is_shared_between_splits_seeds_epochs_and_twins(task: Task) -> None:
    n = 5000
    settings = [
        (task.seed + seed, split, epoch, twin)
        for seed in (0, 1)
        for split in SPLITS
        for epoch in (0, 1)
        for twin in (0, 1)
    ]
    angles = []
    for seed, split, epoch, twin in settings:
        drawn = transformation_draws(replace(task, seed=seed), split, torch.arange(n), epoch, twin)
        angles.append(drawn[0]["angle"].double())
    for a, b in combinations(angles, 2):
        assert int((a == b).sum()) <= 1
    alike = torch.corrcoef(torch.stack(angles)).triu(1).abs()
    assert alike.max() < 5.5 / math.sqrt(n)


def test_splits_and_seeds_share_no_background_sequence(task: Task) -> None:
    """Two sequences agree as often as chance has it, however they are shifted against each other."""
    n = 5000
    plans = {
        (seed, split): plan_pairs(replace(task, seed=seed), split, torch.arange(n))
        for seed in (0, 1)
        for split in SPLITS
    }
    for what, choices in (("backgrounds", PHOTOGRAPHS), ("labels", len(task.classes))):
        chance = 1 / choices
        for (one, a), (other, b) in combinations(plans.items(), 2):
            for lag in range(-2, 3):
                agree = (getattr(a, what) == getattr(b, what).roll(lag)).double().mean()
                assert abs(agree - chance) < 5 * math.sqrt(chance * (1 - chance) / n), (what, one, other, lag)


def test_backgrounds_carry_no_label(task: Task) -> None:
    plan = plan_pairs(task, "train", torch.arange(20_000))
    table = torch.zeros(len(task.classes), PHOTOGRAPHS)
    table.index_put_((plan.labels, plan.backgrounds), torch.ones(20_000), accumulate=True)
    assert stats.chi2_contingency(table.numpy()).pvalue > 1e-4
    assert stats.chisquare(table.sum(0).numpy()).pvalue > 1e-4
    assert stats.chisquare(table.sum(1).numpy()).pvalue > 1e-4


def test_labels_are_positions_in_the_task(task: Task) -> None:
    plain = replace(task, transformations=())
    found = pairs(plain, "train", range(200))
    bank = objects.bank("drawn", 32)
    for prototype, label in zip(found.prototypes, found.labels.tolist(), strict=True):
        assert torch.equal(prototype, bank.prototypes[bank.labels == task.classes[label]][0])


def test_random_backgrounds_are_fresh_for_each_image(task: Task) -> None:
    task = replace(task, backgrounds="random")
    behind = pairs(task, "train", range(200)).backgrounds
    assert len(behind.flatten(1).unique(dim=0)) == 200
    assert abs(behind.mean() - 0.5) < 5 / math.sqrt(12 * behind.numel())
    assert torch.equal(behind[17:19], pairs(task, "train", [17, 18]).backgrounds)
    assert not torch.equal(behind, pairs(task, "test", range(200)).backgrounds)
    assert not torch.equal(behind, pairs(replace(task, seed=1), "train", range(200)).backgrounds)


# ----------------------------------------------------------------------------------------------------- the slow oracle


def slowly(task: Task, split: str, index: int, epoch: int, twin: int, fold: int = 0) -> np.ndarray:
    """One image, one family after the other, pasted in float64; the first `fold` families in one resampling."""
    generator = Generator.of("pairs", task.seed, split, indices=[index])
    label = int(generator.fork("object").integers(1, len(task.classes)))
    bank = objects.bank(task.objects, task.size)
    prototypes = bank.prototypes[bank.labels == task.classes[label]]
    image = prototypes[int(generator.fork("prototype").uniform(1) * len(prototypes))][None]
    which = int(backgrounds.pick(backgrounds.backgrounds(task.backgrounds, task.size), generator.fork("background")))
    behind = backgrounds.backgrounds(task.backgrounds, task.size).images[which].double() / 255
    draws = Generator.of("transformations", task.seed, split, twin, indices=[index], epoch=epoch)
    families = [(name, TRANSFORMS[name].sample(1, draws.fork(name, 1))) for name in task.transformations]
    if fold:
        image = warp(image, folded(task.transformations[:fold], [p for _, p in families[:fold]]))
    for name, parameters in families[fold:]:
        image = TRANSFORMS[name].apply(image, **parameters)
    rgba = image[0].double()
    return ((behind * (1 - rgba[3:]) + rgba[:3]) * 2 - 1).numpy()


@pytest.mark.parametrize(
    ("families", "fold"),
    [
        ((), 0),
        (MIXED, 0),
        (("noise", "h_flip", "contrast", "elastic", "translate"), 0),
        (("posterize", "erasing", "sharpen", "invert", "pixelate"), 0),
        (("brightness", "shear", "grayscale"), 0),
        (("rotate", "scale", "hue"), 2),
        (("shear", "translate", "rotate", "v_flip", "blur"), 4),
    ],
)
@pytest.mark.parametrize("size", [32, 64])
def test_rendering_equals_one_image_at_a_time(task: Task, families: tuple[str, ...], fold: int, size: int) -> None:
    task = replace(task, transformations=families, size=size, seed=3)
    found = render(task, "validation", range(70), epoch=2, twin=1).images.double().numpy()
    assert found.shape == (70, 3, size, size)
    for index in (0, 1, 2, 3, 4, 5, 30, 63, 64, 69):
        expected = slowly(task, "validation", index, 2, 1, fold)
        assert np.abs(found[index] - expected).max() < 1e-5


def test_every_cut_out_of_a_class_is_used(photographs: str, tmp_path: Path) -> None:
    for name, colours in {"a": ["red", "lime", "blue"], "b": ["white"]}.items():
        (tmp_path / name).mkdir()
        for colour in colours:
            picture = Image.new("RGBA", (20, 20), colour)
            picture.putpixel((0, 0), (0, 0, 0, 0))
            picture.save(tmp_path / name / f"{colour}.png")
    own, problems = objects.open_folder(tmp_path)
    assert problems == []
    task = Task((1, 0), objects=own, backgrounds=photographs)
    plan = plan_pairs(task, "train", torch.arange(6000))
    seen = plan.prototypes[plan.labels == 1].bincount()  # label 1 is the bank's first class, with three prototypes
    assert len(seen) == 3
    assert stats.chisquare(seen.numpy()).pvalue > 1e-4
    assert (plan.prototypes[plan.labels == 0] == 3).all()
    index = int((plan.labels == 1).nonzero()[0])
    colour = pairs(task, "train", [index]).prototypes[0, :3, 16, 16]
    assert colour.sum() == pytest.approx(1, abs=0.01)
    assert np.abs(render(task, "train", [index]).images[0].numpy() - slowly(task, "train", index, 0, 0)).max() < 1e-5


def test_pasting() -> None:
    half = torch.tensor([0.5, 0.0, 0.25, 0.5]).view(1, 4, 1, 1)
    behind = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)
    assert paste(half, behind).flatten().tolist() == [1.0, -0.5, -0.5]
    out = torch.empty(1, 3, 1, 1)
    assert paste(half, behind, out=out) is out


def test_pasting_on_bytes_equals_pasting_on_floats() -> None:
    generator = torch.Generator().manual_seed(0)
    foregrounds = torch.rand(5, 4, 32, 32, generator=generator)
    behind = torch.randint(0, 256, (5, 3, 32, 32), generator=generator, dtype=torch.uint8)
    assert (paste(foregrounds, behind) - paste(foregrounds, behind.float() / 255)).abs().max() < 1e-6
    expected = (behind.double() / 255 * (1 - foregrounds[:, 3:].double()) + foregrounds[:, :3].double()) * 2 - 1
    assert (paste(foregrounds, behind) - expected).abs().max() < 1e-6


# ------------------------------------------------------------------------------------------------------ what comes out


@pytest.fixture
def few_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Drawing all 13,000 pictures takes a minute."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setattr("invlab.photographs.PICTURES", (3, 1, 1))
    objects.bank.cache_clear()
    tasks._prototypes.cache_clear()
    tasks._on_device.cache_clear()
    yield
    objects.bank.cache_clear()
    tasks._prototypes.cache_clear()
    tasks._on_device.cache_clear()


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("behind", ["random", "black"])
@pytest.mark.parametrize("what", [name for name in objects.OBJECTS if sources.available(name)])
def test_images_are_in_range(what: str, behind: str, size: int, few_pictures: None) -> None:
    task = Task((1, 2, 3), EVERY, what, behind, size)
    images, labels = render(task, "train", range(80))
    assert images.shape == (80, 3, size, size)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert images.min() >= -1 - 1e-5
    assert images.max() <= 1 + 1e-5
    assert set(labels.tolist()) == {0, 1, 2}
    assert task.labels == 3


@pytest.fixture
def few_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setattr(backgrounds, "SCENES_PER_CLASS", 2)
    backgrounds.backgrounds.cache_clear()
    yield
    backgrounds.backgrounds.cache_clear()


def test_the_defaults_render(few_scenes: None) -> None:
    images, labels = render(Task((0, 1)), "test", range(100))
    assert images.min() < -0.8
    assert images.max() > 0.8
    assert set(labels.tolist()) == {0, 1}


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_uniform(task: Task, split: str) -> None:
    counts = plan_pairs(replace(task, classes=tuple(range(30))), split, torch.arange(30_000)).labels.bincount()
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4


@pytest.mark.gpu
def test_a_gpu_renders_the_same_images(task: Task) -> None:
    task = replace(task, transformations=EVERY)
    here, there = (render(task, "train", range(200), device=device) for device in ("cpu", "cuda"))
    assert torch.equal(here.labels, there.labels.cpu())
    assert ((here.images - there.images.cpu()).abs() > 1e-2).float().mean() < 1e-3


# -------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"classes": ()}, r"classes \(\): name at least one class, each once"),
        ({"classes": (1, 2, 1)}, r"classes \(1, 2, 1\): name at least one class, each once"),
        ({"classes": (3, -1)}, r"classes: -1 is no index; count classes from 0"),
        ({"transformations": ("rotate", "spin")}, r"there is no transformation 'spin'; choose from scale, translate"),
        ({"size": 15}, r"size 15: choose 16 to 512 pixels"),
        ({"size": 513}, r"size 513: choose 16 to 512 pixels"),
    ],
)
def test_a_task_that_cannot_be_is_refused(fields: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Task(**({"classes": (0,)} | fields))


def test_what_only_rendering_can_know(task: Task) -> None:
    with pytest.raises(ValueError, match="class 64: the objects 'drawn' have 64 classes, counted from 0"):
        render(replace(task, classes=(0, 64)), "train", [0])
    with pytest.raises(ValueError, match="there is no split 'training'; choose from train, validation, test"):
        render(task, "training", [0])
    with pytest.raises(ValueError, match="there are no objects 'cars'"):
        render(replace(task, objects="cars"), "train", [0])
    with pytest.raises(ValueError, match="unknown background set 'sky'"):
        render(replace(task, backgrounds="sky"), "train", [0])


# ---------------------------------------------------------------------------------------------- rendered sets in memory


class Slow:
    """Stands for `render`, counts its calls and takes its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls: list[tuple] = []
        self.seconds = seconds

    def __call__(
        self, task: Task, split: str, indices: range, twin: int = 0, device: str = "cpu", redraw: str = ""
    ) -> tasks.Batch:
        self.calls.append((task, split, len(indices), twin))
        time.sleep(self.seconds)
        return tasks.Batch(torch.zeros(len(indices), 3, 16, 16), torch.zeros(len(indices), dtype=torch.int64))


IMAGE = 3 * 16 * 16 * 4  # bytes


def test_a_set_is_what_render_gives(task: Task) -> None:
    found = Rendered().get(task, "test", 20, twin=1)
    expected = render(task, "test", range(20), twin=1)
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.labels, expected.labels)


def test_concurrent_requests_cost_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(0.05)
    monkeypatch.setattr(tasks, "render", slow)
    sets, ready, found = Rendered(), threading.Barrier(8), []

    def ask(number: int) -> None:
        ready.wait()
        found.append((number % 2, sets.get(Task((0,)), "test", 10, twin=number % 2)))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(call[3] for call in slow.calls) == [0, 1]
    assert len({(twin, id(batch)) for twin, batch in found}) == 2


def test_threads_that_ask_for_the_same_pairs_render_a_side_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one renders the first side, another begins with the second; both get both, each rendered once."""
    monkeypatch.setattr(tasks, "render", Slow(0.3))
    sets, orders = Rendered(), []

    def ask() -> None:
        asked = [(twin, list(parts)) for twin, parts in sets.twins(Task((0,)), "test", 10)]
        orders.append([twin for twin, _ in asked])
        assert all(len(parts[0].labels) == 10 for _, parts in asked)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert sorted(orders) == [[0, 1], [1, 0]]
    assert sorted(call[3] for call in tasks.render.calls) == [0, 1]
    assert [twin for twin, _ in sets.twins(Task((0,)), "test", 10)] == [0, 1]


def test_different_sets_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    monkeypatch.setattr(tasks, "render", slow)
    sets, base = Rendered(), Task((0,))
    asked = [
        (base, "test", 4, 0),
        (base, "train", 4, 0),
        (base, "test", 5, 0),
        (base, "test", 4, 1),
        (replace(base, seed=1), "test", 4, 0),
    ]
    for one in asked * 2:
        sets.get(*one)
    assert slow.calls == asked


def test_memory_is_limited_and_the_oldest_set_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    monkeypatch.setattr(tasks, "render", slow)
    sets, base = Rendered(limit_bytes=25 * IMAGE), Task((0,))
    for split in SPLITS:
        sets.get(base, split, 10)
    sets.get(base, "validation", 10)
    sets.get(base, "test", 10)
    assert len(slow.calls) == 3
    sets.get(base, "train", 10)
    assert len(slow.calls) == 4
    assert len(sets.get(base, "train", 1000).images) == 1000  # larger than the limit: served all the same
    sets.get(base, "train", 1000)
    assert len(slow.calls) == 5


def test_a_failed_rendering_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = Rendered()
    with pytest.raises(ValueError, match="class 99"):
        sets.get(Task((99,), backgrounds="black"), "test", 3)
    with pytest.raises(ValueError, match="class 99"):
        sets.get(Task((99,), backgrounds="black"), "test", 3)
    assert len(sets.get(Task((9,), backgrounds="black"), "test", 3).labels) == 3


# ------------------------------------------------------------------------------------------------------ random choices


def test_classes_are_drawn_without_overlap() -> None:
    for seed in range(5):
        first, second = draw_classes("drawn", 30, seed), draw_classes("drawn", 30, seed, skip=30)
        assert len(set(first)) == len(set(second)) == 30
        assert not set(first) & set(second)
        assert set(first) | set(second) <= set(range(64))
        assert draw_classes("drawn", 10, seed) == first[:10]
    assert draw_classes("drawn", 64, 0) != draw_classes("drawn", 64, 1)
    with pytest.raises(ValueError, match="classes: 66 are needed, the objects 'drawn' have 64; ask for fewer"):
        draw_classes("drawn", 33, 0, skip=33)


def test_drawn_classes_are_pinned() -> None:
    assert draw_classes("drawn", 5, 0) == (38, 57, 46, 35, 30)
    assert draw_classes("drawn", 5, 1, skip=5) == (2, 45, 21, 55, 61)


def test_every_class_is_drawn_alike() -> None:
    counts = np.bincount([c for seed in range(400) for c in draw_classes("random", 16, seed)], minlength=128)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(
    "names", [MIXED, ("scale", "rotate", "shear"), ("noise",), ("invert", "hue", "blur", "noise"), ()]
)
def test_disjoint_transformations_keep_the_groups(names: tuple[str, ...]) -> None:
    choices = set()
    for seed in range(30):
        found = disjoint_transformations(names, seed)
        assert found == disjoint_transformations(names, seed)
        assert [TRANSFORMS[f].group for f in found] == [TRANSFORMS[n].group for n in names]
        assert len(set(found)) == len(names)
        assert not set(found) & set(names)
        choices.add(found)
    assert len(choices) > 1 or not names


def test_disjoint_transformations_are_pinned_and_can_run_out() -> None:
    assert disjoint_transformations(MIXED, 0) == ("h_flip", "grayscale", "erasing")
    geometric = [t.name for t in TRANSFORMS.values() if t.group == "geometric"]
    with pytest.raises(ValueError, match="no geometric transformation is left that is disjoint from scale, translate"):
        disjoint_transformations(geometric[:4], 0)
    with pytest.raises(ValueError, match="there is no transformation 'spin'; choose from scale"):
        disjoint_transformations(["spin"], 0)


# --------------------------------------------------------------------------------- two things in one image, and splits


@pytest.fixture
def labelled(monkeypatch: pytest.MonkeyPatch) -> str:
    """A background set of 10 classes whose pictures belong to splits; background *b* is uniformly b / 255 bright."""
    splits = torch.arange(200) % 4  # of four: train, validation, test, and some that belong to none
    pixels = torch.arange(200, dtype=torch.uint8)[:, None, None, None].expand(200, 3, 32, 32).clone()
    made = backgrounds.BackgroundSet(
        "labelled", 32, pixels, torch.arange(200) // 20, tuple(f"class {i}" for i in range(10)), splits
    )
    other = backgrounds.backgrounds
    monkeypatch.setattr(tasks, "backgrounds", lambda name, size: made if name == "labelled" else other(name, size))
    return "labelled"


BOTH = Task(tuple(range(10, 20)), label="background", placement="corner")


def test_a_background_appears_in_its_split_alone(labelled: str) -> None:
    task = replace(BOTH, backgrounds=labelled)
    for number, split in enumerate(SPLITS):
        behind = plan_pairs(task, split, torch.arange(5000)).backgrounds
        assert set(behind.tolist()) == {b for b in range(200) if b % 4 == number}
        assert stats.chisquare(behind.bincount()[number::4].numpy()).pvalue > 1e-4


def test_a_task_can_ask_for_the_background(labelled: str) -> None:
    task = replace(BOTH, backgrounds=labelled)
    plan = plan_pairs(task, "train", torch.arange(3000))
    assert task.labels == 10
    assert torch.equal(plan.labels, plan.backgrounds // 20)
    asked_for_object = plan_pairs(replace(task, label="object"), "train", torch.arange(3000))
    assert torch.equal(asked_for_object.prototypes, plan.prototypes)
    assert torch.equal(asked_for_object.backgrounds, plan.backgrounds)  # the same images, another question
    independent = stats.contingency.crosstab(plan.labels.numpy(), asked_for_object.labels.numpy()).count
    assert stats.chi2_contingency(independent).pvalue > 1e-4


def test_backgrounds_without_classes_cannot_be_asked_for(photographs: str) -> None:
    with pytest.raises(ValueError, match="no classes that could be named"):
        plan_pairs(replace(BOTH, backgrounds=photographs), "train", torch.arange(3))
    with pytest.raises(ValueError, match="give as many"):
        plan_pairs(replace(BOTH, classes=(0, 1), backgrounds="scenes", correlation=0.5), "train", torch.arange(3))


@pytest.mark.parametrize(("name", "value"), [("label", "both"), ("placement", "left")])
def test_unknown_words_list_the_valid_ones(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} '{value}': choose from"):
        Task((0, 1), **{name: value})


@pytest.mark.parametrize("name", ["correlation", "availability"])
def test_probabilities_are_probabilities(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} 1.5: give a probability"):
        Task((0, 1), **{name: 1.5})


@pytest.mark.parametrize("strength", [0.0, 0.4, 0.9, 1.0])
def test_correlation_is_the_share_of_objects_that_go_with_the_picture(labelled: str, strength: float) -> None:
    task = replace(BOTH, backgrounds=labelled, label="object", correlation=strength)
    plan = plan_pairs(task, "train", torch.arange(20_000))
    agree = (plan.labels == plan.backgrounds // 20).float().mean().item()
    assert agree == pytest.approx(strength + (1 - strength) / 10, abs=0.012)


def test_full_correlation_makes_the_two_labels_a_bijection(labelled: str) -> None:
    task = replace(BOTH, backgrounds=labelled, correlation=1.0)
    pictures = plan_pairs(task, "test", torch.arange(4000))
    objects_ = plan_pairs(replace(task, label="object"), "test", torch.arange(4000))
    pairs_seen = set(zip(pictures.labels.tolist(), objects_.labels.tolist(), strict=True))
    assert pairs_seen == {(k, k) for k in range(10)}
    assert torch.equal(objects_.prototypes, objects_.labels + 10)  # class k of the picture has object k of the task


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_availability_is_the_share_of_images_with_an_object(labelled: str, p: float) -> None:
    task = replace(BOTH, backgrounds=labelled, availability=p)
    bare = replace(task, availability=0.0)
    with_objects, without = render(task, "train", range(1500)), render(bare, "train", range(1500))
    shown = (with_objects.images - without.images).abs().amax((1, 2, 3)) > 0.05
    assert shown.float().mean().item() == pytest.approx(p, abs=0.04)
    uniform = without.images.amax((1, 2, 3)) - without.images.amin((1, 2, 3))
    assert uniform.max() == 0  # nothing but the picture is left


def box(task: Task, index: int, epoch: int = 0) -> tuple[int, int, int, int]:
    """First and last column, first and last row of what stands on a black background."""
    seen = render(task, "train", [index], epoch).images[0].amax(0) > -0.97
    rows, columns = seen.any(1).nonzero()[:, 0], seen.any(0).nonzero()[:, 0]
    return int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])


def test_an_object_stands_in_the_corner() -> None:
    task = Task((0, 1, 2), objects="random", backgrounds="black", placement="corner")
    for index in range(20):
        left, right, top, bottom = box(task, index)
        assert left in (19, 20)
        assert right == 31
        assert top in (1, 2)
        assert bottom in (13, 14)


def test_an_object_stands_anywhere_inside_and_moves_with_the_epoch() -> None:
    task = Task((0, 1, 2), objects="random", backgrounds="black", placement="anywhere")
    found = np.array([box(task, index) for index in range(150)])
    assert ((found[:, 1] - found[:, 0]) >= 11).all()  # never cut off
    assert ((found[:, 3] - found[:, 2]) >= 11).all()
    assert found[:, 0].min() <= 1
    assert found[:, 1].max() >= 30
    assert found[:, 2].min() <= 1
    assert found[:, 3].max() >= 30
    assert box(task, 5) != box(task, 5, epoch=1)


@pytest.mark.parametrize("placement", tasks.PLACEMENTS)
def test_swapping_changes_one_thing_alone(labelled: str, placement: str) -> None:
    task = replace(BOTH, backgrounds=labelled, placement=placement, transformations=("hue",))
    rows = torch.arange(2000)
    first = plan_pairs(task, "test", rows)
    for anew, changed, kept in (("object", "prototypes", "backgrounds"), ("background", "backgrounds", "prototypes")):
        second = plan_pairs(task, "test", rows, anew=anew)
        assert torch.equal(getattr(first, kept), getattr(second, kept))
        same = (getattr(first, changed) == getattr(second, changed)).float().mean().item()
        assert same == pytest.approx(0.1 if anew == "object" else 1 / 50, abs=0.025)  # an independent draw
    alone = replace(task, backgrounds="black", label="object")
    one, other = (render(alone, "test", range(40), twin=t, redraw="background").images for t in (0, 1))
    assert torch.equal(one, other)  # the object keeps its place and its transformation
    one, other = (render(alone, "test", range(40), twin=t, redraw="object").images for t in (0, 1))
    assert not torch.equal(one, other)
    with pytest.raises(ValueError, match="redraw 'all': choose from"):
        render(task, "test", [0], redraw="all")


def test_photographs_are_opaque_objects_that_fill_the_canvas(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.arange(12, dtype=torch.uint8)[:, None, None, None].mul(20).expand(12, 3, 32, 32).clone()
    splits = torch.tensor([0, 1, 2] * 4)
    photographs = objects.Bank("photographs", pixels, torch.arange(12) // 6, ("a", "b"), splits)
    monkeypatch.setattr(tasks, "bank", lambda name, size: photographs)
    tasks._prototypes.cache_clear()
    tasks._on_device.cache_clear()
    task = Task((1, 0), objects="photographs", backgrounds="black")
    for number, split in enumerate(SPLITS):
        plan = plan_pairs(task, split, torch.arange(400))
        assert set(plan.prototypes.tolist()) == {p for p in range(12) if p % 3 == number}
        assert torch.equal(plan.labels, 1 - plan.prototypes // 6)
        images = render(task, split, range(400)).images
        expected = plan.prototypes.float() * 20 / 255 * 2 - 1
        assert (images - expected[:, None, None, None]).abs().max() < 1e-5
    tasks._prototypes.cache_clear()
    tasks._on_device.cache_clear()
