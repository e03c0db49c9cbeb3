"""Pages of single runs: the comparisons that ship, and whatever a person has computed and chosen to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from invlab import audit_report, comparison_words, records
from invlab.audit import Audit
from invlab.comparison_words import Choice, choice_of
from invlab.figures import audit as audit_figures
from invlab.figures import learning as learning_figures
from invlab.learning import Recording
from invlab.rows import kind_of
from invlab.site import markup
from invlab.site.sheet import Sheet, recipe_of
from invlab.store import Store
from invlab.studies.comparison import Comparison, pooled, relation
from invlab.words import escaped, families_text, family_name

Record = dict[str, Any]

GROUP, OWN = "Explore", "Own runs"
SEEDS = 5  # that the comparison on the page Transfer is looked for in, counted from 0
QUESTION = "Two networks learn the same objects under different transformations. Which one names new objects better?"


def sheets(store: Store, chosen: Sequence[str] = ()) -> Iterator[Sheet]:
    """The page Transfer, one for each of its seeds, and one for each chosen run.

    Raises ValueError for a key of nothing that is stored, or of a result that has no page, StoreError for what is no
    key.
    """
    bundled = {seed: Choice(seed=seed).key() for seed in range(SEEDS)}
    found = {seed: record for seed, key in bundled.items() if (record := store.get(key)) is not None}
    pages = [comparison(bundled[seed], record, GROUP) for seed, record in found.items()]
    if pages:
        yield transfer(found, pages)
        yield from pages
    for key in dict.fromkeys(chosen):
        if key not in bundled.values():
            yield of_run(key, store)


def of_run(key: str, store: Store) -> Sheet:
    """The page of a chosen run."""
    record = store.get(key)
    if record is None:
        raise ValueError(f"--run {key}: no such result is stored here; `python -m invlab runs` lists the comparisons")
    make = MAKE.get(kind_of(key))
    if make is None:
        raise ValueError(f"--run {key}: a {kind_of(key)} has no page of its own; choose a {', '.join(MAKE)}")
    try:
        return make(key, record, OWN)
    except (KeyError, TypeError) as error:
        raise ValueError(f"--run {key}: it was written by another version of the lab; compute it again") from error


def _sheet(key: str, title: str, question: str, group: str) -> Sheet:
    return Sheet(f"run-{key}", title, question, group)


def _made(sheet: Sheet, record: Record) -> None:
    sheet.caption(comparison_words.made_where(record, None))


# --------------------------------------------------------------------------------------------------------- comparisons


def transfer(found: dict[int, Record], pages: Sequence[Sheet]) -> Sheet:
    """The first comparison over its seeds, and where each seed is told."""
    sheet = Sheet("transfer", "Transfer", QUESTION, GROUP)
    specs = {seed: Choice(seed=seed).spec() for seed in found}
    first = next(iter(specs.values()))
    result = pooled([record["result"] for record in found.values()])
    sheet.text(comparison_words.verdict(first, result, len(found)))
    sheet.text(comparison_words.movement(first, result))
    for panel in comparison_words.gauges(first, result, by_seed=len(found) > 1):
        sheet.figure(panel.plot, panel.words, title=panel.title)
    sheet.caption(comparison_words.pooled_told(list(found)))
    sheet.notice(comparison_words.noticed(first, result))
    rows = comparison_words.pooled_rows({seed: (specs[seed], record["result"]) for seed, record in found.items()})
    recipe = [recipe_of(spec) for spec in specs.values()]
    sheet.behind("seeds", rows, recipe, Choice().command(), list(specs.values()), "every seed")
    sheet.heading("Seed by seed, with how they learned")
    links = "".join(f'<li><a href="{page.path}">{markup.text(page.title)}</a></li>' for page in pages)
    sheet.add(f"<ul>{links}</ul>")
    return sheet


def comparison(key: str, record: Record, group: str) -> Sheet:
    """One comparison: words, figures, how they learned."""
    spec, result = records.revive(Comparison, record["spec"]), record["result"]
    choice = choice_of(spec, Choice)
    sheet = _sheet(key, choice.title() if choice else "A comparison", QUESTION, group)
    sheet.text(f"{comparison_words.verdict(spec, result)}\n\n{comparison_words.movement(spec, result)}")
    for panel in comparison_words.gauges(spec, result):
        sheet.figure(panel.plot, panel.words, title=panel.title)
    sheet.notice(comparison_words.noticed(spec, result))
    rows, command = comparison_words.rows_of(spec, result), choice.command() if choice else None
    sheet.behind("networks", rows, recipe_of(spec, made=record.get("made")), command, [spec], "both networks")
    sheet.heading("How they came to that")
    for panel in comparison_words.learning(spec, result["networks"]):
        sheet.figure(panel.plot, panel.words, title=panel.title)
    sheet.caption(comparison_words.how_measured(spec, result))
    _made(sheet, record)
    sheet.table("learning", "Table behind the curves", _curve_rows(spec, result))
    return sheet


def _curve_rows(spec: Comparison, result: Record) -> list[Record]:
    return [
        {"learned under": families_text(source.task.transformations), "images seen": point["images"]}
        | {name: point.get(name) for name in ("loss", "sensitivity", "transfer")}
        for source, network in zip(spec.sources, result["networks"], strict=True)
        for point in sorted(
            [*(network.get("history") or []), *(network.get("curve") or [])], key=lambda point: point["images"]
        )
    ]


# ---------------------------------------------------------------------------------------------------------- recordings


def recording(key: str, record: Record, group: str) -> Sheet:
    """One network while it learns."""
    spec, result = records.revive(Recording, record["spec"]), record["result"]
    learned, judged = spec.training.task.transformations, spec.target.transformations
    title = f"While learning: {families_text(learned)} → {families_text(judged)}, seed {spec.seed}"
    sheet = _sheet(key, title, "When in training does invariance arise, and how does transfer follow?", group)
    shown = list(dict.fromkeys([*learned, *judged, "rotate", "hue", "blur"]))
    drawn = learning_figures.lines([f for f in shown if f in result["families"]][:6], learned, family_name)
    top = learning_figures.largest([result], [line.family for line in drawn])
    plot = learning_figures.recording(result, drawn, None, top=top, relation=relation(learned, judged))
    sheet.figure(plot, learning_figures.recording_alt(title, result, drawn))
    sheet.notice(learning_figures.about(result["looks"][0], result["looks"][-1]))
    sheet.caption(learning_figures.SETTLING)
    _made(sheet, record)
    rows = learning_figures.rows(title, result, result["families"])
    sheet.behind("looks", rows, recipe_of(spec, made=record.get("made")), None, [spec], "every look")
    return sheet


# -------------------------------------------------------------------------------------------------------------- audits


def audit(key: str, record: Record, group: str) -> Sheet:
    """How invariant one network is, on photographs; the photographs themselves stay with their owner."""
    spec, result = records.revive(Audit, record["spec"]), record["result"]
    title = f"{spec.network} on {audit_report.pictures_text(spec, result['images'])}"
    sheet = _sheet(key, title, f"How invariant is {spec.network}?", group)
    sheet.add(markup.pairs({"Weights": escaped(audit_report.weights_text(spec, result.get("weights_file", "")))}))
    sheet.figure(audit_figures.bars(result), audit_figures.bars_alt(result))
    sheet.notice(escaped(audit_figures.notice(result)))
    recipe = recipe_of(spec, made=record.get("made"))
    sheet.behind("families", audit_figures.rows(result), recipe, audit_report.command(spec), [], "every family")
    sheet.heading("Response curves")
    sheet.figure(audit_figures.curves(result), audit_figures.curves_alt(result))
    sheet.table("curves", "Table behind the figure: response curves", audit_figures.curve_rows(result))
    sheet.heading("By depth")
    for whole in (False, True):
        title = "**Averaged over positions**" if whole else "**Whole activations**"
        sheet.figure(audit_figures.depth_map(result, whole), audit_figures.depth_alt(result, whole), title=title)
    sheet.table("depth", "Table behind the figures: by depth", audit_figures.stage_rows(result))
    for heading, texts in (("How to read this", audit_report.READING), ("Limits", audit_report.LIMITS)):
        sheet.heading(heading)
        for told in texts:
            sheet.text(escaped(told))
    _made(sheet, record)
    return sheet


MAKE: dict[str, Callable[[str, Record, str], Sheet]] = {
    "comparison": comparison,
    "recording": recording,
    "audit": audit,
}
