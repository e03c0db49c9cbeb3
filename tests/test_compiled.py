"""The compiled kernels: torch's pixels for every family, mix, size and batch; and torch itself where they fail."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch

from invlab import compiled, tasks, transforms
from invlab.seeds import Generator
from invlab.tasks import Task, paste, render
from invlab.transforms import TRANSFORMS, Parameters, identity_parameters, transform, warp

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

STEP_OF = {
    **{name: name for name in TRANSFORMS},
    **dict.fromkeys(("scale", "translate", "rotate", "shear"), "warp"),
    **{"blur": "smooth", "elastic": "displace", "erasing": "erase"},
}
MIXES = [
    (),
    ("rotate", "hue", "blur"),
    ("scale", "rotate", "shear", "hue", "brightness", "blur", "noise", "contrast"),
    ("h_flip", "translate", "noise", "elastic"),
    ("hue", "hue", "noise", "blur", "rotate"),
    ("invert", "sharpen", "hue", "grayscale", "pixelate", "erasing"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled.load(compiled.build(tmp_path_factory.mktemp("compiled")))


Using = Callable[[bool], contextlib.AbstractContextManager[None]]


@pytest.fixture
def using(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Using:
    """`with using(True)`: the kernels compute; with False, torch does."""

    @contextlib.contextmanager
    def choose(kernels: bool) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "library", lambda: library if kernels else None)
            yield

    return choose


def pictures(n: int, size: int) -> torch.Tensor:
    """Premultiplied RGBA; every third one with a transparent half, and with grey and black pixels."""
    images = torch.rand(n, 4, size, size, generator=torch.Generator().manual_seed(n + size))
    images[::3, 3, : size // 2] = 0
    images[:, :3, :, 3] = images[:, :1, :, 3]
    images[:, :3, 5] = 0
    images[:, :3] *= images[:, 3:]
    return images


def drawn(name: str, n: int) -> Parameters:
    return transform(name).sample(n, Generator.of("compiled", name, indices=range(n)))


@pytest.mark.parametrize("size", [16, 31, 32, 33, 48, 100])
@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_every_family_gives_the_pixels_of_torch(name: str, size: int, using: Using) -> None:
    for n in (0, 1, 2, 37):
        images, parameters = pictures(n, size), drawn(name, n)
        with using(False):
            expected = transform(name).apply(images, **parameters)
        before = images.clone()
        with using(True):
            found = transform(name).apply(images, **parameters)
        assert found.shape == expected.shape
        assert torch.equal(images, before)
        near = 1e-5 * max(1, size / 32)  # a place is rounded to a share of the canvas, not of a pixel
        assert torch.allclose(found, expected, rtol=0, atol=near)


@pytest.mark.parametrize("size", [32, 45])
@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_every_value_that_can_be_set_by_hand_gives_the_pixels_of_torch(name: str, size: int, using: Using) -> None:
    family, n = transform(name), 29
    for axis in family.axes:
        parameters = identity_parameters(name, n)
        if name == "erasing":
            parameters["side"] = torch.full((n,), 9.5)
        parameters[axis.parameter] = torch.linspace(axis.low, axis.high, n)
        with using(False):
            expected = family.apply(pictures(n, size), **parameters)
        with using(True):
            found = family.apply(pictures(n, size), **parameters)
        # A colour may lie so near a level that rounding decides.
        assert ((found - expected).abs() > 2e-5).sum() <= (3 if name == "posterize" else 0)


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_the_steps_are_what_computes(name: str, using: Using, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    run = compiled.run

    def watched(images: torch.Tensor, steps: Sequence[compiled.Step], *rest: torch.Tensor) -> torch.Tensor:
        called.extend(step.name for step in steps)
        return run(images, steps, *rest)

    monkeypatch.setattr(compiled, "run", watched)
    with using(True):
        transform(name).apply(pictures(8, 32), **drawn(name, 8))
    assert called == [STEP_OF[name]]
    with using(False):
        transform(name).apply(pictures(8, 32), **drawn(name, 8))
    assert len(called) == 1


@pytest.mark.parametrize("size", [32, 45])
def test_several_steps_give_what_they_give_one_by_one(size: int, using: Using) -> None:
    names = ["rotate", *TRANSFORMS, "noise"]
    images, rows = pictures(30, size), torch.tensor([3, 29, 3, 0, 17, 8, 9, 10])
    parameters = [drawn(name, len(rows)) for name in names]
    steps = transforms.steps([(transform(n).apply, p) for n, p in zip(names, parameters, strict=True)], size)
    assert steps
    behind = torch.randint(0, 256, (len(rows), 3, size, size), dtype=torch.uint8)
    with using(True):
        expected = images[rows]
        for name, each in zip(names, parameters, strict=True):
            expected = transform(name).apply(expected, **each)
        assert torch.equal(compiled.run(images, steps, rows), expected)
        assert torch.equal(compiled.run(images[rows], steps), expected)
        pasted = compiled.run(images, [*steps, compiled.Step("paste", behind)], rows)
        assert (pasted - paste(expected, behind)).abs().max() < 1e-6
        assert torch.equal(compiled.run(images, [], rows), images[rows])


def test_rows_that_are_not_there_and_parameters_that_are_missing_are_refused(using: Using) -> None:
    images, step = pictures(4, 32), compiled.Step("hue", torch.zeros(2))
    with using(True):
        for rows in ([0, 4], [-1, 0]):
            with pytest.raises(IndexError, match="there are 4 images"):
                compiled.run(images, [step], torch.tensor(rows))
        with pytest.raises(ValueError, match="hue: give a row of parameters for each of 4 images"):
            compiled.run(images, [step])
        which = compiled.Step("displace", torch.zeros(1, 2, 32, 32), torch.tensor([0, -1, 0]))
        with pytest.raises(ValueError, match="displace: give a row"):
            compiled.run(images, [which])


@pytest.mark.parametrize("name", [name for name, family in TRANSFORMS.items() if family.varies == "switch"])
def test_images_that_a_step_leaves_alone_are_as_they_were_but_not_the_same_memory(name: str, using: Using) -> None:
    images = pictures(6, 32)
    before = images.clone()
    with using(True):
        found = transform(name).apply(images, **identity_parameters(name, 6))
    assert torch.equal(found, images)
    found.zero_()
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_a_batch_equals_its_images_one_by_one_and_the_layout_does_not_matter(name: str, using: Using) -> None:
    images, parameters = pictures(20, 33), drawn(name, 20)
    with using(True):
        whole = transform(name).apply(images, **parameters)
        for i in range(20):
            row = {k: v[i : i + 1] for k, v in parameters.items()}
            assert torch.equal(transform(name).apply(images[i : i + 1], **row)[0], whole[i])
        for other in (images.contiguous(memory_format=torch.channels_last), images.mT.contiguous().mT):
            assert torch.equal(transform(name).apply(other, **parameters), whole)
        strided = {k: v.repeat_interleave(3)[::3] for k, v in parameters.items()}
        assert torch.equal(transform(name).apply(images, **strided), whole)
    assert whole.min() >= -1e-6
    assert (whole[:, :3] - whole[:, 3:]).max() < 1e-6


@pytest.mark.parametrize("families", MIXES)
@pytest.mark.parametrize(("behind", "size"), [("scenes", 32), ("random", 48)])
def test_mixes_render_the_same(
    families: tuple[str, ...], behind: str, size: int, using: Using, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task((3, 1, 4, 15), families, backgrounds=behind, size=size, seed=2)
    with using(False):
        expected = render(task, "train", range(150), epoch=1).images
    with using(True):
        found = render(task, "train", range(150), epoch=1).images
        assert (found - expected).abs().max() < 2e-5  # of a range of 2
        order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
        for block in (1, 7, 64):  # the last block is a part of one
            monkeypatch.setattr(tasks, "CPU_BLOCK", block * size**2 // 32**2)
            assert torch.equal(render(task, "train", order, epoch=1).images, found[order])
        assert torch.equal(render(task, "train", [17], epoch=1).images[0], found[17])


@pytest.mark.parametrize("placement", ["corner", "anywhere"])
@pytest.mark.parametrize("availability", [1.0, 0.5])
def test_objects_in_their_places_and_objects_that_are_missing(
    placement: str, availability: float, using: Using
) -> None:
    task = Task((3, 1, 4), ("h_flip", "hue"), placement=placement, availability=availability)
    with using(False):
        expected = render(task, "test", range(60)).images
    with using(True):
        assert (render(task, "test", range(60)).images - expected).abs().max() < 2e-5


def test_a_family_in_torch_alone_is_rendered_among_the_compiled_ones(
    using: Using, monkeypatch: pytest.MonkeyPatch
) -> None:
    hue, task = transform("hue"), Task((3, 1, 4), ("rotate", "hue", "blur"))
    with using(True):
        expected = render(task, "test", range(40)).images
        monkeypatch.setitem(TRANSFORMS, "hue", dataclasses.replace(hue, apply=hue.apply.in_torch))
        assert (render(task, "test", range(40)).images - expected).abs().max() < 2e-5


def test_every_family_at_once_renders_the_same_but_for_thresholds(using: Using) -> None:
    task = Task((3, 1, 4, 15), tuple(TRANSFORMS))
    images = []
    for kernels in (False, True):
        with using(kernels):
            images.append(render(task, "train", range(150)).images)
    assert ((images[0] - images[1]).abs() > 1e-4).float().mean() < 1e-4  # posterize cuts beside a level


def test_what_the_kernels_cannot_take_goes_to_torch(using: Using) -> None:
    images = pictures(4, 32)
    shift = torch.full((4,), 0.2)
    with using(True):
        assert compiled.takes(images)
        for other in (images.double(), images[:, :3], images[:, :, :16], images.half()):
            assert not compiled.takes(other)
        learned = images.clone().requires_grad_()
        transform("rotate").apply(learned, angle=shift).sum().backward()
        assert learned.grad is not None
        with torch.no_grad():
            assert compiled.takes(learned)
        assert transform("hue").apply(images.double(), shift=shift.double()).dtype == torch.float64
    with using(False):
        assert not compiled.takes(images)
        with pytest.raises(RuntimeError, match=r"not built: python -m invlab\.compiled"):
            compiled.run(images, [compiled.Step("hue", shift)])


def test_pasting_into_a_view_that_is_not_contiguous() -> None:
    foregrounds = pictures(5, 32)
    behind = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    expected = paste(foregrounds, behind)
    into = torch.zeros(5, 6, 32, 32)
    paste(foregrounds, behind, out=into[:, ::2])
    assert (into[:, ::2] - expected).abs().max() < 1e-6
    assert not into[:, 1::2].any()


def test_points_that_are_no_numbers_are_transparent(using: Using) -> None:
    images = pictures(1, 32)
    with using(True):
        assert warp(images, torch.eye(3)[None]).any()
        for value in (float("nan"), float("inf"), -float("inf"), 1e30, -3e38):
            matrix = torch.eye(3)[None]
            matrix[0, 1, 2] = value
            assert not warp(images, matrix).any()


def test_too_little_memory_is_said(library: ctypes.CDLL, using: Using, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.invlab_render(None, None, None, 0, None, 0, 2**27) == 1
    with using(True):
        monkeypatch.setattr(library, "invlab_render", lambda *_: 1)
        with pytest.raises(MemoryError, match="rendering: there is no memory for an image of 32 pixels"):
            transform("hue").apply(pictures(1, 32), shift=torch.zeros(1))


# ------------------------------------------------------------------------------------------------------------ building


def test_building_twice_compiles_once_and_removes_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / "kernels-0123.so"
    stale.write_bytes(b"of an earlier source")
    path = compiled.build(tmp_path)
    assert path == compiled.built(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.setenv("CC", "false")
    assert compiled.build(tmp_path) == path


def test_the_name_follows_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled.built(tmp_path)
    for number, source in enumerate(compiled.SOURCES):
        changed = tmp_path / source.name
        changed.write_text(source.read_text() + "\n")
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "SOURCES", (*compiled.SOURCES[:number], changed, *compiled.SOURCES[number + 1 :]))
            assert compiled.built(tmp_path) != before


@pytest.mark.parametrize(
    ("compiler", "sentence"),
    [("no-such-compiler", "there is no C compiler"), ("false", "false failed"), ("broken", "broken failed: oh no")],
)
def test_a_compiler_that_fails_leaves_nothing(
    compiler: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "broken"
    script.write_text("#!/bin/sh\necho oh no >&2\nexit 1\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(script) if compiler == "broken" else compiler)
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(RuntimeError, match=sentence):
        compiled.build(into)
    assert list(into.iterdir()) == []
    monkeypatch.delenv("CC")
    with pytest.raises(RuntimeError, match="could not be written"):
        compiled.build(tmp_path / "missing")


@pytest.mark.parametrize("content", [None, b"", b"no library"])
def test_a_missing_or_damaged_library_means_torch(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kernels-damaged.so"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(compiled, "built", lambda: path)
    compiled.library.cache_clear()
    try:
        assert compiled.library() is None
        assert transform("hue").apply(pictures(3, 32), shift=torch.full((3,), 0.1)).shape == (3, 4, 32, 32)
    finally:
        compiled.library.cache_clear()


def test_a_library_that_lacks_a_function_means_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels, labnet = compiled.SOURCES
    less = tmp_path / kernels.name
    less.write_text(kernels.read_text().replace("invlab_render", "invlab_rendered"))
    monkeypatch.setattr(compiled, "SOURCES", (less, labnet))
    path = compiled.build(tmp_path)
    monkeypatch.setattr(compiled, "built", lambda: path)
    compiled.library.cache_clear()
    try:
        assert compiled.library() is None
    finally:
        compiled.library.cache_clear()
