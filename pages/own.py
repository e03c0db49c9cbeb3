"""Your images and networks: an audit of one network on photographs of one's own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from invlab import audit_report, records
from invlab.audit import Audit, examples
from invlab.figures import audit as figures
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.transforms import TRANSFORMS
from invlab.ui import auditing, gallery, instruments, live, page
from invlab.ui.results import escaped
from invlab.ui.words import words

VIEWS = {"families": "Families", "curves": "Response curves", "layers": "Layer by layer"}


def the_families(result: dict[str, Any]) -> tuple[Any, str, list[dict[str, Any]]]:
    return figures.bars(result), figures.bars_alt(result), figures.rows(result)


def the_curves(result: dict[str, Any]) -> tuple[Any, str, list[dict[str, Any]]]:
    st.markdown(
        "Each photograph is changed by one amount and compared with itself unchanged; strangers are 1 apart. "
        f"All curves share one scale, which ends at {figures.HIGHEST:g}."
    )
    return figures.curves(result), figures.curves_alt(result), figures.curve_rows(result)


def the_layers(result: dict[str, Any]) -> tuple[Any, str, list[dict[str, Any]]]:
    pooled = st.toggle(
        "Average over positions first", key="pooled", bind="query-params",
        help="An activation that merely moves along with the picture is not invariant, but its average is.",
    )  # fmt: skip
    here = [row["family"] for row in result["families"]]
    some = st.multiselect(
        "As lines", here, key="lines", bind="query-params", format_func=page.family_name,
        placeholder="none: the map of all families",
    )  # fmt: skip
    chosen = [name for name in some if name in here]
    plot = figures.layers(result, chosen, pooled) if chosen else figures.depth_map(result, pooled)
    return plot, figures.depth_alt(result, pooled), figures.stage_rows(result)


def show(spec: Audit, record: dict[str, Any]) -> None:
    """The figure, what to notice, the pictures, and what stands behind it."""
    result = record["result"]
    view = gallery.segments("Show", tuple(VIEWS), "families", "view", VIEWS)
    kinds = {"families": the_families, "curves": the_curves, "layers": the_layers}
    plot, alt, rows = kinds[view](result)
    instruments.choosing(plot, f"audit-{view}", alt, "look", spec.families)
    st.caption(f"{auditing.results_text(record)}. Bars and bands: 95 % over photographs.")
    page.notice(figures.notice(result))
    st.header("The pictures behind it", anchor=False)
    family = st.selectbox(
        "Under", spec.families, key="look", bind="query-params", format_func=page.family_name,
        index=spec.families.index("rotate") if "rotate" in spec.families else 0,
    )  # fmt: skip
    auditing.strip(spec, family)
    st.caption(
        f"{page.family_name(family).capitalize()} {TRANSFORMS[family].what}: here one draw of each photograph. Where "
        "the canvas is uncovered, the network’s mean colour shows, which its normalisation turns into zero."
    )
    auditing.twins(spec, result, family)
    report = ("audit-report.html", lambda: whole_report(spec, record), "text/html", "Report (HTML)")
    command = audit_report.command(spec)
    recipe = record["spec"] | {"key": records.key(spec)}
    page.behind(f"audit-{spec.network}", rows, recipe, plot, command, [spec], [report])


def whole_report(spec: Audit, record: dict[str, Any]) -> bytes:
    return audit_report.page(record, examples=examples(spec, audit_report.THUMBNAIL)).encode()


page.title(
    "Your images and networks",
    "How invariant is a network, yours or a well-known one, to each family, on photographs that you choose?",
)
words("sensitivity", "response curve", "stage", "overfitting")
shown, beside = st.columns([5, 2], gap="large")
try:
    with beside:
        spec = auditing.choose()
    with shown:
        record = auditing.record_of(spec) if spec else None
        if spec and record:
            show(spec, record)
        elif spec:
            st.markdown(
                f"**{escaped(spec.network)}** sees up to {spec.images} photographs of {spec.side} × {spec.side} pixels "
                f"under {len(spec.families)} families: sensitivity of each, response curves, every stage."
            )
            auditing.asking(spec)
        else:
            st.info(
                "Something is still to be chosen, beside this or below; then the audit can begin.",
                icon=":material/arrow_forward:",
            )
except (StoreError, QueueError, OSError) as error:
    live.guarded(error)
except (ValueError, ArithmeticError) as error:
    st.warning(escaped(gallery.sentence(error)), icon=":material/error:")
