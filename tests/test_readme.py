"""What README.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from invlab import transforms
from invlab.seeds import Generator

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_added_transformation_works_as_shown():
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    source = code.group(1).replace("Transform(", "added = Transform(", 1)
    names = dict(vars(transforms)) | {"torch": torch}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 - our own page
    added = names["added"]
    images = torch.rand(8, 4, 32, 32)
    images[:, :3] *= images[:, 3:]
    drawn = added.sample(8, Generator.of("readme", indices=range(8)))
    changed = added.apply(images, **drawn)
    assert torch.equal(changed[drawn["amount"] == 0], images[drawn["amount"] == 0])
    assert not torch.equal(changed[drawn["amount"] == 1], images[drawn["amount"] == 1])
    assert bool((changed[:, :3] <= changed[:, 3:] + 1e-6).all())


def test_the_map_names_files_that_exist():
    root = Path(__file__).parent.parent
    table = README[README.index("| floor |") : README.index("Four ideas")]
    for name in re.findall(r"`([\w/.]+)`", table):
        if "(" in name or name.endswith("spec"):
            continue
        assert (root / name).exists() or (root / "invlab" / name).exists(), name


def test_pictures_shown_exist():
    root = Path(__file__).parent.parent
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (root / name).is_file(), name
