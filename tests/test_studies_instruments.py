"""What the instruments' pages begin with is computed ahead, and is what they ask for."""

from __future__ import annotations

import pytest

from invlab import bundle, records
from invlab.measures import Measures
from invlab.responses import Layers, Response, stops
from invlab.studies import instruments
from invlab.studies.singles import DOMAINS, FAMILIES, NONE, SOURCES, Singles
from invlab.transforms import TRANSFORMS

STUDY = Singles()


def test_every_network_is_read_under_every_family_along_every_parameter() -> None:
    found = list(instruments.readings(STUDY))
    axes = sum(len(t.axes) for t in TRANSFORMS.values())
    each = len(DOMAINS) * len(SOURCES)
    assert [sum(isinstance(spec, kind) for spec in found) for kind in (Layers, Measures, Response)] == [
        each * len(FAMILIES),
        each * len(FAMILIES),
        each * axes,
    ]
    assert len({records.key(spec) for spec in found}) == len(found)
    assert {spec.training for spec in found} == {STUDY.training(source, 0) for source in SOURCES}


def test_they_ship() -> None:
    shipped = {records.key(spec) for spec in bundle.contents()}
    assert {records.key(spec) for spec in instruments.readings(STUDY)} <= shipped


@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_three_networks(family: str) -> None:
    same, other, none = instruments.compared(family)
    assert (same, none) == (family, NONE)
    assert other != family
    assert TRANSFORMS[other].group == TRANSFORMS[family].group


def test_along_a_parameter() -> None:
    way = instruments.along("rotate", "angle", 5)
    assert (way.family, way.parameter, way.values) == ("rotate", "angle", (0.0, 90.0, 180.0, 270.0, 360.0))
    assert instruments.along("posterize", "bits").values == stops(TRANSFORMS["posterize"].axes[0], 36)
    with pytest.raises(ValueError, match="parameter 'size': translate has x, y"):
        instruments.along("translate", "size")
