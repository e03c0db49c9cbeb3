"""`things`: pictures of ten kinds, in three splits, on scenes that say nothing of the kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from invlab import photographs, things
from invlab.backgrounds import backgrounds
from invlab.objects import class_names
from invlab.tasks import Task, render
from tests.small_data import forget, noise

EACH = (6, 2, 3)


@pytest.fixture(autouse=True)
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setattr(photographs, "PICTURES", EACH)
    monkeypatch.setattr(photographs, "draw_scene", noise)
    forget()
    yield tmp_path
    forget()


def test_kinds_share_no_object_and_leave_enough_for_others() -> None:
    inside = [index for kind in things.kinds() for index in kind]
    assert len(set(inside)) == len(inside) == 40
    assert not set(inside) & set(things.others())
    assert sorted([*inside, *things.others()]) == list(range(64))
    assert things.kind_names()[3] == ", ".join(class_names("drawn")[i] for i in things.kinds()[3])


def test_it_is_a_labelled_set_in_three_splits() -> None:
    found = backgrounds("things", 32)
    assert found.images is not None
    assert found.splits is not None
    assert found.images.shape == (110, 3, 32, 32)
    assert found.label_names == things.kind_names()
    assert torch.bincount(found.labels * 3 + found.splits).reshape(10, 3).unique(dim=0).tolist() == [list(EACH)]
    assert len(found.images.flatten(1).unique(dim=0)) == 110


def test_every_scene_is_under_one_picture_of_its_split() -> None:
    """What shows through at the edges is the scene: only the things lie on top of it."""
    found, scenes = things.things(32), photographs.photographs("pictures", 32)
    used = []
    for split, count in enumerate(EACH):
        behind = (scenes.splits == split).nonzero()[:, 0]
        for kind in range(things.KINDS):
            rows = ((found.splits == split) & (found.labels == kind)).nonzero()[:, 0]
            for number in range(count):
                scene = behind[number * things.KINDS + kind]
                same = (found.images[rows[number]] == scenes.images[scene]).all(0).float().mean()
                assert same > 0.2
                used.append(int(scene))
    assert sorted(used) == list(range(len(scenes.images)))


def test_pictures_do_not_depend_on_the_blocks_they_are_drawn_in(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = things.draw()
    monkeypatch.setattr(things, "BLOCK", 2)
    assert torch.equal(things.draw(), whole)


def test_they_are_drawn_once_and_kept(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = things.things(32).images
    forget()
    monkeypatch.setattr(things, "draw", lambda: pytest.fail("drawn again"))
    assert torch.equal(things.things(32).images, first)


@pytest.mark.parametrize("size", [32, 48])
def test_tasks_can_ask_for_the_kind(size: int) -> None:
    task = Task(things.others()[:10], backgrounds="things", label="background", placement="corner", size=size)
    batch = render(task, "train", range(40))
    assert batch.images.shape == (40, 3, size, size)
    assert task.labels == 10
    assert len(set(batch.labels.tolist())) > 5
