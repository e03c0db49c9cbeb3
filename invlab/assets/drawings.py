"""The drawn objects, as SVG: sixty-four everyday things, drawn for this project.

Each entry is what goes inside an `<svg>`, in coordinates of about 0 to 128; `document` adds the frame, and the sheet's
builder centres it and scales it to fill its cell, so that a drawing may stick out here without being cut.

The objects become classes of a task, so they are drawn to stay apart under every transformation family: silhouettes
differ (hue, grayscale and invert leave only shape), the inside differs too (blur and posterize eat thin outlines),
every object has several colours (a hue shift must not turn one into another), and nearly all are lopsided (a mirrored
or turned object must be a different picture, or geometric families would have nothing to be invariant to).

`python -m invlab.assets.build_sheet` turns this file into the sheet that the package reads.
"""

from __future__ import annotations

INK = "#2a2430"  # every outline: one dark, slightly warm line keeps an object readable on any background


def document(markup: str, view: tuple[float, float, float] = (0, 0, 128)) -> str:
    """A whole SVG document around one entry of `DRAWINGS`, seen through the square `view` (left, top, side).

    Outlines are on unless an element says `stroke="none"`.
    """
    left, top, side = view
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {side:g} {side:g}">'
        f'<g stroke="{INK}" stroke-width="2.4" stroke-linejoin="round" stroke-linecap="round">{markup}</g></svg>'
    )


def stops(colours: tuple[str, ...]) -> str:
    """Evenly spaced gradient stops."""
    last = max(len(colours) - 1, 1)
    return "".join(f'<stop offset="{i / last:.3f}" stop-color="{c}"/>' for i, c in enumerate(colours))


def down(name: str, *colours: str) -> str:
    """A gradient from the top of a shape to its bottom; use it with `fill="url(#name)"`."""
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{stops(colours)}</linearGradient>'


def across(name: str, *colours: str) -> str:
    """A gradient from the left of a shape to its right."""
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="1" y2="0">{stops(colours)}</linearGradient>'


def ball(name: str, *colours: str) -> str:
    """A gradient lit from the upper left, for round things."""
    return f'<radialGradient id="{name}" cx="0.35" cy="0.3" r="0.8">{stops(colours)}</radialGradient>'


def tube(path: str, colour: str, width: float, edge: float = 4) -> str:
    """A thick line with an outline; sub-paths of one `path` melt into each other where they meet."""
    return (
        f'<path d="{path}" fill="none" stroke-width="{width + edge}"/>'
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    )


def dots(places: str, radius: float, attributes: str) -> str:
    """Equal circles at `places`, written "x,y x,y …"."""
    pairs = (place.split(",") for place in places.split())
    return "".join(f'<circle cx="{x}" cy="{y}" r="{radius}" {attributes}/>' for x, y in pairs)


def around(count: int, x: float, y: float, markup: str) -> str:
    """`count` copies of `markup`, turned evenly about (x, y)."""
    turns = (360 * i / count for i in range(count))
    return "".join(f'<g transform="rotate({turn:g} {x:g} {y:g})">{markup}</g>' for turn in turns)


DRAWINGS: dict[str, str] = {
    "airplane": f"""
{down("airplane-a", "#ffffff", "#dbe4ee", "#93a5b8")}{down("airplane-b", "#5b8bd0", "#27508f")}
<g transform="rotate(-20 64 66)">
<path d="M62 58 50 22h13l30 34z" fill="#3f6cab"/>
<path d="M8 60 2 24h15l24 32z" fill="#e2483d"/>
<path d="M4 58q8-5 24-4l64-4q26 2 32 15-6 14-32 15H40Q14 78 4 58z" fill="url(#airplane-a)"/>
<path d="M15 70q10 8 25 10h52q18-1 26-8z" fill="#e2483d"/>
<path d="M103 54q11 2 15 8l-14 1z" fill="#23364f"/>
<path d="M16 62 0 82h13l24-18z" fill="#c63a31"/>
<g fill="#27405f" stroke="none">{dots("44,62 55,62 66,61 77,61 88,60", 3.4, "")}</g>
<path d="M62 70 28 116h19l45-45z" fill="url(#airplane-b)"/>
<path d="M66 86q12-4 20 2v8q-10 4-20 0z" fill="#f6b73c"/>
</g>""",
    "alarm clock": f"""
{ball("alarm-clock-a", "#ff8a70", "#d93427", "#8f1a17")}{down("alarm-clock-b", "#ffe58a", "#d99a1c")}
<g transform="rotate(12 64 66)">
<path d="M38 104 26 121M90 104l12 17" stroke-width="9"/>
<path d="M64 30V14" stroke-width="5"/><rect x="50" y="5" width="24" height="10" rx="4" fill="#5a6b7c"/>
<g transform="rotate(-38 32 32)"><path d="M10 36a22 20 0 0 1 44 0z" fill="url(#alarm-clock-b)"/></g>
<g transform="rotate(38 96 32)"><path d="M74 36a22 20 0 0 1 44 0z" fill="url(#alarm-clock-b)"/></g>
<circle cx="64" cy="70" r="45" fill="url(#alarm-clock-a)"/>
<circle cx="64" cy="70" r="34" fill="#fdf6e3"/>
<path d="M64 70V36a34 34 0 0 1 34 34z" fill="#7cc7e8" stroke="none"/>
<g stroke="none" fill="#3a3340">{around(12, 64, 70, '<rect x="62" y="39" width="4" height="7"/>')}</g>
<path d="M64 70 42 80" stroke-width="7"/><path d="M64 70 78 46" stroke-width="5"/>
<circle cx="64" cy="70" r="4.5" fill="#d93427"/>
</g>""",
    "anchor": f"""
{across("anchor-a", "#c6d8ea", "#7f9dbc", "#46627f")}
<g transform="rotate(16 64 64)">
<circle cx="60" cy="14" r="13" fill="none" stroke-width="13"/>
<circle cx="60" cy="14" r="13" fill="none" stroke="#9bb4cd" stroke-width="8.5"/>
<path d="M52 30h16v72q26-3 31-26l-13 3 21-34 21 36-12-3q-6 42-56 46-50-4-56-46l-12 3 21-36 21 34-13-3q5 23 31 26z"
 fill="url(#anchor-a)"/>
<rect x="24" y="36" width="72" height="15" rx="7" fill="#d8382f"/>
<path d="M32 41h56" stroke="#ff9d8c" stroke-width="4"/>
{tube("M73 10q36-12 48 8 8 12-2 26", "#f2d28a", 8)}
<path d="M73 10q36-12 48 8 8 12-2 26" fill="none" stroke="#a8793a" stroke-width="8"
 stroke-dasharray="2 8" stroke-linecap="butt"/>
</g>""",
    "axe": f"""
{across("axe-a", "#e9b274", "#b4733a", "#8a5124")}{down("axe-b", "#ef6a4c", "#a92c22")}
<g transform="rotate(34 64 64)">
<path d="M58 2h18l-1 58q0 26 10 46l-18 8q-10-24-9-56z" fill="url(#axe-a)"/>
<path d="M58 74q0 22 9 40l18-8q-8-14-9-34z" fill="#2f6fb5"/>
<path d="M60 84l16-4M62 97l17-6" stroke="#ffe27a" stroke-width="4.4"/>
<path d="M92 10v38l-34-3Q42 58 14 76-16 38 8-16q30 24 50 27z" fill="url(#axe-b)"/>
<path d="M14 76Q-16 38 8-16l14 11Q6 36 28 68z" fill="#e6edf3"/>
<path d="M60 18h15v22H60z" fill="#f2c14a"/><circle cx="40" cy="32" r="6" fill="#f2c14a"/>
</g>""",
    "banana": f"""
{down("banana-a", "#fff08a", "#fbcb2a", "#d3920f")}{down("banana-b", "#f6d13c", "#c28a14")}
<path d="M32 14Q4 60 22 116q10 10 22 2-8-52 6-104z" fill="url(#banana-b)"/>
<path d="M22 116q10 10 22 2l-2-11q-12 6-22 0z" fill="#5a3d1c"/>
<path d="M44 10q10 36 44 48 22 6 40-4 4-12-6-18Q84 40 56 8z" fill="url(#banana-b)"/>
<path d="M128 54q4-12-6-18l-11 1q6 10 2 22z" fill="#5a3d1c"/>
<path d="M32 14q-12 56 20 90 28 24 62 12 8-10 0-18-30-2-46-28Q54 46 54 12z" fill="url(#banana-a)"/>
<path d="M42 28q0 38 24 62 20 16 46 14" fill="none" stroke="#b98410" stroke-width="2.6"/>
<path d="M114 116q8-10 0-18l-11-1q-2 12 1 21z" fill="#5a3d1c"/>
<path d="M28 18 30 2l20-2 6 14q-14 10-28 4z" fill="#7a5a20"/>
<ellipse cx="52" cy="80" rx="10" ry="13" fill="#2f7fd1" transform="rotate(-34 52 80)"/>
<path d="m47 76 10 9" stroke="#fff" stroke-width="4"/>""",
    "bicycle": f"""
<g fill="none"><g stroke="#aab4bd" stroke-width="2.2">
{around(4, 29, 86, '<path d="M29 63v46"/>')}{around(4, 99, 86, '<path d="M99 63v46"/>')}</g>
<circle cx="29" cy="86" r="23" stroke-width="8"/><circle cx="99" cy="86" r="23" stroke-width="8"/></g>
{tube("M84 24 99 86", "#c9d1d8", 5)}
{tube("M29 86 51 52 87 48 61 88zM47 38 61 88M86 40l3 14", "#e0392f", 6.5)}
<path d="M31 32q18-6 32 2-4 8-16 8-12 0-16-10z" fill="#5c3b24"/>
<path d="M81 26q4-8 16-6" fill="none" stroke-width="6"/>
<path d="M90 30h34l-6 24H96z" fill="#d8a862"/><path d="M92 38h29M94 46h25M102 31l3 22M113 31l-2 22" stroke="#8b5c28"/>
<circle cx="61" cy="88" r="10" fill="#f2c14a"/><path d="m61 88 9 13m-5 2 11-4" stroke-width="4.5"/>
<circle cx="29" cy="86" r="5" fill="#dfe6ec"/><circle cx="99" cy="86" r="5" fill="#dfe6ec"/>
{tube("M2 74Q8 58 26 56", "#2e8b57", 5)}""",
    "butterfly": f"""
{ball("butterfly-a", "#ffd257", "#f58220", "#c24d12")}{ball("butterfly-b", "#8fe0f2", "#2f8fd1", "#1c4f94")}
<g transform="rotate(24 64 64)">
<path d="M58 54Q44 14 22 18 8 34 26 60q14 10 32 6z" fill="url(#butterfly-a)"/>
<path d="M58 68Q34 66 28 86q2 18 16 18 12-10 14-28z" fill="url(#butterfly-b)"/>
<path d="M61 54Q80 2 120 6q12 34-16 56-18 12-43 6z" fill="url(#butterfly-a)"/>
<path d="M61 68q40-4 48 20 2 32-22 34-22-14-26-44z" fill="url(#butterfly-b)"/>
<g stroke="none"><path d="M120 6q12 34-16 56l-8-6q20-18 14-42z" fill="{INK}"/>
<path d="M22 18Q8 34 26 60l5-5Q20 36 28 22z" fill="{INK}"/>
{dots("116,22 114,38 106,52 20,32 23,47", 3.4, 'fill="#fff"')}
{dots("92,96", 9, 'fill="#fff3b0"')}{dots("92,96", 4.5, 'fill="#c2281d"')}{dots("41,88", 5, 'fill="#fff3b0"')}</g>
<path d="M64 62 100 22M63 64l36-14" stroke="#8a3410" stroke-width="3"/>
<ellipse cx="60" cy="66" rx="6" ry="29" fill="#4a3728"/><circle cx="60" cy="36" r="7" fill="#4a3728"/>
<path d="M58 30Q52 16 44 10m18 20q6-12 18-14" fill="none" stroke-width="3"/>
</g>""",
    "cactus": f"""
{across("cactus-a", "#8ed16a", "#4b9b45", "#286a35")}{across("cactus-b", "#e58a55", "#a94a26")}
{tube("M56 80H42Q22 80 22 62V54", "#57a54b", 18)}{tube("M72 62h14q18 0 18-18V26", "#3c8a40", 18)}
<rect x="46" y="8" width="34" height="96" rx="17" fill="url(#cactus-a)"/>
<path d="M56 18v76M63 14v80M71 18v76M22 58v8q0 10 12 14M104 28v16" fill="none" stroke="#2c6b35" stroke-width="2.6"/>
<g stroke="#f7f3cf" stroke-width="2.4"><path d="m50 30 5 2m10 8 5-2m-18 18 5 2m8 12 5-2m-17 12 5 2m10-62 5-2"/></g>
<path d="M104 20q-14-2-14-12 8-2 11 2 0-8 6-9 5 4 4 9 6-4 11 0-3 11-18 10z" fill="#ef5da0"/>
<circle cx="104" cy="13" r="3.6" fill="#ffd84d"/>
<path d="M38 102h50l-6 24H44z" fill="url(#cactus-b)"/><rect x="33" y="92" width="60" height="14" rx="4" fill="#d87544"/>
<path d="M42 114h42" stroke="#ffd9a0" stroke-width="4"/>""",
    "camel": f"""
{down("camel-a", "#efc07a", "#d1954a", "#9c6427")}
<path d="M32 74 28 122h11l6-46zM86 74l8 48h-11l-9-44z" fill="#8f5d27"/>
<path d="M9 62q-8 14-3 32" fill="none" stroke-width="5"/><circle cx="6" cy="96" r="5" fill="#6b431b"/>
<path d="M8 68q0-18 16-22 4-26 17-26 12 2 15 24 6-22 18-22 13 4 13 32 9 4 10-14Q97 18 101 12q10-8 20 4 8 6 5 14-8 6-18 2
 4 34-14 48l-2 42H80l-4-38H36l-6 38H18l2-42Q9 82 8 68z" fill="url(#camel-a)"/>
<path d="M46 38q8 5 20-1l7 44H41z" fill="#c8322b"/><path d="M42 74h30l1 8H40z" fill="#f4c542"/>
<path d="m57 46 7 10-7 10-7-10z" fill="#3aa6a0"/>
<path d="M100 14q-6-8-3-12 7 0 9 8z" fill="#b67a37"/><circle cx="110" cy="17" r="3" fill="{INK}"/>
<path d="M114 28q6 0 9-3" fill="none"/><path d="m98 34 12 0" stroke="#c8322b" stroke-width="5"/>""",
    "camera": f"""
{down("camera-a", "#5e7891", "#33475c", "#1f2c3a")}{ball("camera-b", "#b6ecff", "#3c7fd0", "#15254d")}
<g transform="rotate(-9 64 70)">
{tube("M12 52Q-2 22 26 12 52 4 62 18", "#c7853f", 7)}
<path d="M46 40 54 18h32l8 22z" fill="#4a6076"/><path d="M58 23h24l4 12H54z" fill="#c9e4f2"/>
<rect x="98" y="26" width="18" height="16" rx="4" fill="#e2483d"/>
<rect x="6" y="38" width="116" height="74" rx="11" fill="url(#camera-a)"/>
<path d="M6 60V49q0-11 11-11h94q11 0 11 11v11z" fill="#dfe5ea"/>
<rect x="8" y="62" width="26" height="46" rx="4" fill="#8a4b2a"/>
<rect x="15" y="44" width="22" height="12" rx="3" fill="#ffe27a"/>
<circle cx="78" cy="76" r="32" fill="#eef2f5"/><circle cx="78" cy="76" r="25" fill="#22262e"/>
<circle cx="78" cy="76" r="17" fill="url(#camera-b)"/><circle cx="71" cy="69" r="5" fill="#fff" stroke="none"/>
</g>""",
    "candle": f"""
{across("candle-a", "#fffbe8", "#f1dfb0", "#c9a86a")}{down("candle-b", "#f2cf6a", "#b27d20", "#7c5212")}
{down("candle-c", "#ff9a2e", "#ffe14a", "#fff7c0")}
<circle cx="106" cy="96" r="13" fill="none" stroke-width="12"/>
<circle cx="106" cy="96" r="13" fill="none" stroke="#c58f2a" stroke-width="7.5"/>
<path d="M52 44q-20-4-18-20Q36 12 52 0q0 12 10 18 10 20-10 26z" fill="url(#candle-c)"/>
<path d="M52 50V32" stroke-width="3.6"/>
<path d="M32 46q20-6 42 0v52H32z" fill="url(#candle-a)"/>
<path d="M74 46v34q-5 6-8 0-1-14-7-14-6 2-8-12 6-14 23-8z" fill="#fff6d2"/>
<path d="M24 88h58l-8 18H32z" fill="#4b86c6"/>
<path d="M4 98h98q-2 26-49 26T4 98z" fill="url(#candle-b)"/>
<path d="M16 106h60" stroke="#fff0b8" stroke-width="4"/>""",
    "carrot": f"""
{across("carrot-a", "#ffab4a", "#f57a1c", "#c24f0c")}
<g transform="rotate(34 64 64)">
<path d="M56 38Q30 36 18 16q18-6 30 8-8-20 4-32 16 8 12 34 10-18 26-18 2 20-20 32z" fill="#43a047"/>
<path d="M60 36Q52 14 54-2M54 36 30 20m34 16 20-22" fill="none" stroke="#1f6b2c" stroke-width="3"/>
<path d="M100 128Q46 112 34 62q-4-22 22-28 30-6 36 18 2 42 8 76z" fill="url(#carrot-a)"/>
<path d="M35 64h20M91 60 72 64M44 88l20-4M94 92 78 94M64 110l14-4" stroke="#a8400a" stroke-width="3.4"/>
<path d="M44 50q-1 20 8 36" fill="none" stroke="#ffd79a" stroke-width="5"/>
</g>""",
    "castle": f"""
{across("castle-a", "#d7d2c8", "#a59e93", "#7c756c")}{across("castle-b", "#6fa3e0", "#2d559a")}
<path d="M34 62h9v-9h10v9h10v-9h10v9h10v-9h10v70H34z" fill="#b8b1a5"/>
<path d="M8 44h32v78H8z" fill="url(#castle-a)"/><path d="M2 46 24 6l22 40z" fill="url(#castle-b)"/>
<path d="M84 76V66h8v6h8v-6h8v6h8v-6h8v56H84z" fill="url(#castle-a)"/>
<path d="M104 66V34" stroke-width="4"/><path d="M105 34q10-5 20 3-8 1-9 11-5-4-11-1z" fill="#e2483d"/>
<path d="M46 122V98q2-16 16-17 14 1 16 17v24z" fill="#7a4a24"/>
<path d="M54 86v36M62 82v40M70 86v36M46 104h32" stroke="#3f2511" stroke-width="3"/>
<path d="M20 58h9v16h-9zM20 88h9v14h-9zM98 86h10v14H98z" fill="#33405a"/>
<path d="M50 66h8v6h-8zm22 4h8v6h-8zM34 112h8v5h-8zm52-6h8v5h-8zM12 78h7v5h-7z" fill="#8b8479" stroke="none"/>""",
    "cat": f"""
{down("cat-a", "#ffb457", "#ee8a2b", "#c4611a")}
{tube("M86 114q34 6 30-24-4-18 4-32", "#e88229", 12)}
<path d="M113 72l11 3m-9 11 11-2m-14 18 10 6" stroke="#a34e12" stroke-width="4"/>
<path d="M34 66Q22 92 30 124h66q16-34-16-58z" fill="url(#cat-a)"/>
<path d="M40 70q-4 24 6 38 14-10 14-36z" fill="#fff4e2"/>
<path d="M42 124v-22q-10-4-14 4v18zM66 124v-20q-10-4-14 4v16z" fill="#f9a64c"/>
<path d="M96 92q-14-4-20 10m18-24q-10-4-18 4" fill="none" stroke="#a34e12" stroke-width="4"/>
<path d="M14 44 10 6l24 14q12-4 24 0L80 4 76 44q0 30-31 30T14 44z" fill="url(#cat-a)"/>
<path d="m16 14 12 9-9 9zM73 13 62 23l9 9z" fill="#f6a6a0"/>
<path d="M45 18v14M36 19l2 10M54 19l-2 10" stroke="#a34e12" stroke-width="4"/>
<path d="M28 56q8-10 17-4 9-6 17 4-3 16-17 16T28 56z" fill="#fff4e2" stroke="none"/>
<ellipse cx="31" cy="44" rx="6" ry="7" fill="#7bc043"/><ellipse cx="58" cy="44" rx="6" ry="7" fill="#7bc043"/>
<path d="M31 40v8m27-8v8" stroke-width="3.6"/><path d="M40 52h10l-5 6z" fill="#e0566a"/>
<path d="M45 58v4m0 0-6 4m6-4 6 4" fill="none"/>""",
    "chair": f"""
{down("chair-a", "#ef6f5b", "#b8312a")}
{tube("M74 60v42", "#7a4a22", 7)}
{tube("M22 10l10 108M70 6l6 54", "#b9783a", 8)}
<path d="M14 8q28-10 60-8l2 22q-30-2-58 8z" fill="#d99a55"/>
<path d="M22 40q24-8 52-6l1 12q-26-2-52 6z" fill="#d99a55"/>
{tube("M110 74v36M64 90v32", "#b9783a", 8)}
<path d="M30 104 62 110M66 108l42-10" stroke="#7a4a22" stroke-width="5"/>
<path d="M24 72 78 58l42 14-54 20z" fill="#c98a47"/><path d="M24 72v8l42 20 54-20v-8L66 92z" fill="#9a6129"/>
<path d="M26 66 76 54l40 14-50 18q-24-8-40-20z" fill="url(#chair-a)"/>
<path d="m46 66 30-8m-18 16 34-10M62 60l26 14M44 64l24 16" stroke="#ffe0a6" stroke-width="3"/>""",
    "cherries": f"""
{ball("cherries-a", "#ff8c84", "#d81f30", "#7a0a1c")}{ball("cherries-b", "#f2606c", "#b5152c", "#5a0616")}
{across("cherries-c", "#8fd454", "#2f8a34")}
{tube("M36 70Q44 30 84 10", "#8aa33a", 5)}{tube("M96 60Q102 34 84 10", "#6f8a2c", 5)}
<path d="M78 12Q56-6 22 10 10 18 4 32q26 14 52 0 14-8 22-20z" fill="url(#cherries-c)"/>
<path d="M72 14Q44 12 14 28m28-12-6 14m20-14-4 14m-26-8-4 8" fill="none" stroke="#1f6427" stroke-width="2.6"/>
<circle cx="94" cy="80" r="27" fill="url(#cherries-b)"/><circle cx="38" cy="92" r="32" fill="url(#cherries-a)"/>
<path d="M18 88q2-14 14-18" fill="none" stroke="#fff" stroke-width="6"/>
<path d="M92 60q12 0 18 10" fill="none" stroke="#ffc4c4" stroke-width="5"/>
<path d="M76 12q4-9 16-8l4 6q-10 8-20 2z" fill="#7a5a20"/>""",
    "chess knight": f"""
{across("chess-knight-a", "#fff3d6", "#e6c893", "#b08a4e")}{across("chess-knight-b", "#f2d9a8", "#9a7138")}
<path d="M66 12q46 8 42 60-2 18-10 30H82Q94 60 66 12z" fill="#6b3d1e"/>
<path d="M84 24q16 2 18 14m-12 0q16 2 18 16m-14 0q14 4 14 18m-15 0q12 6 9 18" fill="none" stroke="#b77a44"
 stroke-width="4"/>
<path d="M34 102q2-24 28-42-16 10-28 6-8 14-18 8-8-6-4-16 16-16 20-30 4-14 18-20l4-10 14 14q36 40 18 90z"
 fill="url(#chess-knight-a)"/>
<path d="M62 60q8-6 10-18" fill="none" stroke-width="3"/><circle cx="41" cy="34" r="4.5" fill="{INK}"/>
<circle cx="17" cy="62" r="2.6" fill="{INK}" stroke="none"/><path d="M20 74q2-6 10-8" fill="none"/>
<path d="M29 46q3 12 13 22M37 58 64 20" fill="none" stroke="#c2302a" stroke-width="5.5"/>
<path d="M28 100h72l6 12H22z" fill="url(#chess-knight-b)"/><rect x="14" y="112" width="98" height="13" rx="4"
 fill="#2f8f5b"/>""",
    "crab": f"""
{ball("crab-a", "#ff9a6b", "#e0442a", "#96201a")}
{tube("M34 86 10 88 4 102M38 96l-18 8-2 16M92 86l26 0 6 14M88 96l20 6 4 16M46 104l-8 18M80 104l10 18", "#d6412b", 6)}
{tube("M40 66Q24 66 26 52", "#d6412b", 9)}{tube("M92 66q12-2 12-14", "#d6412b", 7)}
<path d="M18 60Q-6 36 10 10 20-2 30 2l-4 26L46 8q18 26-2 48-12 8-26 4z" fill="url(#crab-a)"/>
<path d="M98 58q-8-12-2-24l10 10 4-18q18 8 14 24-8 14-26 8z" fill="url(#crab-a)"/>
<path d="M56 58 54 40M76 58l4-20" stroke-width="5"/>
<circle cx="54" cy="38" r="8" fill="#fff"/><circle cx="80" cy="36" r="8" fill="#fff"/>
<circle cx="52" cy="39" r="3.4" fill="{INK}"/><circle cx="78" cy="37" r="3.4" fill="{INK}"/>
<ellipse cx="66" cy="80" rx="38" ry="28" fill="url(#crab-a)"/>
<path d="M40 92q26 20 52 0-8 16-26 16T40 92z" fill="#ffd9a6"/>
<path d="M52 84q10 8 22 2" fill="none" stroke-width="3.4"/>
<g stroke="none" fill="#ffd05c">{dots("44,70 54,64 88,72", 4.4, "")}</g>""",
    "dinosaur": f"""
{down("dinosaur-a", "#8bd06a", "#4f9f47", "#2b6b38")}
<path d="M10 102 14 84l12 10zM24 94l2-20 14 8zM34 80l4-24 14 12zM44 62l6-22 14 12zM56 48l2-24 14 16zM68 34 66 12l14 8z"
 fill="#f28c28"/>
<path d="M2 104q26-4 38-34 8-24 26-28 0-20 8-30 16-12 44-2 8 8 6 20l-24 8 20 2q0 12-20 14-8 4-6 18 0 18-14 26l2 14 14
 4v8H66
 l-2-22-10 2-2 10 10 4v6H36l-2-22Q20 110 2 104z" fill="url(#dinosaur-a)"/>
<path d="M92 60q4 24-16 38-8-2-8-20 8-16 24-18z" fill="#f4e6a0"/>
<path d="M75 92q3-6 3-12M72 80q10-8 20-8" fill="none" stroke="#b59a4a"/>
{tube("M82 66 102 70l0 8", "#5dae50", 7)}
<circle cx="94" cy="20" r="6" fill="#fff"/><circle cx="96" cy="20" r="2.8" fill="{INK}"/>
<path d="m100 38 4 6 4-7 4 5 4-7 3-4z" fill="#fff" stroke-width="1.5"/><circle cx="116" cy="17" r="2" fill="{INK}"/>
<g stroke="none" fill="#2b6b38">{dots("52,66 60,56 48,80 62,72 34,92 58,86", 3.6, "")}</g>""",
    "duck": f"""
{ball("duck-a", "#fff08a", "#ffd023", "#d6920c")}
<path d="M26 38Q4 30 2 42q2 14 28 14z" fill="#f5791f"/><path d="M4 45q12 2 22 0" fill="none"/>
<path d="M12 82Q6 120 60 121q56-1 60-44 2-14 6-24-20 8-36 8-12 0-18-4 8-8 8-22A29 29 0 1 0 28 54q4 6 0 10-13 6-16 18z"
 fill="url(#duck-a)"/>
<path d="M22 66q14 10 42-2l10-4-2-6q-6-1-8-4Q46 62 30 58z" fill="#2e86d1"/>
<path d="M52 78q30-10 54 0-4 26-32 28-20-4-22-28z" fill="#f2ab14"/>
<path d="M64 88q12 6 30-2m-22 12q10 2 20-4" fill="none" stroke="#a86a08" stroke-width="3"/>
<circle cx="40" cy="32" r="7" fill="#fff"/><circle cx="38" cy="32" r="3.8" fill="{INK}"/>
<path d="M22 98q8 12 26 16" fill="none" stroke="#fff7c4" stroke-width="4"/>""",
    "elephant": f"""
{down("elephant-a", "#b9c4d2", "#8593a8", "#566276")}
<path d="M120 62q8 14 3 34" fill="none" stroke-width="5"/>
<path d="M58 84h20v36H58zM96 84h18v36H96z" fill="#566276"/>
<path d="M38 40Q78 14 108 36q16 14 14 46v40h-20V96q-14 6-30 2v24H50V94q-18-10-12-54z" fill="url(#elephant-a)"/>
<path d="M70 24q24-2 36 10l4 34q-22 10-42 2z" fill="#d63a3a"/>
<path d="m71 62q20 6 39-2l1 9q-20 9-42 1z" fill="#f6c945"/><path d="m88 34 7 10-7 10-7-10z" fill="#f6c945"/>
{tube("M32 66Q2 86-6 56-8 32 4 18", "#8d9bb0", 14)}
<path d="M-14 40l13 2M-14 54l14-3M-7 68l11-10" stroke="#5d6c83" stroke-width="3"/>
<path d="M18 54Q16 28 40 26q24 2 24 28-2 24-26 26-18-2-20-26z" fill="url(#elephant-a)"/>
<path d="M22 54l10-8v26H22z" fill="#8d9bb0" stroke="none"/>
<path d="M42 34q30-6 32 20-4 30-26 26Q36 58 42 34z" fill="#98a5b8"/>
<path d="M48 42q18-2 18 14-4 16-16 16-8-14-2-30z" fill="#eba6a8" stroke="none"/>
<circle cx="29" cy="50" r="3.6" fill="{INK}"/><path d="M30 74q-6 14-24 8 8 14 22 10 8-6 8-14z" fill="#fff8e6"/>
<path d="M50 116h22M102 116h20" stroke="#f2e6d0" stroke-width="4"/>""",
    "fish": f"""
<g transform="rotate(-14 64 64)">
{down("fish-a", "#ffb056", "#f5731d", "#c2450f")}
<clipPath id="fish-b"><path d="M4 68Q24 30 66 30q26 2 36 28 4 8 0 16-12 26-38 26Q24 100 4 68z"/></clipPath>
<path d="M42 36Q52 6 88 14l6 26z" fill="#2f9fb5"/><path d="M50 34Q60 20 84 22" fill="none" stroke="#d6f3f7"/>
<path d="M36 92q-2 22 14 28 12-10 12-24z" fill="#2f9fb5"/><path d="M76 96l14 14 4-16z" fill="#2f9fb5"/>
<path d="M98 58 124 34q-2 18-6 32 6 14 4 34L98 76z" fill="#2f9fb5"/>
<path d="m106 58 12-10m-10 18h8m-10 8 10 12" stroke="#d6f3f7"/>
<path d="M4 68Q24 30 66 30q26 2 36 28 4 8 0 16-12 26-38 26Q24 100 4 68z" fill="url(#fish-a)"/>
<g clip-path="url(#fish-b)"><path d="M34 26q14 38 0 80h16q14-40 0-80zM78 26q12 40-2 78h14q14-36 2-78z" fill="#fff"/></g>
<path d="M4 68Q24 30 66 30q26 2 36 28 4 8 0 16-12 26-38 26Q24 100 4 68z" fill="none" stroke-width="3"/>
<path d="M58 64q18-6 22 8-6 14-22 8-4-8 0-16z" fill="#ffcf7d"/>
<circle cx="23" cy="58" r="7.5" fill="#fff"/><circle cx="21" cy="58" r="4" fill="{INK}"/>
<path d="M5 70q8 4 14 8" fill="none" stroke-width="3"/></g>""",
    "giraffe": f"""
{down("giraffe-a", "#ffdf84", "#f2b743", "#cf8a22")}
<path d="M14 84q-10 10-8 28" fill="none" stroke-width="4.5"/><circle cx="6" cy="112" r="4.5" fill="#5c3416"/>
<path d="M28 84 24 124h9l6-38zM62 88l6 36h9l-4-40z" fill="#c28a2c"/>
<path d="M10 86q0-22 30-24 14 0 20-8Q70 34 80 14q6-10 16-8 12 4 26 18 2 8-6 10-10 2-18-2-12 28-14 46 0 12-6 18l4
 28H68l-8-30H34
 l-6 30H17l2-32q-9-2-9-10z" fill="url(#giraffe-a)"/>
<path d="M62 52Q72 32 80 12" fill="none" stroke="#8a4a1a" stroke-width="6"/>
<path d="M86 8 82-1m12 6 2-8" stroke-width="4"/><circle cx="82" cy="0" r="3" fill="#8a4a1a"/>
<circle cx="96" cy="-1" r="3" fill="#8a4a1a"/><path d="M80 14q-10-6-12 0 4 6 12 4z" fill="#e2a63a"/>
<circle cx="97" cy="14" r="3.2" fill="{INK}"/><path d="M108 28q8 0 12-3" fill="none"/>
<path d="M118 20q8 4 4 12-6 4-12 2-2-10 8-14z" fill="#f7dcae" stroke="none"/>
<g fill="#8f4d1b" stroke="none"><path d="m20 74 10-4 6 8-8 8-10-4zM40 68l12-2 4 10-10 6-8-6zM30 88l8-4 6 6-8 5zM52
 86l8-4 6 6-6 6z
M62 66l10-4 2 10-8 6-6-6zM70 50l10-4 0 10-8 4zM76 36l10-2-2 9-8 2zM82 24l8-1-2 8-8 1zM76 80l5-6 0 12zM14 84l5 2-2 6z
M20 100l6 0-1 8-5 0zM72 102l6 0 1 8-5 0z"/></g>""",
    "glove": f"""
{across("glove-a", "#4aa7d8", "#2a7ab8", "#1b5488")}
<g fill="none" stroke-width="21"><path d="M38 62 26 32M54 58 50 16M71 58l3-44M86 62l10-36M88 88l26-26"/></g>
<path d="M26 60h70v44H36z" fill="#2a7ab8" stroke-width="4"/>
<g fill="none" stroke-width="16.5"><path d="M38 62 26 32" stroke="#4aa7d8"/><path d="M54 58 50 16" stroke="#3e98cc"/>
<path d="m71 58 3-44" stroke="#338bc2"/><path d="m86 62 10-36" stroke="#2a7ab8"/>
<path d="m88 88 26-26" stroke="#2368a0"/></g>
<path d="M29 56h65l-1 46H38z" fill="url(#glove-a)" stroke="none"/>
<g stroke="#fff" stroke-width="4.4">{around(3, 60, 76, '<path d="M60 62v28m-4-25 4 5 4-5m-8 22 4-5 4 5"/>')}</g>
<path d="M20 34l12-5M44 18l12-1M68 16l13 0M90 28l13 4M108 60l8 9" stroke="#ffd84d" stroke-width="6"/>
<path d="M34 100h60l2 25H34z" fill="#f3efe6"/><path d="M34 106h61v6H34zM34 118h62v6H34z" fill="#d8382f" stroke="none"/>
<path d="M34 100h60l2 25H34z" fill="none"/>""",
    "grapes": f"""
{ball("grapes-a", "#d9a0f2", "#8a3fb8", "#4a1670")}{ball("grapes-b", "#a9b4f5", "#5557c4", "#2a2470")}
{across("grapes-c", "#9bd65c", "#3f8f35")}
{tube("M66 34Q70 16 58 4", "#8b5e2c", 6)}
<path d="M68 26Q78 4 98 6q4-4 12-2 2 6 12 8 0 10-4 14 2 12-8 14-16 6-42-14z" fill="url(#grapes-c)"/>
<path d="M72 26q20-10 44-8m-28 4 4-10m4 8 10 12" fill="none" stroke="#236b2a" stroke-width="2.6"/>
{dots("30,48 50,40 70,44 88,54", 14.5, 'fill="url(#grapes-b)"')}
{dots("20,66 40,62 60,62 78,68", 14.5, 'fill="url(#grapes-a)"')}
{dots("30,82 50,80 70,84", 14.5, 'fill="url(#grapes-b)"')}
{dots("42,98 60,98", 14.5, 'fill="url(#grapes-a)"')}{dots("50,113", 12.5, 'fill="url(#grapes-b)"')}
<g stroke="none" fill="#f4e6ff">{dots("26,44 46,36 66,40 16,62 36,58 56,58 74,64 26,78 46,76 38,94", 3, "")}</g>""",
    "guitar": f"""
{ball("guitar-a", "#ffc069", "#d97a22", "#8a3f0e")}
<g transform="rotate(42 64 64)">
<path d="M48-42h32l-8 30H54z" fill="#5a2f16"/>
<path d="M48-36h-5M50-27h-5M52-18h-5M80-36h5M78-27h5M76-18h5" stroke="#dfe6ec" stroke-width="6"/>
<path d="M56 62Q46 60 44 50 42 40 32 44q-12 8-8 28 2 8-4 14-12 14-8 30 8 28 50 28 46 0 52-34 2-18-14-28-4-4 0-12
 2-14-6-16-6 0-10 10z"
 fill="url(#guitar-a)"/>
<path d="M55-14h17v90H55z" fill="#3b2413"/>
<path d="M56-2h15M56 10h15M56 22h15M56 34h15M56 46h15" stroke="#d8c9a4" stroke-width="3"/>
<circle cx="63" cy="84" r="14.5" fill="#2b1a10" stroke="#f6dca0" stroke-width="5"/>
<path d="M82 78q24 8 18 36-12 4-14-10-2-10-10-14z" fill="#8a1f1f"/>
<rect x="42" y="115" width="40" height="10" rx="2" fill="#3b2413"/><circle cx="29" cy="112" r="5" fill="#ffe27a"/>
<path d="M59-14v132M63.5-14v132M68-14v132" stroke="#f3ead4" stroke-width="1.6"/>
</g>""",
    "hammer": f"""
{down("hammer-a", "#e4ebf1", "#9aa9b7", "#586674")}{across("hammer-b", "#e6b06b", "#a4672e")}
<g transform="rotate(-42 64 64)">
<path d="M56 30h18l2 52H54z" fill="url(#hammer-b)"/>
<path d="M52 76h26l3 46q-16 8-32 0z" fill="#2e6fc0"/>
<path d="M51 90h28M50 102h30M50 113h30" stroke="#ffd84d" stroke-width="4"/>
<path d="M12 6h22v8h42q34-2 52 34-24-14-46-6H34v8H12z" fill="url(#hammer-a)"/>
<path d="M12 6h12v44H12z" fill="#44505c"/><path d="M54 14h22v28H54z" fill="#c9342b"/>
<path d="M92 32q18 0 30 12" fill="none" stroke-width="4"/>
</g>""",
    "helicopter": f"""
{down("helicopter-a", "#ffd75a", "#f0a51c", "#b06a0c")}{ball("helicopter-b", "#e2f6ff", "#7fc0e4", "#3f7fae")}
<path d="M50 40V22" stroke-width="7"/>
<path d="M2 20q48-10 98-2l2 6Q52 16 4 26z" fill="#56657a"/><circle cx="50" cy="19" r="6" fill="#d8382f"/>
<path d="M78 56l46-8 2 12-46 20z" fill="#e59a18"/><path d="M110 52 104 26h12l10 22z" fill="#d8382f"/>
<path d="M6 72q2-34 44-34 38 0 42 26 0 28-34 32H34Q8 94 6 72z" fill="url(#helicopter-a)"/>
<path d="M10 70q2-26 30-27v29q-16 6-30-2z" fill="url(#helicopter-b)"/>
<path d="M48 46h24v24H48z" fill="url(#helicopter-b)"/>
<path d="M8 80q24 8 84-8 0 6-4 10-40 14-78 6z" fill="#d8382f"/>
<path d="M34 96 28 112M66 96l6 16" stroke-width="5"/><path d="M8 106q2 8 12 8h68" fill="none" stroke-width="7"/>
<path d="M112 40l12 22m0-22-12 22" stroke="#dfe6ec" stroke-width="4.4"/>
<circle cx="118" cy="51" r="4" fill="#2a2430"/>""",
    "house": f"""
{down("house-a", "#f5e3bd", "#dcb983")}{down("house-b", "#d95a43", "#9c2f24")}
<path d="M88 36V6h18v34z" fill="#8c5a44"/><path d="M84 2h26v9H84z" fill="#b98069"/>
<path d="M70 64 116 58v52l-46 12z" fill="#b58d58"/>
<path d="M12 62 40 20l32 42v60H12z" fill="url(#house-a)"/>
<path d="M40 16 98 18l28 42-52 8z" fill="url(#house-b)"/><path d="M40 14 2 66l8 6 30-42 30 40 8-4z" fill="#7d241c"/>
<path d="M58 28h44M66 40h44M74 53l44-2" stroke="#7d241c" stroke-width="2.6"/>
<path d="M18 82h20v40H18z" fill="#2f74b5"/><circle cx="33" cy="103" r="2.6" fill="#ffd84d"/>
<path d="M47 84h18v20H47z" fill="#aee3f5"/><path d="M56 84v20m-9-10h18"/>
<circle cx="40" cy="52" r="8" fill="#aee3f5"/>
<path d="m82 76 24-4v20l-24 5z" fill="#ffe27a"/><path d="m94 74v20m-12-8 24-4"/>
<path d="M68 124q2-12 12-10 6-10 16-4 10-6 16 2 12-2 12 12z" fill="#4fa24a"/>""",
    "ice cream": f"""
{ball("ice-cream-a", "#ffd0df", "#f57ba3", "#c74478")}{ball("ice-cream-b", "#b07a54", "#6b3d22", "#3d1f10")}
{ball("ice-cream-c", "#e4fbe6", "#8fd8b0", "#4aa384")}{across("ice-cream-d", "#f4c178", "#c9853a")}
<g transform="rotate(15 64 64)">
<path d="M86 6 102 0l4 50-18 4z" fill="#d9a25a"/><path d="m88 16 14-5m-13 15 14-4m-13 14 14-3" stroke="#8d5a22"/>
<circle cx="60" cy="24" r="22" fill="url(#ice-cream-c)"/>
<circle cx="46" cy="50" r="23" fill="url(#ice-cream-a)"/>
<path d="M60 40q20-14 34 4 8 18-4 30l-34-2z" fill="url(#ice-cream-b)"/>
<path d="M28 66h70l-34 66z" fill="url(#ice-cream-d)"/>
<path d="M40 68 76 108M58 68l28 30M78 68l14 14M86 68 50 108M68 68 40 92M50 68 32 78" stroke="#8d5a22"
 stroke-width="2.6"/>
<path d="M24 62q10-6 20 0 10-4 20 0 10-6 20 0 10-4 18 2-2 10-10 8-8 10-16 2-8 6-16 0-8 10-18 0-16 4-18-12z"
 fill="#fff0d8"/>
<g stroke-width="4"><path d="m48 20 6-4" stroke="#e0392f"/><path d="m64 14 6 4" stroke="#3d6fd1"/>
<path d="m58 30 7-2" stroke="#f5a21c"/><path d="m70 30 4 6" stroke="#e0392f"/></g>
</g>""",
    "key": f"""
{down("key-a", "#ffe58a", "#dda21e", "#8f5f0c")}
<g transform="rotate(-38 64 64)">
<path d="M52 56h64q8 0 8 8v38h-13V90h-7v9H93V84h9v-8H52z" fill="url(#key-a)"/>
<path d="M66 52h10v28H66z" fill="#f4c542"/>
<path fill-rule="evenodd" d="M26 32q34 0 34 34t-34 34q-34 0-34-34t34-34zm0 19a15 15 0 1 0 .1 0z" fill="url(#key-a)"/>
<path d="M26 38q-26 2-28 28" fill="none" stroke="#fff3c0" stroke-width="4"/>
<path d="M28 80q-14 14-10 42l12-8 10 10q4-26-4-44z" fill="#d8382f"/><path d="M27 90q-4 12-2 22m8-20q2 10 1 18"
 fill="none" stroke="#f59a8f" stroke-width="3"/>
</g>""",
    "kite": """
<path d="M70 108q14 24 30 4t22-34" fill="none" stroke-width="5.5"/>
<path d="M92 114 76 120l8-20zm0 0 20 4-6 12zM114 90 98 82l4 20zm0 0 14-4-2 18z" fill="#f29a2e"/>
<path d="M122 78l-8-14 10-10 8 14z" fill="#d8382f"/>
<path d="M44-4 0 50 54 42z" fill="#f2c12e"/><path d="M44-4 100 36 54 42z" fill="#d8382f"/>
<path d="M0 50 54 42 70 108z" fill="#2f7fd1"/><path d="M100 36 54 42 70 108z" fill="#3fae6a"/>
<path d="M44-4 70 108M0 50 100 36" stroke="#5a3a1e" stroke-width="5"/>
<circle cx="67" cy="24" r="8" fill="#fff"/><path d="M24 56l26 20m-8-24 14 10" stroke="#fff" stroke-width="6"/>
<path d="M74 50l12-2-6 22z" fill="#f2c12e"/>""",
    "lamp": f"""
{across("lamp-a", "#52c3b0", "#1f8a80", "#0d5550")}{down("lamp-b", "#6a7787", "#333d49")}
{tube("M36 110 22 62 70 34", "#c8d0d8", 8)}
<path d="M30 92 18 62" stroke="#d8382f" stroke-width="3.4"/>
<circle cx="22" cy="62" r="8" fill="#f2c12e"/>
<path d="M4 112q2-12 34-12t36 12v10H4z" fill="url(#lamp-b)"/><circle cx="60" cy="112" r="4.5" fill="#d8382f"/>
<g transform="rotate(-38 84 40)"><ellipse cx="84" cy="82" rx="17" ry="17" fill="#fff2a0"/>
<path d="M72 14h24v16q24 12 28 50H44q4-38 28-50z" fill="url(#lamp-a)"/>
<path d="M44 80h80v7H44z" fill="#f4f1e8"/><path d="M60 68q2-20 16-32" fill="none" stroke="#b4efe4" stroke-width="5"/>
<path d="M74 4h20v12H74z" fill="#333d49"/></g>""",
    "lighthouse": f"""
{across("lighthouse-a", "#ffffff", "#e7e4de", "#a9a59c")}{across("lighthouse-b", "#f05c48", "#cf2f28", "#861a19")}
<path d="M54 26 4 4v44l50-10z" fill="#ffe680"/>
<path d="M36 116 46 44h32l12 72z" fill="url(#lighthouse-a)"/>
<path d="m44 60 36 0 3 17H41zM39 92l46 0 3 16H37z" fill="url(#lighthouse-b)"/>
<path d="M50 20h24v22H50z" fill="#ffd84d"/><path d="M58 20v22m8-22v22" stroke-width="3"/>
<path d="M46 22Q50 4 62 2q12 2 16 20z" fill="url(#lighthouse-b)"/><path d="M40 40h44v8H40z" fill="#3d4957"/>
<path d="M58 64h8v10h-8zm2 14" fill="#33405a"/>
<path d="M86 92h36v26H86z" fill="#f5e3bd"/><path d="M80 94 104 74l24 20z" fill="#3f6fb5"/>
<path d="M98 100h11v18H98z" fill="#7a4a24"/>
<path d="M2 126q2-18 16-14 8-10 18 0 30 4 50 2 20-6 40 12z" fill="#6d7a70"/>
<path d="M10 118q8-4 12 2m14-4q8-2 14 4" fill="none" stroke="#a8b5a8" stroke-width="3"/>""",
    "lock": f"""
{down("lock-a", "#ffe07a", "#e0a022", "#98660f")}{across("lock-b", "#f2f5f8", "#97a5b3", "#5b6977")}
<g transform="rotate(-10 64 70)">
<path d="M26 66V36Q26-2 64-2t40 36v14H88V36q-2-22-24-22T42 36v30z" fill="url(#lock-b)" transform="translate(0 4)"/>
<rect x="14" y="56" width="94" height="70" rx="12" fill="url(#lock-a)"/>
<path d="M14 68V68q0-12 12-12h14v70H26q-12 0-12-12z" fill="#b5402f"/>
<path d="M22 70v42" stroke="#f09a84" stroke-width="5"/>
<circle cx="74" cy="92" r="22" fill="#5d6f86"/>
<path d="M74 76a9 9 0 0 1 5 16l4 16H65l4-16a9 9 0 0 1 5-16z" fill="#16181d"/>
<path d="M52 64h44" stroke="#fff6cf" stroke-width="4"/>
</g>""",
    "magnet": f"""
{across("magnet-a", "#ff7a66", "#d6302b", "#93181c")}{across("magnet-b", "#6aa8ec", "#2a63b8", "#173b78")}
<g transform="rotate(32 64 64)">
<path d="M16 22h32v46q0 16 16 18v34Q16 114 16 66z" fill="url(#magnet-a)"/>
<path d="M112 22H80v46q0 16-16 18v34q48-6 48-54z" fill="url(#magnet-b)"/>
<path d="M16 16h32v24H16zM80 16h32v24H80z" fill="#e8edf2"/><path d="M20 22h10M84 22h10" stroke="#fff" stroke-width="4"/>
<path d="M24 52v18q2 24 20 34" fill="none" stroke="#ffc0b4" stroke-width="5"/>
<path d="M36 8 24-4l10-4-4-12L46-6l-10 4zM100 8l2-20 8 10 6-16-2 26-6-6z" fill="#ffd84d"/>
</g>""",
    "microscope": f"""
{across("microscope-a", "#eef2f5", "#b3c0cc", "#72818f")}{down("microscope-b", "#4b6fb0", "#263f70")}
<path d="M66 22q44 6 46 48-2 26-24 40l-16-8q22-12 22-34-2-22-32-28z" fill="url(#microscope-b)"/>
<g transform="rotate(24 58 48)"><path d="M46 0h24v14H46z" fill="#2a2f3a"/>
<path d="M44 12h28v52H44z" fill="url(#microscope-a)"/><path d="M44 26h28v8H44z" fill="#e2483d"/>
<path d="M48 64h20v14H48z" fill="#7c8a98"/><path d="M52 78h12l-3 10h-6z" fill="#f2c14a"/></g>
<path d="M14 90h64v9H14z" fill="#39434f"/><path d="M22 84h30v6H22z" fill="#8fe0d0"/>
<circle cx="98" cy="62" r="10" fill="#f2c14a"/><circle cx="98" cy="62" r="3.6" fill="#8a5f12"/>
<path d="M16 112q4-10 20-10h56q16 0 18 12v12H16z" fill="url(#microscope-b)"/>
<path d="M28 114h44" stroke="#a9c3ee" stroke-width="4"/><circle cx="98" cy="114" r="4" fill="#7be07b"/>""",
    "mushroom": f"""
{ball("mushroom-a", "#ff7b5c", "#d92b26", "#8d1016")}{across("mushroom-b", "#fffaf0", "#efdfc2", "#b79b74")}
<path d="M92 92q2 18-2 34h20q-4-16-4-34z" fill="url(#mushroom-b)"/>
<path d="M76 98q2-26 24-26 22 2 24 24-24 8-48 2z" fill="#d99a3c"/>
<g stroke="none" fill="#fff1cf">{dots("90,86 104,82 112,92", 3.6, "")}</g>
<g transform="rotate(-12 52 70)"><path d="M38 62q4 30-6 62 22 10 48 0-12-30-8-62z" fill="url(#mushroom-b)"/>
<path d="M34 72q20 18 42-2 6 12 0 18-20 12-40 0-6-6-2-16z" fill="#fff4dc"/>
<path d="M0 66Q4 14 54 8q50 4 58 54-8 14-56 16Q8 80 0 66z" fill="url(#mushroom-a)"/>
<g fill="#fff8ea" stroke-width="1.6"><ellipse cx="44" cy="26" rx="12" ry="8"/><ellipse cx="78" cy="30" rx="8" ry="7"/>
<ellipse cx="22" cy="50" rx="9" ry="8"/><ellipse cx="60" cy="54" rx="13" ry="9"/>
<ellipse cx="95" cy="54" rx="7" ry="8"/>
</g></g>
<path d="M4 126q6-14 10-2 6-16 12 0 6-12 8 2zM64 126q6-12 10 0 6-14 10 0z" fill="#55a84a"/>""",
    "octopus": f"""
{ball("octopus-a", "#f2a3dc", "#b5479f", "#6c1f6b")}
{tube("M34 70Q6 74 8 96q4 14 16 6M44 80Q30 92 34 110q8 14 16 2M60 82q2 20-2 34", "#b84ca2", 12)}
{tube("M74 80q18 8 16 32 4 12 16 6M84 70q28-6 30-34-4-12-14-6", "#b84ca2", 12)}
{tube("M88 78q26 0 30 18 2 10-8 10", "#9d3a8c", 11)}{tube("M30 64Q8 60 8 44", "#c65cb0", 11)}
<path d="M22 44Q22 4 62 4q38 2 38 42 0 18-10 30-10 16-30 16T30 74q-8-14-8-30z" fill="url(#octopus-a)"/>
<g fill="#ffd6f2" stroke="none">{dots("9,90 34,104 59,108 92,104 113,42 114,92", 3.6, "")}</g>
<circle cx="42" cy="54" r="12" fill="#fff"/><circle cx="72" cy="52" r="9" fill="#fff"/>
<circle cx="40" cy="56" r="6" fill="{INK}"/><circle cx="71" cy="54" r="4.6" fill="{INK}"/>
<ellipse cx="57" cy="76" rx="7" ry="6" fill="#7a1240"/>
<g fill="#ffe27a" stroke="none">{dots("52,20 70,16", 4.6, "")}{dots("84,30 62,30", 3.4, "")}</g>
<path d="M34 34q4-14 14-18" fill="none" stroke="#ffe3f6" stroke-width="4"/>""",
    "owl": f"""
{down("owl-a", "#a9b9d6", "#7183ae", "#434f7d")}
<path d="M78 66q4-34 46-50 4 16-6 24 8 4 2 16 2 8-8 14 0 10-12 14-8 8-22 4z" fill="#4a588a"/>
<path d="M90 64q10-20 26-30m-22 40q12-12 22-16m-22 26q10-6 14-8" fill="none" stroke="#c6d3ee" stroke-width="3.4"/>
<path d="M74 92q10 16 8 34l-12-2-10-20z" fill="#39446f"/>
<path d="M16 22 6 0q16 4 28 12 16-4 30 0l22-8-6 24q12 20 6 46-6 30-38 32-34-4-36-36Q8 42 16 22z" fill="url(#owl-a)"/>
<path d="M24 66q20-12 42 0 4 28-18 36-22-8-24-36z" fill="#f8f3e4"/>
<path d="m32 74 5 5 5-5m4 0 5 5 5-5m-22 12 5 5 5-5m4 0 5 5 5-5" fill="none" stroke="#6478b0" stroke-width="3.4"/>
<path d="M10 64q-8 22 6 40 12-10 8-34z" fill="#4a588a"/>
<circle cx="30" cy="42" r="19" fill="#fffdf4"/><circle cx="66" cy="42" r="17" fill="#fffdf4"/>
<circle cx="30" cy="42" r="12.5" fill="#ffb81f"/><circle cx="66" cy="42" r="11" fill="#ffb81f"/>
<circle cx="29" cy="43" r="6.4" fill="{INK}"/><circle cx="65" cy="43" r="6" fill="{INK}"/>
<path d="M42 52h12l-7 14z" fill="#f0812a"/>
<path d="M0 108q40 6 78 0 24-6 44-4v11q-20-2-44 6-40 6-78-2z" fill="#9a6a38"/>
<path d="M100 104q2-18 22-20 2 14-14 20z" fill="#5cb04c"/>
<path d="M36 102v14m8-14v14m14-14v14m8-15v14" stroke="#f0812a" stroke-width="5"/>""",
    "palm tree": f"""
{across("palm-tree-a", "#c98f52", "#8f5a28")}{down("palm-tree-b", "#7fd05c", "#2f8f3f")}
<path d="M4 118q30-22 66-14 28-4 52 14-30 10-60 8-34 0-58-8z" fill="#f2d486"/>
<path d="M42 110q6-40 20-74l14 4q-16 36-16 70-10 4-18 0z" fill="url(#palm-tree-a)"/>
<path d="M46 96l15 2M49 82l15 2M53 68l14 3M58 54l13 4" stroke="#5c3616" stroke-width="3.4"/>
<g fill="url(#palm-tree-b)"><path d="M66 36Q62 6 92-2q16 2 22 10-30 0-48 28z"/>
<path d="M66 36Q40-6 6 8-2 14-4 24q36-10 70 12z"/><path d="M66 36Q28 18 8 52q0 12 6 20 14-30 52-36z"/>
<path d="M66 36q40-24 62 6 2 12-2 22-20-28-60-28z"/><path d="M66 36q32 6 36 42-2 8-8 14-2-34-28-56z"/></g>
<path d="M66 36Q36 12 10 16m56 20Q32 34 14 60m52-24q30-14 56 10M66 36Q80 8 104 6" fill="none" stroke="#1d6630"
 stroke-width="2.6"/>
<circle cx="58" cy="44" r="8" fill="#7b4a22"/><circle cx="73" cy="47" r="8" fill="#8f5a2c"/>
<path d="M88 104q4-14 18-12 10 4 8 14-12 6-26-2z" fill="#e2483d"/>
<path d="M92 102q8-4 12-8m-4 10 8-8" stroke="#fff"/>""",
    "penguin": f"""
{across("penguin-a", "#4a5a75", "#27324a", "#141b2c")}
<path d="M80 100l30 16-8 8-30-8z" fill="#1b2438"/>
<path d="M40 112q-16 4-24 12 18 4 36 0zM72 114q-10 2-16 12 16 2 34-2z" fill="#f59a23"/>
<path d="M34 40Q30 4 62 2q30 2 30 34 0 8 6 22 10 36-10 56-24 12-50 2-16-24-6-56 4-10 2-20z" fill="url(#penguin-a)"/>
<path d="M38 54q20-4 30 14 8 30-6 48-14 2-22-2-14-22-2-60z" fill="#fbfaf4"/>
<path d="M36 22q16-8 24 8 0 20-22 20-6-12-2-28z" fill="#fbfaf4"/>
<path d="M38 30Q14 30 4 44q18 4 34-2z" fill="#f59a23"/><path d="M8 42q16-4 28-4" fill="none"/>
<circle cx="48" cy="30" r="4.6" fill="{INK}"/>
<path d="M36 48q24 12 58-2l4 12q-34 14-62 2z" fill="#d8382f"/><path d="M70 56h18l6 38-14 2-4-10-8 4z" fill="#d8382f"/>
<path d="M74 62l14-2m-12 10 14-2m-12 10 14-2" stroke="#fff" stroke-width="3.6"/>
<path d="M92 62q30 8 32 36-6 2-12-4 0 8-6 8-14-14-20-26z" fill="#27324a"/>
<path d="M34 72Q16 80 14 104q16-4 20-14z" fill="#33415e"/>""",
    "pineapple": f"""
{ball("pineapple-a", "#ffe06a", "#eea621", "#a8600f")}
<clipPath id="pineapple-b"><ellipse cx="64" cy="86" rx="34" ry="42"/></clipPath>
<g transform="rotate(-26 64 64)">
<path d="M58 50Q24 46 12 30q20-4 34 6-22-16-20-36 20 4 28 24-2-24 12-32 12 10 8 32 8-18 26-22 6 18-10 34 20-12 36-4-2
 22-40 24z"
 fill="#3f9a48"/>
<path d="M62 46Q60 20 68 0M56 46Q40 30 32 8m36 36Q84 22 94 10M52 48Q36 40 22 32M76 48q18-10 32-10" fill="none"
 stroke="#1f642e" stroke-width="2.8"/>
<ellipse cx="64" cy="86" rx="34" ry="42" fill="url(#pineapple-a)"/>
<g clip-path="url(#pineapple-b)"><path d="M20 52 80 134M20 76l48 62M34 42l64 82M54 40l50 66M76 40l30 40M108 52 48 134
M108 76l-48 62M94 42 30 124M74 40 24 106M52 40 22 80" stroke="#8f5310" stroke-width="3"/>
<path d="M84 40q26 40-4 92h40V40z" fill="#8f4a0a" fill-opacity=".45" stroke="none"/></g>
<g stroke="none" fill="#6aa53a">{dots("64,62 50,80 78,80 64,99 52,117 78,117 40,99 88,99", 3.2, "")}</g>
<ellipse cx="64" cy="86" rx="34" ry="42" fill="none" stroke-width="3"/>
</g>""",
    "pizza": f"""
{down("pizza-a", "#ffe07a", "#f7bd3e", "#e89a2a")}
<g transform="rotate(-16 64 64)">
<path d="M6 34Q64 4 122 34L74 112q-2 14-10 14-6-2-6-14z" fill="url(#pizza-a)"/>
<path d="M38 80q-2 20-8 20-8-2-4-40zM86 92q6 12 0 16-8 0-10-6z" fill="#f7bd3e"/>
<path d="M2 36Q0 22 10 18q54-26 108 0 10 6 8 18-6 8-14 2Q64 16 16 38 8 44 2 36z" fill="#c9813a"/>
<path d="M16 26q46-18 90-2" fill="none" stroke="#f0bd7a" stroke-width="5"/>
<circle cx="42" cy="52" r="14" fill="#d13a2a"/><circle cx="86" cy="50" r="12" fill="#c22f24"/>
<circle cx="68" cy="84" r="11" fill="#d13a2a"/>
<g stroke="none" fill="#8f1712">{dots("38,48 46,56 82,48 90,54 66,82 72,88 44,46", 2.6, "")}</g>
<path d="M58 34q10-2 12 8l-8 2zM90 70q-8 2-8 10l8-2zM52 74q-8-2-8 6l8 4z" fill="#4b9b45"/>
<path d="M62 58q8-6 12 0-4 10-12 0z" fill="#3a3340"/>
</g>""",
    "rabbit": f"""
{down("rabbit-a", "#f4efe8", "#cfc5ba", "#978b80")}
<circle cx="112" cy="98" r="13" fill="#fff"/>
<path d="M44 38Q20 22 22-6q6-6 12 0 16 14 20 36z" fill="#c0b5aa"/>
<path d="M40 64Q62 44 92 64q26 20 20 50-4 10-16 12H38q-14-2-8-12 8-4 16-4-12-20-6-46z" fill="url(#rabbit-a)"/>
<path d="M66 126q-10-34 14-42 24 0 26 26-2 14-12 16z" fill="#ded5cb"/>
<path d="M62 118q-8 0-8 8h34q-4-8-26-8z" fill="#f4efe8"/>
<path d="M46 40Q42 4 62-10q8 0 12 6 4 26-10 46z" fill="url(#rabbit-a)"/>
<path d="M54 34q0-24 10-34 6 16-4 36z" fill="#f0a0a8" stroke-width="1.6"/>
<path d="M12 64q0-28 30-32 28 4 28 32-6 24-32 24Q14 84 12 64z" fill="url(#rabbit-a)"/>
<ellipse cx="36" cy="54" rx="6" ry="7" fill="#7a2a3a"/><circle cx="34" cy="52" r="2.2" fill="#fff" stroke="none"/>
<path d="M10 66q6-6 12 0-4 8-10 6z" fill="#ee7f92"/>
<ellipse cx="40" cy="74" rx="9" ry="6" fill="#f5c0c0" stroke="none"/>
<path d="M38 90q20 12 34-6l6 8q-18 20-42 8z" fill="#3f7fd1"/><circle cx="46" cy="104" r="6" fill="#ffd84d"/>
<path d="M32 126q-4-14 6-18 8 4 8 18z" fill="#f4efe8"/>""",
    "rocket": f"""
{across("rocket-a", "#ffffff", "#d7dde4", "#8c98a6")}{down("rocket-b", "#fff2a0", "#ffb52e", "#e8481f")}
<g transform="rotate(34 64 64)">
<path d="M48 98q-6 20 6 30 0-8 6-6 0 14 8 24 6-12 6-24 6 2 6 8 10-14 2-32z" fill="url(#rocket-b)"/>
<path d="M42 62Q14 78 16 112q14-10 28-12zM86 62q28 16 26 50-14-10-28-12z" fill="#d8382f"/>
<path d="M44 104Q28 40 64-8q36 48 20 112z" fill="url(#rocket-a)"/>
<path d="M47 26Q54 6 64-8q10 14 17 34-18 6-34 0z" fill="#d8382f"/>
<path d="M42 84h44l-2 10H43z" fill="#2f6fc0"/>
<circle cx="64" cy="46" r="14" fill="#f2c14a"/><circle cx="64" cy="46" r="9" fill="#6ec6ee"/>
<path d="M59 46q0-5 5-6" fill="none" stroke="#fff" stroke-width="3"/>
<path d="M64 78v30" stroke-width="9"/><path d="M64 80v28" stroke="#d8382f" stroke-width="5"/>
<path d="M46 98h36v8H46z" fill="#4a5666"/><path d="M76 64l8 0" stroke="#2f6fc0" stroke-width="5"/>
</g>""",
    "rooster": f"""
{down("rooster-a", "#f8b04a", "#d96a24", "#8f3414")}{across("rooster-b", "#2f8f7a", "#134a52")}
<path d="M58 102 54 124M74 102l4 22M44 126h14m10 0h16" stroke="#e8a21f" stroke-width="5"/>
<path d="M74 74Q76 30 102 16q-4 12-2 18 10-10 24-8-10 8-10 16 8-2 12 4-8 6-10 14 6 2 8 8-14 6-24 24-14 6-26-18z"
 fill="url(#rooster-b)"/>
<path d="M84 74q4-30 20-46m-14 50q8-22 24-30m-20 34q10-14 24-16" fill="none" stroke="#7fe0c0" stroke-width="3"/>
<path d="M18 60Q16 24 36 20q18 0 22 20 8 14 26 20 20 2 18 22-8 26-40 26-30-2-38-24-6-12-6-24z" fill="url(#rooster-a)"/>
<path d="M20 54q10 14 40 0l6 14q-10 6-14 2-4 10-12 4-6 8-12 0-8 2-8-6z" fill="#ffd766"/>
<path d="M50 76q20-10 40 2-4 20-24 20-14-4-16-22z" fill="#7a2a14"/><path d="M60 84q10 4 20-2m-16 8q8 2 14-2"
 fill="none" stroke="#e89a5a" stroke-width="3"/>
<path d="M24 24Q14 16 20 8q6 0 8 6 0-12 8-14 6 4 6 12 4-8 12-6 2 8-4 12 8-2 10 6-10 8-20 2z" fill="#e0322c"/>
<path d="M20 36 2 42q8 8 20 6z" fill="#ffc92e"/><path d="M22 48q-8 12 0 20 12-2 10-16z" fill="#e0322c"/>
<circle cx="33" cy="34" r="5.4" fill="#fff"/><circle cx="32" cy="34" r="2.8" fill="{INK}"/>""",
    "sailboat": f"""
{across("sailboat-a", "#ffffff", "#f1e8d6", "#cdbf9f")}{down("sailboat-b", "#c2703a", "#7a3a18")}
<path d="M56 2v96" stroke-width="7"/><path d="M60 2q-4 8-24 4l2 10q14 0 20-6z" fill="#f2c12e"/>
<path d="M62 8q44 30 56 76-28 8-56 2z" fill="url(#sailboat-a)"/>
<path d="M76 22q14 12 24 28-18 8-38 6V44q8 0 14-2zM62 68q22 4 46-6" fill="#e2483d"/>
<path d="M50 24Q36 60 8 84q22 8 42 2z" fill="#3f86d1"/>
<path d="M44 44q-2 20-6 40" fill="none" stroke="#bfe0ff" stroke-width="4"/>
<path d="M4 94h114l4-8q-4 30-24 34H28Q10 114 4 94z" fill="url(#sailboat-b)"/>
<path d="M8 100h108" stroke="#ffe0a6" stroke-width="4.4"/>
<path d="M78 86h20v8H78z" fill="#ffe27a"/>
<path d="M2 120q12-10 22 0 12-10 24 0 12-10 24 0 12-10 24 0 12-10 26 0l-6 8H8z" fill="#2aa0c8"/>""",
    "saxophone": f"""
{across("saxophone-a", "#fff0a0", "#eab02c", "#9a660e")}
<path d="M20 22 4 14 2 24l20 12q8-12 20-10l2-12Q28 8 20 22z" fill="#2b2f38"/>
<path d="M38 12q22-6 26 14l8 62q4 20 18 14 10-6 6-22L84 48l40-10q2 34-2 58-8 28-36 30-30-2-36-34L42 30q-2-4-6-4z"
 fill="url(#saxophone-a)"/>
<path d="M80 46q20 8 46-12l2 10q-22 22-46 12z" fill="#fff3b8"/>
<path d="M52 30 66 96q6 18 20 18" fill="none" stroke="#fff6cc" stroke-width="4"/>
<g fill="#f4f6f8">{dots("50,46 54,62 57,78 63,94", 6, "")}</g><g fill="#c8322b">{dots("72,34 76,50", 5, "")}</g>
<path d="M66 36 82 96M44 56 36 58l4 32" fill="none" stroke="#6b4708" stroke-width="3.6"/>
<circle cx="104" cy="84" r="8" fill="#d8a01f"/><circle cx="104" cy="84" r="3" fill="#6b4708"/>
<path d="M58 12 44 4" stroke="#c8322b" stroke-width="6"/>""",
    "scissors": f"""
{across("scissors-a", "#ffffff", "#b8c4cf", "#7d8b99")}
<g transform="rotate(14 64 64)">
<path d="M92 2q8 8 2 24L58 84 46 76z" fill="url(#scissors-a)"/><path d="M28-4q-8 10 0 26l38 60 12-8z" fill="#dde5ec"/>
<path d="M92 6 54 76M30 0l40 74" stroke="#8c9aa8" stroke-width="2"/>
<g fill="none"><ellipse cx="36" cy="102" rx="19" ry="16" stroke-width="15" transform="rotate(-36 36 102)"/>
<ellipse cx="90" cy="98" rx="15" ry="22" stroke-width="15" transform="rotate(-24 90 98)"/>
<ellipse cx="36" cy="102" rx="19" ry="16" stroke="#e2483d" stroke-width="10.5" transform="rotate(-36 36 102)"/>
<ellipse cx="90" cy="98" rx="15" ry="22" stroke="#f2a21f" stroke-width="10.5" transform="rotate(-24 90 98)"/></g>
<path d="M46 76 58 84 50 94 40 88z" fill="#e2483d"/><path d="M66 82 78 74l8 8-10 10z" fill="#f2a21f"/>
<circle cx="62" cy="66" r="5.4" fill="#3d4957"/></g>""",
    "seahorse": f"""
{across("seahorse-a", "#ffd66a", "#f59a2e", "#c9541c")}
<path d="M84 40q26-4 36 14-8 2-8 8 8 4 6 12-10-4-14 2-2 10-8 12-14-4-16-22z" fill="#4fb8a8"/>
<path d="M90 48q12 2 20 8m-20 2q10 4 16 12m-16-4q4 6 6 12" fill="none" stroke="#d4f5ec" stroke-width="2.6"/>
<path d="M40 22 38 4q8 2 12 10 2-12 10-16 4 8 2 14 8-6 16-2-2 8-6 14z" fill="#e0563a"/>
<path d="M40 22q20-12 36 6 8 8 14 18 10 22-6 44-16 14-20 20-4 10 6 12 8-2 6-10 8-4 12 2 2 18-18 22-26 2-28-22 2-16
 14-32 10-16 0-32
-6-2-16 2l-34 12q-6 0-6-8l34-22z" fill="url(#seahorse-a)"/>
<path d="M58 56q20 18 0 40-8 10-12 20-2-12 8-26 12-16 4-34z" fill="#fff0b0"/>
<path d="M62 56l26-8M68 68l24-2M66 82l24 2M58 94l20 6M50 108l14 2" stroke="#b8501a" stroke-width="3.4"/>
<circle cx="54" cy="32" r="7" fill="#fff"/><circle cx="52" cy="33" r="3.8" fill="{INK}"/>
<path d="M6 52q-2-6 0-8" fill="none" stroke-width="3"/>""",
    "shoe": f"""
{down("shoe-a", "#4fa3e0", "#2467b0", "#143f7a")}
<path d="M8 38q12 10 26 0l8-12 18 2 24 34q10 10 28 12 14 6 14 22H4q-6-30 4-58z" fill="url(#shoe-a)"/>
<path d="M92 66q24 2 32 14 4 8 2 18H96q-14-14-4-32z" fill="#f4f1ea"/>
<path d="M8 38q-8 26-5 52l24 4q4-30-8-52z" fill="#f4f1ea"/><path d="M8 60h18v20H6z" fill="#e2483d"/>
<path d="M34 38l8-12 18 2 26 38-12 14-10-8z" fill="#dbe7f3"/>
<path d="M38 92q22 2 30-20l-10-14q-4 22-20 34z" fill="#ffc83a"/>
<path d="m46 44 18-8m-12 18 18-8m-12 18 18-8m-12 16 16-6" stroke="#fff" stroke-width="5.5"/>
<path d="m46 44 18-8m-12 18 18-8m-12 18 18-8m-12 16 16-6" stroke="#c8322b" stroke-width="3"/>
<path d="M36 26q4-12 14-12 8 4 12 14z" fill="#f4f1ea"/>
<path d="M2 92h124q2 16-12 18H12Q0 108 2 92z" fill="#fff"/>
<path d="M2 102h124q-2 9-12 10H12q-9-1-10-10z" fill="#d8382f"/>""",
    "snail": f"""
{ball("snail-a", "#fff3d8", "#f6cf93", "#d08a4c")}{down("snail-b", "#c9dd7a", "#8fae3f", "#5f7d28")}
<path d="M-6 122q-8-10 18-14 16 0 22-6l62-2q8-16 6-32 0-18 16-18 14 4 12 22-2 48-36 50z" fill="url(#snail-b)"/>
<path d="M110 54 100 28M122 56l6-26" stroke-width="5"/>
<circle cx="100" cy="26" r="7" fill="#fff"/><circle cx="128" cy="28" r="7" fill="#fff"/>
<circle cx="101" cy="25" r="3.2" fill="{INK}"/><circle cx="129" cy="27" r="3.2" fill="{INK}"/>
<path d="M118 82q6 2 10-4" fill="none"/><circle cx="110" cy="74" r="5" fill="#f2a0a0" stroke="none"/>
<circle cx="56" cy="66" r="40" fill="url(#snail-a)"/>
<path d="M92 82Q74 108 46 98 20 86 26 58q8-22 34-20 22 6 20 28-6 18-24 16-16-6-12-20 6-10 16-6 6 6 2 12" fill="none"
 stroke="#a02c52" stroke-width="8.5"/>
<path d="M4 116h86" stroke="#e9f3b8" stroke-width="3.6"/>""",
    "snake": f"""
{tube("M26 28Q58 8 92 16 120 28 108 48 92 64 56 62 20 62 18 84q4 24 40 26 34 2 56-8l8-12", "#4fa84a", 19, 5)}
<path d="M26 28Q58 8 92 16 120 28 108 48 92 64 56 62 20 62 18 84q4 24 40 26 34 2 56-8" fill="none" stroke="#ffd23f"
 stroke-width="10" stroke-dasharray="3 16"/>
<path d="M26 28Q58 8 92 16 120 28 108 48 92 64 56 62 20 62 18 84q4 24 40 26 34 2 56-8" fill="none" stroke="#c2352a"
 stroke-width="3.4" stroke-dasharray="3 16"/>
<path d="M10 44 4 60m6-16 6 15" stroke="#d8202f" stroke-width="4"/>
<path d="M46 14Q22 4 8 22-2 40 12 50q16 4 34-16z" fill="#5fbe55"/>
<circle cx="24" cy="22" r="6" fill="#ffe84a"/><path d="M24 18v8" stroke-width="3.4"/>
<path d="M8 40q6 4 14 2" fill="none"/><path d="M120 82l8 2-8 10-8-2z" fill="#8a5a2a"/>""",
    "squirrel": f"""
{down("squirrel-a", "#d98a4a", "#b05a22", "#733412")}{ball("squirrel-b", "#f2b277", "#c46a2c", "#7a3812")}
<path d="M84 116Q124 104 110 66q-6-14-20-10-16 8-12-12 4-34 34-34 18 6 14 46 2 60-34 70z" fill="url(#squirrel-b)"/>
<path d="M98 108q22-24 10-60-8-16-16-8M96 28q20 0 20 40" fill="none" stroke="#ffe0b8" stroke-width="5"/>
<path d="M22 30 18 6q12 2 18 16zM44 24 52 2q10 8 8 26z" fill="#a04f1c"/>
<path d="M32 66Q30 54 40 52q44 6 52 44 2 22-10 28H36q-10-2-4-10l14-4Q28 92 32 66z" fill="url(#squirrel-a)"/>
<path d="M36 68q20 6 18 40-12 2-16-4-8-18-2-36z" fill="#ffeccf"/>
<path d="M58 122q-8-28 12-34 20 4 18 24-2 10-12 12z" fill="#c9722f"/>
<path d="M6 52Q8 22 38 20q26 4 24 30-6 18-26 18Q8 68 6 52z" fill="url(#squirrel-a)"/>
<path d="M6 54q10-8 20 2 4 10-6 12Q8 64 6 54z" fill="#ffeccf" stroke="none"/>
<circle cx="32" cy="40" r="6" fill="{INK}"/><circle cx="30" cy="38" r="2" fill="#fff" stroke="none"/>
<path d="M2 52q4-5 9-2-1 6-6 6z" fill="{INK}"/>
<path d="M8 84q-2 18 14 20 16-4 14-20z" fill="#e0a860"/>
<path d="M4 86q0-12 18-14 18 2 18 14-18 4-36 0z" fill="#6f4a1e"/>
<path d="M22 72l2-6" stroke-width="4"/>{tube("M50 78Q42 92 30 90", "#b9642a", 8)}""",
    "sunflower": f"""
{ball("sunflower-a", "#a8683a", "#5f3416", "#2c1608")}
{tube("M58 62Q52 96 70 122", "#4c9a3f", 8)}
<path d="M60 104Q28 108 10 88q26-16 50 16z" fill="#55a84a"/><path d="M18 90q22 2 38 12" fill="none" stroke="#22682c"/>
<path d="M62 110q14-32 54-24-10 28-54 24z" fill="#3d8f3f"/><path d="M70 106q16-14 36-16" fill="none" stroke="#b5e08a"/>
<g transform="translate(-4 -2)">
{around(11, 64, 46, '<path d="M64 30Q46 14 62-6q18 16 2 36z" fill="#f5a11c"/>')}
{around(11, 65, 46, '<path d="M66 30Q52 14 70 2q12 14-4 28z" fill="#ffd53a"/>')}
<circle cx="64" cy="46" r="23" fill="url(#sunflower-a)"/>
<g stroke="none" fill="#d6954e">{dots("56,36 66,32 74,40 62,44 70,52 56,52 50,44 64,60 78,50", 2.6, "")}</g>
<circle cx="84" cy="28" r="9" fill="#d8302a"/><path d="M84 28l-7 7" stroke-width="3"/>
<circle cx="90" cy="22" r="4.4" fill="{INK}"/>
</g>""",
    "teapot": f"""
{ball("teapot-a", "#d7f1f7", "#6db6d4", "#2a6a94")}
{tube("M28 52Q2 44 6 70q4 20 30 26", "#4f9cc0", 8)}
<path d="M88 70q14-4 16-22 2-10 12-14l10 4q-6 10-8 24-4 28-30 36z" fill="#5aa6c8"/>
<path d="M116 34l10 4-2 6-12-5z" fill="#f2c14a"/>
<path d="M18 76q0-36 44-38 42 2 42 38 0 20-14 32H32Q18 96 18 76z" fill="url(#teapot-a)"/>
<path d="M34 42q0-16 28-18 26 2 28 18-28 8-56 0z" fill="#8fd0e6"/>
<path d="M34 42q28 8 56 0" fill="none" stroke="#f2c14a"
 stroke-width="5"/>
<circle cx="62" cy="17" r="8" fill="#e2483d"/><path d="M32 106h58l4 12H28z" fill="#f2c14a"/>
<g stroke="none"><g fill="#e8485f">{around(5, 52, 76, '<circle cx="52" cy="66" r="7"/>')}</g>
<circle cx="52" cy="76" r="6" fill="#ffe27a"/>
<path d="M62 84q20 0 28-18 2 22-20 24z" fill="#3d8f4a"/></g>""",
    "telephone": f"""
{down("telephone-a", "#f0624e", "#c2281f", "#7d1212")}
{tube("M22 96Q2 96 6 112q8 12 22 6 10-8 18 2", "#3a3340", 4)}
<path d="M42 46V32h12v10h24V32h12v14z" fill="#8d1a16"/>
<path d="M34 46h62q10 0 14 14l12 46q2 14-10 16H30q-14-2-12-16l8-46q2-14 8-14z" fill="url(#telephone-a)"/>
<path d="M20 108h102q0 14-10 14H30q-12-2-10-14z" fill="#f2e6cf"/>
<circle cx="68" cy="80" r="26" fill="#f7f2e4"/>
<g fill="#3a3340" stroke="none">{dots("68,62 54,68 48,81 53,94 66,99 80,96 86,84", 5.2, "")}</g>
<circle cx="68" cy="80" r="9" fill="#f2b632"/><path d="M84 64l6-8" stroke-width="5"/>
<g transform="rotate(-9 64 22)"><path d="M6 34Q2 8 62 6q62 2 60 30-2 10-14 8-10 0-14-4-2-12-4-14-26-6-52 0-2 4-4 14-6
 4-16 4-12 0-12-10z"
 fill="url(#telephone-a)"/><path d="M20 20q42-14 88 0" fill="none" stroke="#ffb3a6" stroke-width="5"/></g>""",
    "tractor": f"""
{down("tractor-a", "#5cc25a", "#2c8a3c", "#175a28")}
<path d="M92 50V14h9v36z" fill="#5b6672"/><path d="M90 8h13v8H90z" fill="#39434f"/>
<path d="M30 10h46l6 48H24z" fill="#bfe6f5"/><path d="M58 12 60 56" stroke-width="4"/>
<path d="M22 2h58v11H22z" fill="#d8382f"/>
<path d="M18 56h58l2-8h40q8 2 8 12v28H20z" fill="url(#tractor-a)"/>
<path d="M84 56h16m-16 8h16m-16 8h16" stroke="#0f4a1e" stroke-width="3.6"/>
<circle cx="118" cy="60" r="6" fill="#ffe27a"/>
<path d="M4 84q2-32 38-34 24 2 32 22l-12 6z" fill="#e8b923"/>
<circle cx="38" cy="88" r="36" fill="#2a2d35"/><g stroke="#555b66" stroke-width="5">
{around(14, 38, 88, '<path d="M38 55v5"/>')}</g>
<circle cx="38" cy="88" r="21" fill="#e8b923"/><circle cx="38" cy="88" r="8" fill="#d8382f"/>
<circle cx="102" cy="102" r="22" fill="#2a2d35"/><circle cx="102" cy="102" r="12" fill="#e8b923"/>
<circle cx="102" cy="102" r="4.5" fill="#d8382f"/>""",
    "train": f"""
{down("train-a", "#5f8fd6", "#2b5aa6", "#173463")}{down("train-b", "#f06a50", "#ac2a20")}
<path d="M28 34Q22 24 26 8h-8V0h34v8h-8q-2 14-4 26z" fill="#3a3f4a"/>
<path d="M56 36q0-10 9-10t9 10z" fill="#f2c14a"/>
<path d="M78 16h44v76H78z" fill="url(#train-b)"/><path d="M72 8h54v11H72z" fill="#4a2018"/>
<path d="M86 28h28v26H86z" fill="#bfe6f5"/><path d="M100 28v26" stroke-width="3.6"/>
<path d="M16 34h64v50H16Q8 60 16 34z" fill="url(#train-a)"/>
<path d="M34 34v50M56 34v50" stroke="#f2c14a" stroke-width="5"/><circle cx="14" cy="50" r="8" fill="#ffe27a"/>
<path d="M10 84h112v14H10z" fill="#d8382f"/><path d="M12 84 0 116h24l6-18z" fill="#5b6672"/>
<path d="M8 112 16 88M16 114l6-22"/>
<g fill="#2a2d35">{dots("42,106 68,106", 15, "")}{dots("102,102", 22, "")}</g>
<g fill="#e8b923">{dots("42,106 68,106", 6, "")}{dots("102,102", 11, "")}</g>
<path d="M42 106 106 110" stroke="#dfe6ec" stroke-width="5.5"/>""",
    "turtle": f"""
{ball("turtle-a", "#c98a4a", "#8a5220", "#4f2a0e")}{down("turtle-b", "#a6d86a", "#5f9e3c")}
<path d="M92 72q6-30 20-30 16 2 14 22-4 20-30 28z" fill="url(#turtle-b)"/>
<circle cx="114" cy="56" r="4" fill="{INK}"/><path d="M126 66q-8 4-12 0" fill="none"/>
<path d="M12 88 0 100q10 4 20-2z" fill="#7cb84a"/>
<path d="M22 90q-4 18 2 24h18q2-12 0-22zM74 90q0 18 6 24h18q2-12-2-22z" fill="url(#turtle-b)"/>
<path d="M30 108v6m7-6v6m49-6v6m7-6v6" stroke-width="3"/>
<path d="M6 86Q10 28 56 24q44 4 48 60z" fill="url(#turtle-a)"/>
<path d="M4 82q50 12 104-2 2 12-6 16-46 8-90 2-10-4-8-16z" fill="#f0cf7a"/>
<path d="m44 46 20-2 10 16-12 16-22-2-8-14zM64 44l10-14M74 60l22 0M62 76l2 10M40 74l-8 12M32 60l-20 2M44 46 36 30"
 fill="#e0a452" stroke="#4f2a0e" stroke-width="3.6"/>
<g stroke="none" fill="#f0cf7a"><circle cx="52" cy="60" r="5"/></g>
<path d="M18 54q6-16 18-20" fill="none" stroke="#f0c890"
 stroke-width="4"/>""",
    "umbrella": f"""
{across("umbrella-a", "#f4717f", "#d32f4a", "#8a1530")}
<g transform="rotate(-24 64 64)">
<path d="M64 62v48q0 16 14 16t14-14" fill="none" stroke-width="10"/>
<path d="M64 62v48q0 16 14 16t14-14" fill="none" stroke="#b9783a" stroke-width="6"/>
<path d="M64 14V0" stroke-width="6"/>
<path d="M0 70Q6 12 64 8q58 4 64 62-12-10-22 0-10-12-20-2-12-12-22 2-10-14-22-2-10-10-20 2-12-10-22 0z"
 fill="url(#umbrella-a)"/>
<path d="M64 8Q34 26 22 72q-12-10-22-2Q6 12 64 8z" fill="#ffd24a"/>
<path d="M64 8Q54 30 64 70q10-14 22-2Q84 26 64 8z" fill="#3f9fd8"/>
<path d="M64 8q42 22 42 62 10-10 22 0Q122 12 64 8z" fill="#ffd24a"/>
<path d="M16 50q6-20 22-30" fill="none" stroke="#fff3c4" stroke-width="5"/>
</g>""",
    "whale": f"""
{down("whale-a", "#6db3ea", "#2f73bf", "#1a4685")}
<path d="M40 42Q42 22 28 18 16 18 16 30q-10-18 8-24 14 0 18 10 4-12 18-12 18 6 8 22-2-12-12-10-12 6-10 26z"
 fill="#bfeaff"/>
<path d="M100 70q2-16-6-26 2-10 16-4 4-12 16-12 2 16-8 26 2 34-18 50z" fill="#2f73bf"/>
<path d="M2 84Q2 44 44 42q32 0 44 30 8 8 18 0 6-8 12 0 2 30-22 44-20 10-52 8Q6 116 2 84z" fill="url(#whale-a)"/>
<path d="M3 92q26 8 58 0 16 8 22 28-16 6-40 4-34-4-40-32z" fill="#f4f1e6"/>
<path d="M16 99q8 12 22 22M32 101q8 11 22 19M48 99q8 12 20 17" fill="none" stroke="#9fb2c4" stroke-width="3"/>
<path d="M3 92q26 8 44-4" fill="none" stroke-width="3.4"/><circle cx="40" cy="76" r="6" fill="#fff"/>
<circle cx="39" cy="77" r="3.4" fill="{INK}"/>
<path d="M62 94q24 2 28 22-18 6-30-8z" fill="#235a9c"/>
<path d="M14 66q8-14 24-16" fill="none" stroke="#c6e6ff" stroke-width="4.6"/>
<g stroke="none" fill="#1d4c8c">{dots("64,58 74,68 60,70", 3.6, "")}</g>""",
    "windmill": f"""
{across("windmill-a", "#fff6e0", "#e6d2a6", "#a98d5c")}{down("windmill-b", "#b5533a", "#6d2a1c")}
<path d="M36 122 48 52h30l14 70z" fill="url(#windmill-a)"/>
<path d="M44 54q0-26 20-28 20 4 18 28z" fill="url(#windmill-b)"/>
<path d="M56 122V104q2-10 10-10t10 10v18z" fill="#2f74b5"/><path d="M58 68h10v12H58z" fill="#33405a"/>
<path d="M33 84 93 84l2 8H32z" fill="#8f5a2c"/>
<path d="M2 124q10-10 24-6 30-6 60 2 18-8 36 4z" fill="#5fa84a"/>
<g transform="rotate(24 56 42)"><path d="M56-18v120M-4 42h120" stroke-width="6"/>
<path d="M56-18h22v46H56zM56 102H34V56h22z" fill="#e2483d"/><path d="M116 42v22H70V42zM-4 42V20h46v22z" fill="#fbf7ea"/>
<path d="M67-18v46M56 5h22M93 42v22M70 53h46M45 56v46M34 79h22M19 20v22M-4 31h46" stroke-width="3"/>
<circle cx="56" cy="42" r="7.5" fill="#f2c14a"/></g>
<path d="M98 118q-6-16 6-22 14 2 14 14 0 8-8 10z" fill="#3d8f3f"/>""",
}
