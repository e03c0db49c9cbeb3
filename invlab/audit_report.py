"""An audit as one HTML file that needs nothing else: figures, tables, the pictures themselves, how to read them."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from invlab import audit, records
from invlab.architectures import is_lab
from invlab.audit import Audit
from invlab.export import as_png
from invlab.figures import CONFIG
from invlab.figures import audit as figures

THUMBNAIL = 72  # pixels
STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 1080px; margin: 0 auto;
  padding: 1rem 1.2rem 3rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.4rem; } h3 { margin: 1.1rem 0 0.3rem; font-size: 1rem; }
.lead { font-size: 1.15rem; } .muted { color: #51606e; font-size: 0.92rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1.2rem; } dt { color: #51606e; }
dd { margin: 0; overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; gap: 6px; } .row img { border-radius: 3px; image-rendering: auto; }
.sharp img { image-rendering: pixelated; }
.families { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 0 1.6rem; }
table { border-collapse: collapse; font-size: 0.9rem; } th, td { padding: 0.2rem 0.7rem 0.2rem 0; text-align: left;
  border-bottom: 1px solid #dde3e8; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f6f8; padding: 0.8rem;
  border-radius: 6px; font-size: 0.85rem; } summary { cursor: pointer; font-weight: 600; }
"""
# Even if a name could smuggle an address in, a browser would not ask for it.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
READING = (
    "Sensitivity compares two distances in what the network's last layer reads (its representation). Twins are one "
    "photograph under two independent draws of a transformation; strangers are two different photographs. The bar is "
    "the twins' mean distance divided by the strangers': 0 means that the network does not see the transformation at "
    "all, 1 that a transformed photograph is as far from itself as from another photograph. It can exceed 1.",
    "A response curve compares each photograph with itself unchanged, while one parameter grows. It divides by the "
    "distance between unchanged strangers, a larger one where a family makes all pictures alike.",
    "By depth: the same ratio after every stage of the network, beginning with the pixels. Whole activations see a "
    "shift of position; averaged over positions they do not.",
    "Intervals are 95 %, from resampling the photographs. They speak of photographs like these, and of nothing else.",
)
LIMITS = (
    "A photograph is treated as an opaque object that fills the picture: its content, background included, is "
    "transformed as a whole. Where a transformation uncovers the canvas (a corner after a turn, the border after "
    "shrinking), the network's mean colour shows, which its own normalisation turns into zero.",
    "The ranges of the transformations are the lab's, made for small pictures of objects; lengths grow with the "
    "picture. Half of the draws of a switch (a flip, say) change nothing, as in training, which halves its sensitivity "
    "against that of always switching: its curve shows the whole of it.",
    "Invariance is no virtue by itself. A network that answers the same to everything would score 0 everywhere; and "
    "what a task needs to tell apart, its network must not ignore.",
)


def weights_text(spec: Audit, file: str = "") -> str:
    """What the weights are, in words."""
    if spec.weights == audit.DEFAULT:
        return f"torchvision's DEFAULT weights, trained on ImageNet{f': {file}' if file else ''}"
    if spec.weights == audit.RANDOM:
        return f"random: as before any training, seed {spec.seed}"
    if spec.weights.startswith(audit.FILE):
        digest = spec.weights.removeprefix(audit.FILE)
        return f"{file or 'a file'}, as safetensors SHA-256 {digest[:16]}…"
    return f"a training of the lab, {spec.weights}"


def pictures_text(spec: Audit, count: int) -> str:
    """What the photographs are, in words."""
    kind = spec.pictures.partition(":")[0]
    if spec.pictures == audit.OWN_SCENES:
        return f"{count} drawn scenes of ten classes"
    if kind == "folder":
        return f"{count} photographs of a folder"
    return f"{count} uploaded photographs" if kind == "upload" else f"{count} photographs of {spec.pictures!r}"


def command(spec: Audit, weights: str = "", folder: str = "") -> str:
    """The command line that asks the same; a file and a folder are named where they are known."""
    own = spec.weights.startswith(audit.FILE)
    chosen = (weights or "FILE") if own else spec.weights
    words = ["python", "-m", "invlab", "audit", "--network", spec.network, "--weights", chosen]
    if spec.pictures != audit.OWN_SCENES:
        known = spec.pictures.startswith("folder:")
        words += ["--images", folder or (spec.pictures.removeprefix("folder:").rpartition("#")[0] if known else "DIR")]
    whole = spec.families == tuple(figures.TRANSFORMS)
    words += ["--families", "all" if whole else ",".join(spec.families), "--count", str(spec.images)]
    for name in ("size", "points", "draws", "seed"):
        if (value := getattr(spec, name)) != getattr(Audit, name):
            words += [f"--{name}", str(value)]
    return shlex.join([*words, "--report", "out.html"])


def page(
    record: Mapping[str, Any], title: str = "", weights: str = "", examples: Mapping[str, Any] | None = None
) -> str:
    """The report of an audit's record.

    title: what was audited, in the words of whoever asked; weights: the file's name; examples: of
    `invlab.audit.examples`, or None where the photographs are gone. All of them are escaped.
    """
    spec, result = records.revive(Audit, record["spec"]), record["result"]
    name = title or f"How invariant is {spec.network}?"
    parts = [
        f"<h1>{html.escape(name)}</h1>",
        f'<p class="lead">{html.escape(figures.notice(result))}</p>',
        _facts(spec, record, weights),
        "<h2>Sensitivity</h2>",
        _figure(figures.bars(result), figures.bars_alt(result)),
        _pictures(examples or {}, is_lab(spec.network)),
        "<h2>Response curves</h2>",
        f'<p class="muted">All on one scale, which ends at {figures.HIGHEST:g}; the table has what lies beyond.</p>',
        _figure(figures.curves(result), figures.curves_alt(result)),
        "<h2>By depth</h2>",
        f'<p class="muted">Measured on {result["staged"]} of the photographs.</p>',
        "<h3>Whole activations</h3>",
        _figure(figures.depth_map(result), figures.depth_alt(result)),
        "<h3>Averaged over positions</h3>",
        _figure(figures.depth_map(result, True), figures.depth_alt(result, True)),
        "<h2>How to read this</h2>",
        *(f"<p>{html.escape(text)}</p>" for text in READING),
        "<h2>Limits</h2>",
        *(f"<p>{html.escape(text)}</p>" for text in LIMITS),
        "<h2>Tables</h2>",
        _table("Sensitivity", figures.rows(result), opened=True),
        _table("Response curves", figures.curve_rows(result)),
        _table("By depth", figures.stage_rows(result)),
        "<h2>Recipe</h2>",
        f"<pre>{html.escape(command(spec, weights))}</pre>",
        f"<pre>{html.escape(json.dumps({'key': records.key(spec), **record['spec']}, indent=1))}</pre>",
    ]
    return _document(name, "\n".join(parts))


def _document(title: str, body: str) -> str:
    from plotly.offline import get_plotlyjs

    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<script>{get_plotlyjs()}</script></head>\n<body>\n{body}\n</body></html>\n"
    )


def _facts(spec: Audit, record: Mapping[str, Any], weights: str) -> str:
    result, made = record["result"], record["made"]
    versions = ", ".join(f"{name} {number}" for name, number in made["versions"].items())
    facts = {
        "Network": f"{spec.network}: {result['parameters']:,} parameters, representation of {result['width']:,}",
        "Weights": weights_text(spec, weights or result.get("weights_file", "")),
        "Pictures": f"{pictures_text(spec, result['images'])}, {result['size']} × {result['size']} pixels",
        "Families": f"{len(spec.families)}, {spec.draws} draws of each photograph (more where they cost nothing)",
        "Shown": f"{result['shown']:,} different pictures",
        "Made": f"{made['created'][:10]} in {made['seconds']:,.0f} s on {made['device']}; {versions}",
    }
    rows = "".join(f"<dt>{html.escape(a)}</dt><dd>{html.escape(b)}</dd>" for a, b in facts.items())
    return f"<dl>{rows}</dl>"


def _figure(figure: Any, alt: str) -> str:
    figure.update_layout(template="plotly_white", autosize=True)
    inner = figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG | {"responsive": True})
    return f'<div role="img" aria-label="{html.escape(alt)}">{inner}</div>'


def _pictures(examples: Mapping[str, Any], sharp: bool) -> str:
    if not examples:
        return ""
    kind = ' class="sharp"' if sharp else ""
    rows = "".join(
        f"<div><h3>{html.escape(figures.name_of(name) if name else 'unchanged')}</h3>"
        f'<div class="row">{"".join(_image(pixels, name) for pixels in images)}</div></div>'
        for name, images in examples.items()
    )
    return f'<h2>The pictures</h2><p class="muted">The first ones, with one draw of each family.</p><div{kind}>' + (
        f'<div class="families">{rows}</div></div>'
    )


def _image(pixels: Any, family: str) -> str:
    data = base64.b64encode(as_png(pixels.numpy() if hasattr(pixels, "numpy") else pixels)).decode()
    words = f"a photograph under {figures.name_of(family)}" if family else "a photograph, unchanged"
    return (
        f'<img width="{THUMBNAIL}" height="{THUMBNAIL}" alt="{html.escape(words)}" src="data:image/png;base64,{data}">'
    )


def _table(title: str, rows: Sequence[Mapping[str, Any]], opened: bool = False) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in rows)
    return (
        f"<details{' open' if opened else ''}><summary>{html.escape(title)}</summary>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def _cell(value: Any) -> str:
    kind = ' class="number"' if isinstance(value, int | float) else ""
    return f"<td{kind}>{html.escape(f'{value:g}' if isinstance(value, float) else str(value))}</td>"
