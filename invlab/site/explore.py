"""The pages that explore the bundled networks: sensitivity, learning, responses, measures, shared invariance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from invlab import records
from invlab.figures import learning as recorded_figures
from invlab.figures import measures as measure_figures
from invlab.figures import responses as response_figures
from invlab.figures import sensitivity as figures
from invlab.figures import side_by_side as shared_figures
from invlab.measures import MEASURES
from invlab.responses import Along
from invlab.site import markup
from invlab.site.sheet import Sheet, recipe_of
from invlab.store import Store
from invlab.studies import claims, instruments
from invlab.studies.recordings import recorded
from invlab.studies.singles import FAMILIES, NONE, SOURCES, Singles
from invlab.transforms import TRANSFORMS
from invlab.words import family_name, network_name

GROUP = "Explore"
LEGIBLE = 720  # pixels that a map of 19 networks needs for its numbers to be read
COMMAND = "python -m invlab bundle build"
STUDY = Singles()


def sheets(store: Store) -> Iterator[Sheet]:
    """A page for each of these whose results are stored."""
    for make in (sensitivity, learning, shared, responses, measures):
        if (sheet := make(store)) is not None:
            yield sheet


def result_of(store: Store, spec: Any) -> Any:
    """The stored result of a spec, or None."""
    record = store.get(records.key(spec))
    return None if record is None else record["result"]


# --------------------------------------------------------------------------------------------------------- sensitivity


def sensitivity(store: Store) -> Sheet | None:
    """One network for each family: the map, its summary, and what the numbers say."""
    summary = result_of(store, STUDY)
    if summary is None:
        return None
    question = "What is a network invariant to, after it was trained for one family of transformations?"
    sheet = Sheet("sensitivity", "Sensitivity", question, GROUP)
    for which in ("new", "training", "transfer"):
        _map(sheet, summary, which)
    _carried_over(sheet, summary)
    sheet.heading("What the numbers say")
    for claim in claims.claims(summary):
        told = f"**{claim.right} of {claim.of}** · {claim.text} {claim.evidence}"
        sheet.claim(claim.verdict, told, _exceptions(claim))
    sheet.caption(claims.RULE)
    return sheet


def _map(sheet: Sheet, summary: dict[str, Any], which: str) -> None:
    grid, how = claims.grid(summary, which), claims.MEASURES[which]
    sheet.heading(how.title[0].upper() + how.title[1:])
    sheet.text(f"{figures.map_lead(which)} {figures.FRAMED}")
    sheet.figure(
        figures.network_map(grid, which, claims.limits(summary, which)), figures.map_alt(grid, which), least=LEGIBLE
    )
    sheet.notice(figures.notice(summary, which))
    sheet.behind(which, claims.cells(summary, which), recipe_of(STUDY, measure=which), COMMAND, [STUDY], how.title)
    sheet.heading(f"In short: {how.title}", 3)
    sheet.text(figures.families_lead(which))
    rows = claims.families(summary, which)
    sheet.figure(figures.by_family(rows, which), figures.by_family_alt(rows, which))
    sheet.table(f"{which}-families", f"Table behind the figure: {how.title}, by family", rows)


def _carried_over(sheet: Sheet, summary: dict[str, Any]) -> None:
    sheet.heading("From the training objects to new ones")
    averages = {domain: claims.overall(summary, domain) for domain in ("training", "new")}
    ours, both = ((figures.overview(averages, p), figures.overview_alt(averages, p)) for p in (False, True))
    sheet.figure(*ours, overlay=both, remark=figures.OVERVIEW_TOLD)
    sheet.behind("overview", claims.overview(summary), recipe_of(STUDY), COMMAND, [STUDY], "means over families")


def _exceptions(claim: claims.Claim) -> str:
    if not claim.departures:
        return ""
    told = []
    for departure in claim.departures:
        guess = f" *Hypothesis, not tested here: {departure.hypothesis}.*" if departure.hypothesis else ""
        told.append(f"**{family_name(departure.family)}**: {departure.numbers}. {departure.explanation}{guess}")
    return markup.details(f"The exceptions ({len(told)})", markup.listed(told))


# ------------------------------------------------------------------------------------------------------ while learning


def learning(store: Store) -> Sheet | None:
    """The recordings that ship: all networks together, then one by one."""
    there = {source: result_of(store, recorded(STUDY, source)) for source in SOURCES}
    found = {source: result for source, result in there.items() if result is not None}
    if NONE not in found:
        return None
    sheet = Sheet("learning", "While learning", "When in training does invariance arise, and how does transfer follow?",
                  GROUP)  # fmt: skip
    if set(found) == set(SOURCES):
        _across(sheet, found)
    sheet.heading("Network by network")
    sheet.text(recorded_figures.NETWORKS_LEAD)
    for source in found:
        _recording(sheet, found, source)
    sheet.caption(recorded_figures.SETTLING)
    return sheet


def _across(sheet: Sheet, found: dict[str, Any]) -> None:
    what, families = f"a family, mean over all {len(FAMILIES)}", list(FAMILIES)
    sheet.text(recorded_figures.across_lead(len(SOURCES), what))
    sheet.figure(recorded_figures.across(found, families, None), recorded_figures.across_alt(found, families, what))
    kinds = recorded_figures.kind_means(found, families)
    sheet.notice(" ".join(recorded_figures.family_noticed(found, families, kinds)))
    sheet.caption(recorded_figures.SETTLING)
    specs = [recorded(STUDY, source) for source in SOURCES]
    rows = recorded_figures.across_rows(found, families)
    sheet.behind("families", rows, [recipe_of(spec) for spec in specs[:1]], COMMAND, specs, "all networks")


def _recording(sheet: Sheet, found: dict[str, Any], source: str) -> None:
    """One network: its own family beside three others, and what is to be seen there."""
    result, name, spec = found[source], network_name(source), recorded(STUDY, source)
    families = list(dict.fromkeys([*([] if source == NONE else [source]), "rotate", "hue", "blur"]))
    drawn = recorded_figures.lines(families, (source,), family_name)
    reference = None if source == NONE else found[NONE]
    relation = NONE if source == NONE else "same"
    sheet.heading(name[0].upper() + name[1:], 3)
    plot = recorded_figures.recording(result, drawn, None, reference, relation=relation)
    sheet.figure(plot, recorded_figures.recording_alt(name, result, drawn))
    sheet.notice(" ".join(recorded_figures.noticed(source, found)))
    rows = recorded_figures.rows(name, result, FAMILIES)
    sheet.behind(source.replace("_", "-"), rows, recipe_of(spec), COMMAND, [spec], name)


# -------------------------------------------------------------------------------------------------- ignored in common


def shared(store: Store) -> Sheet | None:
    """What each pair of networks ignores in common."""
    spec = STUDY.shared_invariance(0)
    result = result_of(store, spec)
    if result is None:
        return None
    sheet = Sheet("shared", "Ignored in common", "Do two networks ignore the same?", GROUP)
    sheet.text(shared_figures.SHARED_LEAD)
    sheet.figure(shared_figures.matrix(result, SOURCES), shared_figures.matrix_alt(result, SOURCES), least=LEGIBLE)
    sheet.notice(shared_figures.most_shared(result, SOURCES))
    sheet.caption(shared_figures.shared_told(result))
    sheet.behind("pairs", shared_figures.shared_rows(result, SOURCES), recipe_of(spec), COMMAND, [spec], "every pair")
    return sheet


# --------------------------------------------------------------------------------------------- the instruments' pages


def responses(store: Store) -> Sheet | None:
    """Along every parameter, on new objects: the three networks that the app's page begins with."""
    sheet = Sheet("responses", "Responses", "How far can an object be changed before a network takes it for another?",
                  GROUP)  # fmt: skip
    for family in FAMILIES:
        for axis in TRANSFORMS[family].axes:
            way = instruments.along(family, axis.parameter)
            task = STUDY.task("new", NONE, instruments.SEED)
            specs = {source: instruments.curve(STUDY, source, task, way) for source in instruments.compared(family)}
            found = {source: (spec, result_of(store, spec)) for source, spec in specs.items()}
            if all(result is not None for _, result in found.values()):
                _curve(sheet, way, instruments.CURVE_IMAGES, found)
    return sheet if sheet.parts else None


def _curve(sheet: Sheet, way: Along, images: int, found: dict[str, Any]) -> None:
    axis = next(axis for axis in TRANSFORMS[way.family].axes if axis.parameter == way.parameter)
    what = f"{family_name(way.family)}: {way.parameter}{f' ({axis.unit})' if axis.unit else ''}"
    kinds = {s: NONE if s == NONE else "same" if s == way.family else "other" for s in found}
    drawn = response_figures.lines({network_name(source): kind for source, kind in kinds.items()})
    results = [result for _, result in found.values()]
    sheet.heading(what[0].upper() + what[1:])
    sheet.text(response_figures.curve_lead(what, images))
    still = TRANSFORMS[way.family].identity[way.parameter]
    sheet.figure(
        response_figures.curves(drawn, results, what, still), response_figures.curves_alt(drawn, results, what)
    )
    specs = [spec for spec, _ in found.values()]
    rows = response_figures.rows(drawn, results, [way.parameter])
    name = f"{markup.anchor(what)}-{records.key(specs[0])[-6:]}"
    sheet.behind(name, rows, [recipe_of(spec) for spec in specs], None, specs, what)


def measures(store: Store) -> Sheet | None:
    """Other people's measures beside ours, under every family, on new objects."""
    sheet = Sheet("measures", "Measures", "Do other people's measures of invariance say the same as ours?", GROUP)
    for family in FAMILIES:
        task = STUDY.task("new", family, instruments.SEED)
        specs = {source: instruments.measures(STUDY, source, task) for source in SOURCES}
        found = {source: (spec, result_of(store, spec)) for source, spec in specs.items()}
        if all(result is not None for _, result in found.values()):
            _measures(sheet, family, instruments.MEASURE_IMAGES, instruments.MEASURE_DRAWS, found)
    return sheet if sheet.parts else None


def _measures(sheet: Sheet, family: str, images: int, draws: int, found: dict[str, Any]) -> None:
    values = {source: result for source, (_, result) in found.items()}
    name = family_name(family)
    sheet.heading(name[0].upper() + name[1:])
    sheet.text(f"{len(MEASURES)} measures of {len(values)} networks on {images} images, {draws} draws of each.")
    sheet.figure(measure_figures.ranking(values), measure_figures.ranking_alt(values))
    sheet.figure(measure_figures.agreements(values), measure_figures.agreements_alt(values))
    sheet.notice(measure_figures.notice(values, family))
    spec = found[family][0]
    name = f"{family.replace('_', '-')}-{records.key(spec)[-6:]}"
    sheet.behind(name, measure_figures.rows(values), recipe_of(spec), None, [spec], name)
