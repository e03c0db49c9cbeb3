"""The figures of an audit and its report: what the numbers say, in one file that asks nobody for anything."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from invlab import audit_report, records
from invlab.audit import Audit
from invlab.figures import COLOURS
from invlab.figures import audit as figures
from invlab.transforms import TRANSFORMS

STAGES = ("input", "stem", "block1", "features")


def row(family: str, value: float, half: float = 0.05) -> dict[str, Any]:
    axis = TRANSFORMS[family].axes[0]
    interval = [value - half, value + half]
    return {
        "family": family,
        "group": TRANSFORMS[family].group,
        "sensitivity": value,
        "interval": interval,
        "pairs": 3,
        "stages": [
            {"stage": name, "depth": i / 3, "sensitivity": value, "interval": interval, "pooled": value / 2,
             "pooled_interval": [0, value]}
            for i, name in enumerate(STAGES)
        ],
        "curve": {
            "parameter": axis.parameter,
            "points": [[axis.low], [(axis.low + axis.high) / 2], [axis.high]],
            "sensitivity": [0.0, value, 3 * value],
            "interval": [[0, 0], interval, [3 * value - half, 3 * value + half]],
        },
    }  # fmt: skip


def result(**values: float) -> dict[str, Any]:
    families = [row(name, value) for name, value in values.items()]
    ranking = sorted(values, key=values.__getitem__)
    return {"families": families, "ranking": ranking, "images": 20, "size": 224, "width": 2048, "classes": 1000,
            "parameters": 25_557_032, "staged": 20, "shown": 2027, "asked": 4180, "images_per_second": 19}  # fmt: skip


FOUND = result(rotate=0.7, h_flip=0.1, hue=0.3, blur=1.2, invert=0.5)
EVERY = result(**{name: 0.1 + 0.05 * i for i, name in enumerate(TRANSFORMS)})


def record(**change: Any) -> dict[str, Any]:
    spec = Audit(**{"network": "resnet50", "weights": "random", "pictures": "scenes",
                    "families": tuple(r["family"] for r in FOUND["families"])} | change)  # fmt: skip
    made = {
        "device": "cpu: x86_64",
        "seconds": 110.0,
        "created": "2026-11-24T12:00:00+00:00",
        "versions": {"torch": "2.14"},
    }
    return {"kind": "Audit", "spec": records.plain(spec), "result": FOUND, "made": made}


def test_a_bar_for_each_family_in_its_groups_hue_the_most_invariant_on_top() -> None:
    figure = figures.bars(FOUND)
    drawn = {trace.name: trace for trace in figure.data}
    assert list(drawn) == ["geometric", "photometric", "corruption"]
    assert list(drawn["geometric"].x) == [0.1, 0.7]
    assert list(drawn["geometric"].y) == ["mirror ↔", "rotate"]
    assert list(figure.layout.yaxis.categoryarray) == ["blur", "rotate", "invert", "hue", "mirror ↔"]
    assert drawn["geometric"].marker.line.color == COLOURS["geometric"]
    assert len({trace.marker.pattern.shape for trace in figure.data}) == 3  # not by colour alone
    pale, dark = drawn["geometric"].marker.opacity
    assert pale < dark  # light = invariant
    assert drawn["corruption"].error_x.array[0] == pytest.approx(0.05)
    assert "mirror left–right 0.10, hue 0.30" in figures.bars_alt(FOUND)


def test_a_curve_for_each_family() -> None:
    figure = figures.curves(EVERY)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert len(lines) == 18
    assert {trace.line.color for trace in lines} == {COLOURS[g] for g in ("geometric", "photometric", "corruption")}
    titles = {a.text for a in figure.layout.annotations}
    assert {"rotate: angle (°)", "posterize: bits", "mirror ↔: flip"} <= titles
    assert figure.layout.yaxis.range[1] == pytest.approx(1.05 * figures.HIGHEST)
    assert len(figures.curves(result(rotate=0.5)).data) == 2
    assert "rotate 2.10 at 360" in figures.curves_alt(FOUND)


def test_the_map_is_light_where_it_is_invariant_and_says_the_numbers() -> None:
    figure = figures.depth_map(FOUND)
    (heat,) = figure.data
    assert heat.colorscale[0][1] != heat.colorscale[-1][1]
    assert list(heat.x) == list(STAGES)
    assert list(heat.y)[-1] == "mirror ↔"  # on top
    assert np.array(heat.z).max() == 1.2
    assert len(figure.layout.annotations) == 5 * len(STAGES)
    assert np.array(figures.depth_map(FOUND, True).data[0].z).max() == 0.6
    assert "hue 0.30 to 0.30" in figures.depth_alt(FOUND)


def test_lines_of_one_group_differ_in_dash_and_symbol() -> None:
    names = [name for name in TRANSFORMS if TRANSFORMS[name].group == "geometric"][:4]
    lines = figures.chosen_lines(EVERY, names)
    assert len({(line.dash, line.symbol) for line in lines}) == 4
    assert {line.colour for line in lines} == {COLOURS["geometric"]}
    assert [t.name for t in figures.layers(FOUND, ["rotate", "hue"], False).data] == ["rotate", "hue"]


def test_words_are_decided_by_the_numbers() -> None:
    assert figures.headline(FOUND) == (
        "Most invariant to mirror left–right (0.10), hue (0.30), invert (0.50); least to blur (1.20), rotate (0.70), "
        "invert (0.50)."
    )
    told = figures.notice(FOUND)
    assert "To mirror left–right it is invariant" in told
    assert "under blur twins lie almost as far apart as strangers" in told
    assert "No family's interval" in figures.notice(result(rotate=0.5, hue=0.4))
    assert figures.headline(result(rotate=0.5)) == "Sensitivity: rotate (0.50)."


def test_tables_hold_every_number() -> None:
    assert [r["family"] for r in figures.rows(FOUND)] == FOUND["ranking"]
    assert figures.rows(FOUND)[0]["low"] == 0.05
    assert len(figures.curve_rows(FOUND)) == 15
    assert len(figures.stage_rows(FOUND)) == 20
    assert figures.stage_rows(FOUND)[0]["pooled high"] == 0.7


# --------------------------------------------------------------------------------------------------------- the report


EVIL = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def text() -> str:
    pictures = {"": np.zeros((2, 8, 8, 3), np.uint8), "rotate": np.ones((2, 8, 8, 3), np.uint8)}
    return audit_report.page(record(), EVIL, f"{EVIL}.pt", pictures)


def test_the_report_needs_nothing_else(text: str) -> None:
    assert text.count("* plotly.js v") == 1
    assert len(text) < 8e6
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", outside)
    assert "default-src 'none'" in text
    assert outside.count("<title>") == 1
    assert outside.count("data:image/png;base64,") == 4


def test_names_in_the_report_are_text(text: str) -> None:
    assert EVIL not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in text
    evil = audit_report.page(record(pictures=f"folder:/tmp/{EVIL}#0123"))
    assert EVIL not in evil


def test_the_report_tells_what_was_done(text: str) -> None:
    for part in ("resnet50: 25,557,032 parameters", "20 drawn scenes of ten classes, 224 × 224 pixels", "110 s on cpu",
                 "How to read this", "Limits", "python -m invlab audit --network resnet50", "mirror left–right",
                 records.key(records.revive(Audit, record()["spec"]))):  # fmt: skip
        assert part in text
    assert text.count('class="plotly-graph-div"') == 4


def test_recipes_are_commands() -> None:
    asked = records.revive(Audit, record()["spec"])
    assert audit_report.command(asked) == (
        "python -m invlab audit --network resnet50 --weights random --families rotate,h_flip,hue,blur,invert "
        "--count 20 --report out.html"
    )
    other = Audit("labnet", "file:" + "0" * 64, "folder:/my photos#ab", tuple(TRANSFORMS), 5, seed=2)
    assert audit_report.command(other) == (
        "python -m invlab audit --network labnet --weights FILE --images '/my photos' --families all --count 5 "
        "--seed 2 --report out.html"
    )


def test_weights_and_pictures_in_words() -> None:
    def spec(**change: Any) -> Audit:
        return records.revive(Audit, record(**change)["spec"])

    assert "torchvision's DEFAULT" in audit_report.weights_text(spec(weights="DEFAULT"))
    assert audit_report.weights_text(spec(weights="file:" + "a" * 64), "my.pt").startswith("my.pt, as safetensors")
    assert "a training of the lab" in audit_report.weights_text(spec(weights="training-" + "0" * 32))
    assert audit_report.pictures_text(spec(pictures="upload:" + "0" * 32), 3) == "3 uploaded photographs"
    assert audit_report.pictures_text(spec(pictures="pictures"), 3) == "3 photographs of 'pictures'"
    assert json.dumps(record())
