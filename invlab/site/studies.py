"""A page for each stored study: its figures with the published values to lay over them, its claims, its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from invlab import differences, runs, study_words
from invlab.differences import SHOWN, Difference
from invlab.figures import factors as factor_figures
from invlab.figures import information as information_figures
from invlab.figures import mismatch as mismatch_figures
from invlab.figures import relevance as relevance_figures
from invlab.figures import shift as shift_figures
from invlab.figures.factors import View
from invlab.site import markup
from invlab.site.sheet import Sheet, code, recipe_of
from invlab.store import Store
from invlab.studies import mismatch, relevance, shift
from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.studies.factors import BUILT_IN, FACTOR_NAMES, PROBE, TUNED
from invlab.studies.information import DECODED, NAMED
from invlab.studies.published import SOURCE
from invlab.studies.study import RULE, Table, tested
from invlab.words import family_name, seeds_text

GROUP = "Studies"


def sheets(store: Store) -> Iterator[Sheet]:
    """A page for each study and preset that is stored."""
    for name in STUDIES:
        there = [run for preset in SHOWN if (run := runs.stored_run(name, preset, store)) is not None]
        for number, run in enumerate(there):
            yield sheet_of(run, runs.study_table(run, store), f"{name}-{run.preset}" if number else name)


def sheet_of(run: StudyRun, table: Table, name: str) -> Sheet:
    """The page of one run."""
    study = STUDIES[run.study]
    title = study.title if name == run.study else f"{study.title}, preset {run.preset}"
    sheet = Sheet(name, title, study.question, GROUP)
    sheet.caption(study_words.facts(run, table))
    DRAW[run.study](sheet, run, table)
    _claims(sheet, run, table)
    _differs(sheet, run, table)
    sheet.heading("All numbers, and how to have them again")
    axes = ", ".join(f"*{axis}*: {meaning}" for axis, meaning in study.axes.items())
    sheet.text(f"A row for each measured number and seed. The columns: {axes}.")
    sheet.table("all", f"Every measured number of {title}", table.records())
    sheet.add(code(study_words.command(run)))
    return sheet


def _claims(sheet: Sheet, run: StudyRun, table: Table) -> None:
    ours = run.study == "information"
    sheet.heading("What we expect, tested" if ours else "What the paper says, tested here")
    found = [tested(claim, table) for claim in STUDIES[run.study].claims]
    sheet.text(study_words.tally(found))
    for verdict in found:
        sheet.claim(verdict.verdict, study_words.told(verdict))
    sheet.table("claims", "Every part of the claims, with 95 % intervals over seeds", study_words.parts(found))
    sheet.caption(RULE)


def _differs(sheet: Sheet, run: StudyRun, table: Table) -> None:
    if run.study == "information":
        sheet.caption(information_figures.BEYOND)
        return
    sheet.heading("What differs from the paper, and why")
    sheet.add(markup.listed(differences.differs_told(run.study, run, _own_differences(run, table))))
    sheet.caption(differences.THE_PAPER)


def _own_differences(run: StudyRun, table: Table) -> Sequence[Difference]:
    if run.study == "factors":
        return differences.of_factors(run.preset)
    if run.study == "relevance":
        return differences.of_relevance(run.preset, table.values_of("pictures")[0])
    return differences.of_mismatch(run.preset) if run.study == "mismatch" else differences.of_shift(table, False)


# ------------------------------------------------------------------------------------------------------------- factors


def of_factors(sheet: Sheet, run: StudyRun, table: Table) -> None:
    """The summary and every factor for the view that the paper has; the summary of each other view."""
    views = _views(table)
    for view in views:
        main = view == views[0]
        sheet.heading("Every factor beside the gap" if main else f"The same: {_view_words(view)}")
        if main:
            sheet.text(factor_figures.SUMMARY_LEAD)
            sheet.caption(f"Here: {_view_words(view)}.")
        _summary(sheet, run, table, view)
    sheet.heading("One factor at a time")
    for factor in FACTOR_NAMES:
        _factor(sheet, run, table, factor, views[0])


def _views(table: Table) -> list[View]:
    """What was measured, as parts of the study: the one that the paper's values are of comes first."""
    every = [
        View(dataset, setting, measure)
        for dataset in table.values_of("dataset")
        for setting in table.values_of("setting")
        for measure in (PROBE, TUNED)
    ]
    return sorted((view for view in every if view.ranges(table)), key=lambda view: not view.published)


def _view_words(view: View) -> str:
    images = "" if view.dataset == BUILT_IN else f", {factor_figures.DATASET_WORDS[view.dataset]}"
    return f"{factor_figures.SETTING_WORDS[view.setting]}, {view.measure}{images}"


def _overlay(view: View) -> str:
    return f"Open symbols: {SOURCE}. {factor_figures.OVERLAY}"


def _summary(sheet: Sheet, run: StudyRun, table: Table, view: View) -> None:
    ours, both = (
        (factor_figures.summary(table, view, p), factor_figures.summary_alt(table, view, p)) for p in (False, True)
    )
    sheet.figure(*ours, overlay=both if view.published else None, remark=_overlay(view))
    sheet.notice(factor_figures.summary_notice(table, view))
    rows, name = (
        factor_figures.summary_rows(table, view),
        markup.anchor(f"{view.dataset} {view.setting} {view.measure}"),
    )
    sheet.behind(name, rows, recipe_of(run, **asdict(view)), study_words.command(run), [run], _view_words(view))


def _factor(sheet: Sheet, run: StudyRun, table: Table, factor: str, view: View) -> None:
    rows = factor_figures.value_rows(table, factor, view)
    if not rows:
        return
    sheet.heading(factor[0].upper() + factor[1:], 3)
    sheet.text(factor_figures.FACTOR_WORDS[factor])
    chance = 1 / factor_figures.target_classes(run.preset, view)
    ours, both = (
        (
            factor_figures.by_value(table, factor, view, chance, p),
            factor_figures.by_value_alt(table, factor, view, p),
        )
        for p in (False, True)
    )
    sheet.figure(*ours, overlay=both if view.published else None, remark=_overlay(view))
    sheet.notice(factor_figures.value_notice(table, factor, view))
    if told := factor_figures.tuned_told(run.preset, factor, view):
        sheet.caption(told)
    recipe = recipe_of(run, **asdict(view), factor=factor)
    sheet.behind(markup.anchor(factor), rows, recipe, study_words.command(run), [run], factor)


# ----------------------------------------------------------------------------------------------------------- relevance


def of_relevance(sheet: Sheet, run: StudyRun, table: Table) -> None:
    """The two figures of the paper for each kind of pictures and objects, and the sweeps."""
    for pictures in table.values_of("pictures"):
        numbers = table.where(pictures=pictures)
        sheet.heading(f"C is a picture of {relevance.WORDS[pictures]}")
        sheet.text(relevance_figures.pictures_told(pictures))
        for placement in numbers.where(sweep="").values_of("placement"):
            _placement(sheet, run, numbers, pictures, placement)
    _sweeps(sheet, run, table)


def _placement(sheet: Sheet, run: StudyRun, numbers: Table, pictures: str, placement: str) -> None:
    sheet.heading(f"{placement.capitalize()} objects", 3)
    sheet.text(f"{relevance_figures.PLACEMENT_WORDS[placement]} {relevance_figures.MAP_LEAD}")
    draw, tell = relevance_figures.transfer_map, relevance_figures.map_alt
    ours, both = ((draw(numbers, placement, p), tell(numbers, placement, p)) for p in (False, True))
    sheet.figure(*ours, overlay=both, remark=relevance_figures.BRACKETS)
    sheet.notice(relevance_figures.map_notice(numbers, placement))
    recipe, about = recipe_of(run, pictures=pictures, placement=placement), f"{pictures}, {placement} objects"
    rows, name = relevance_figures.map_rows(numbers, placement), markup.anchor(f"{pictures} {placement}")
    sheet.behind(name, rows, recipe, study_words.command(run), [run], f"transfer, {about}")
    sheet.text(relevance_figures.SWAPS_LEAD)
    draw, tell = relevance_figures.swaps, relevance_figures.swaps_alt
    ours, both = ((draw(numbers, placement, p), tell(numbers, placement, p)) for p in (False, True))
    sheet.figure(*ours, overlay=both)
    sheet.notice(relevance_figures.swap_notice(numbers, placement))
    rows = relevance_figures.swap_rows(numbers, placement)
    sheet.table(f"{name}-swaps", f"Table behind the figure: sensitivity to swaps, {about}", rows)


def _sweeps(sheet: Sheet, run: StudyRun, table: Table) -> None:
    for placement in relevance_figures.swept_placements(table, "correlation"):
        (swept,) = table.where(sweep="correlation").values_of("pictures")
        sheet.heading(f"When the irrelevant becomes informative, or rare: {placement} objects")
        sheet.text(relevance_figures.sweeps_lead(placement, swept))
        for probed in relevance_figures.PROBED:
            for name in relevance_figures.SWEEPS:
                sheet.figure(
                    relevance_figures.sweep(table, placement, name, probed),
                    relevance_figures.sweep_alt(table, placement, name, probed),
                    title=f"**{name.capitalize()}**, probed {probed}",
                )
            sheet.notice(relevance_figures.sweep_notice(table, placement, probed))
        rows, recipe = relevance_figures.sweep_rows(table, placement), recipe_of(run, placement=placement)
        sheet.behind(f"sweeps-{placement}", rows, recipe, study_words.command(run), [run], f"sweeps, {placement}")


# --------------------------------------------------------------------------------------------------------------- shift


def of_shift(sheet: Sheet, run: StudyRun, table: Table) -> None:
    """The paper's figure, then family by family, then every set of images by itself."""
    sheet.text(shift_figures.LEAD)
    rows = {trained: shift_figures.column_rows(table, trained) for trained in shift.TRAINED}
    for trained, found in rows.items():
        title = f"**{trained.capitalize()}-trained**: learned {shift_figures.LEARNED[trained]}"
        ours, both = (
            (shift_figures.lanes(found, p), shift_figures.lanes_alt(found, trained, p)) for p in (False, True)
        )
        sheet.figure(*ours, overlay=both, title=title)
    sheet.notice(shift_figures.notice(rows["image"], shift_figures.gains_of(table)))
    over = f"Bars: 95 % intervals over {seeds_text(run.seeds)}."
    sheet.caption(f"{shift_figures.COLUMNS_TOLD} {over} {shift_figures.absent(table, False)}")
    every = [{"trained on": trained, **row} for trained, found in rows.items() for row in found]
    sheet.behind("columns", every, recipe_of(run), study_words.command(run), [run], "by column")
    sheet.heading("Family by family")
    for trained in shift.TRAINED:
        _by_family(sheet, table, trained)
    sheet.heading("Every set of images by itself")
    for trained in shift.TRAINED:
        found = shift_figures.domain_rows(table, trained)
        title = f"**{trained.capitalize()}-trained**"
        sheet.figure(shift_figures.lanes(found), shift_figures.lanes_alt(found, trained), title=title)
        sheet.notice(shift_figures.domains_notice(found, trained))
        sheet.table(f"domains-{trained}", f"Table behind the figure: every set of images, {trained}-trained", found)


def _by_family(sheet: Sheet, table: Table, trained: str) -> None:
    whole = shift_figures.family_rows(table, trained)
    networks = shift_figures.networks_of(whole)
    sheet.heading(f"{trained.capitalize()}-trained networks", 3)
    for what in (shift_figures.GAIN, shift_figures.RANK):
        sheet.text(shift_figures.breakdown_lead(what, networks))
        sheet.figure(shift_figures.breakdown(whole, what, networks), shift_figures.breakdown_alt(whole, what))
    sheet.notice(shift_figures.breakdown_notice(whole))
    sheet.table(f"families-{trained}", f"Table behind the figures: by family, {trained}-trained", whole)


# ------------------------------------------------------------------------------------------------------------ mismatch


def of_mismatch(sheet: Sheet, run: StudyRun, table: Table) -> None:
    """The map, its last row beside the paper's, and what a missing family costs."""
    sizes = mismatch.SIZES[run.preset]
    sheet.text(mismatch_figures.lead(sizes.chain))
    rows, chance = mismatch_figures.map_rows(table), 1 / sizes.classes
    title = "**Every source on every target**; framed: the same families"
    sheet.figure(mismatch_figures.the_map(rows), mismatch_figures.map_alt(rows), title=title)
    lines = [mismatch_figures.falling_rows(rows, published) for published in (False, True)]
    ours, both = (
        (mismatch_figures.falling(line, chance), mismatch_figures.falling_alt(line, chance)) for line in lines
    )
    sheet.figure(*ours, overlay=both, title=f"**The target with all {sizes.chain} families**: the map's last row")
    sheet.notice(mismatch_figures.notice(rows))
    over = f"Bars: 95 % intervals over {seeds_text(run.seeds)}."
    sheet.caption(f"{over} {mismatch_figures.lengths_told(sizes.chain, sizes.classes)}")
    sheet.behind("map", rows, recipe_of(run), study_words.command(run), [run], "sources and targets")
    sheet.heading("Which missing family costs most?")
    sheet.text(mismatch_figures.costs_lead(sizes.chain))
    found, groups = mismatch_figures.cost_rows(table), mismatch_figures.group_rows(table)
    sheet.figure(mismatch_figures.costs(mismatch.costs(table), groups), mismatch_figures.costs_alt(found, groups))
    sheet.notice(mismatch_figures.costs_notice(found, groups))
    both_rows = mismatch_figures.aligned([*({"family": "(mean of the group)", **row} for row in groups), *found])
    sheet.table("costs", "Table behind the figure: what a missing family costs", both_rows)


# --------------------------------------------------------------------------------------------------------- information


def of_information(sheet: Sheet, run: StudyRun, table: Table) -> None:
    """Every family together, then one by one."""
    for measure in (NAMED, DECODED):
        rows = information_figures.family_rows(table, measure)
        words = information_figures.AXES[measure]
        sheet.heading(f"Every family: {words}")
        sheet.text(information_figures.families_lead(measure, run.seeds))
        sheet.figure(information_figures.by_family(rows, measure), information_figures.by_family_alt(rows, measure))
        sheet.notice(information_figures.NOTICES[measure])
        recipe = recipe_of(run, measure=measure)
        sheet.behind(f"families-{measure}", rows, recipe, study_words.command(run), [run], words)
    sheet.heading("Family by family")
    together = information_figures.family_rows(table, NAMED)
    for family in table.values_of("family"):
        _information_of(sheet, table, family, information_figures.agreement(together, family))


def _information_of(sheet: Sheet, table: Table, family: str, agreement: float) -> None:
    name = family_name(family)
    sheet.heading(name[0].upper() + name[1:], 3)
    sheet.text(information_figures.networks_lead(family, NAMED))
    rows = information_figures.network_rows(table, family, NAMED)
    plot = information_figures.networks(rows, NAMED, information_figures.chance(family, NAMED))
    sheet.figure(plot, information_figures.networks_alt(rows, family, NAMED))
    sheet.notice(information_figures.notice(rows, agreement, family, NAMED))
    sheet.table(f"networks-{family.replace('_', '-')}", f"Table behind the figure: {name}", rows)


DRAW: dict[str, Callable[[Sheet, StudyRun, Table], None]] = {
    "factors": of_factors,
    "relevance": of_relevance,
    "shift": of_shift,
    "mismatch": of_mismatch,
    "information": of_information,
}
