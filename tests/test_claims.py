"""The claims of the study of single families: known answers on made-up numbers."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from invlab.intervals import over_seeds
from invlab.seeds import Generator
from invlab.studies import claims
from invlab.studies.singles import FAMILIES, SOURCES
from invlab.transforms import TRANSFORMS

H_FLIP, ROTATE = FAMILIES.index("h_flip"), FAMILIES.index("rotate")


def synthetic(seeds: int = 3) -> dict[str, Any]:
    """A summary with the structure that such studies show: a light diagonal, related families that help each other,
    less of it on new objects, and an exception: h_flip hardly moves anything, and training for it gains nothing."""
    random = np.random.default_rng(7)
    base = random.uniform(0.3, 0.6, len(FAMILIES))
    base[H_FLIP] = 0.15
    tables: dict[str, Any] = {"sources": list(SOURCES), "families": list(FAMILIES), "seeds": seeds}
    for domain, drop in (("training", 0.7), ("new", 0.45)):
        values = np.tile(base, (seeds, len(SOURCES), 1)) + random.normal(0, 0.012, (seeds, len(SOURCES), len(FAMILIES)))
        for i, family in enumerate(FAMILIES):
            for j, other in enumerate(FAMILIES):
                if TRANSFORMS[family].group == TRANSFORMS[other].group:
                    values[:, i, j] *= 0.92
            values[:, i, i] *= 1 - drop if i != H_FLIP else 1.3
        values = values.clip(0.01)
        tables[f"sensitivity_{domain}"] = values.tolist()
        tables[f"sensitivity_{domain}_interval"] = np.stack([values - 0.01, values + 0.012], -1).tolist()
    transfer = 0.97 - base + random.normal(0, 0.015, (seeds, len(SOURCES), len(FAMILIES)))
    for i in range(len(FAMILIES)):
        transfer[:, i, i] += 0.12 if i != H_FLIP else -0.03
    tables["transfer"] = transfer.clip(0, 1).tolist()
    tables["source_accuracy"] = random.uniform(0.95, 1, (seeds, len(SOURCES))).tolist()
    return tables


def flat(seeds: int = 3, same: float = 0.1, rest: float = 0.4, none: float | None = None) -> dict[str, Any]:
    """A summary without noise but for a constant between seeds: every family alike."""
    n = len(FAMILIES)
    shift = np.linspace(-0.01, 0.01, seeds)[:, None, None]
    values = np.full((seeds, n + 1, n), rest) + shift
    values[:, :n][:, np.eye(n, dtype=bool)] = same + shift[:, :, 0]
    if none is not None:
        values[:, n] = none + shift[:, 0]
    summary: dict[str, Any] = {"sources": list(SOURCES), "families": list(FAMILIES), "seeds": seeds}
    for name in ("sensitivity_training", "sensitivity_new"):
        summary[name] = values.tolist()
        summary[f"{name}_interval"] = np.stack([values, values], -1).tolist()
    summary["transfer"] = (1 - values).tolist()
    summary["source_accuracy"] = np.ones((seeds, n + 1)).tolist()
    return summary


def changed(summary: dict[str, Any], table: str, change: dict[tuple[int, int], Any]) -> dict[str, Any]:
    """The summary with cells (source, family) of a table replaced in every seed (a number, or one for each seed)."""
    summary = copy.deepcopy(summary)
    for (source, family), new in change.items():
        for seed, matrix in enumerate(summary[table]):
            matrix[source][family] = new if isinstance(new, float) else new[seed]
    return summary


def by_name(summary: dict[str, Any], name: str) -> claims.Claim:
    return next(c for c in claims.claims(summary) if c.name == name)


# ------------------------------------------------------------------------------------------------------------- verdicts


def test_all_claims_hold_without_exceptions_where_every_family_agrees() -> None:
    for claim in claims.claims(flat()):
        assert (claim.verdict, claim.right, claim.of, claim.departures) == ("holds", 18, 18, ())
        assert "+0.30 [0.30, 0.30]" in claim.evidence


def test_all_claims_fail_where_same_is_worse_everywhere() -> None:
    for claim in claims.claims(flat(same=0.5)):
        assert (claim.verdict, claim.right) == ("fails", 0)
        assert len(claim.departures) == 18
        assert "−0.10 [−0.10, −0.10]" in claim.evidence


def test_below_other_but_not_below_none_counts_against_the_sensitivity_claims_only() -> None:
    summary = flat(same=0.3, rest=0.4, none=0.2)
    found = {c.name: (c.verdict, c.right) for c in claims.claims(summary)}
    assert found == {"sensitivity-training": ("fails", 0), "sensitivity-new": ("fails", 0), "transfer": ("holds", 18)}
    told = by_name(summary, "sensitivity-new").departures[0].explanation
    assert "higher than none by 0.10, and the seeds agree" in told
    assert "than other" not in told


def test_a_tie_is_enough_for_transfer_and_not_for_sensitivity() -> None:
    summary = flat(same=0.4, rest=0.4)
    assert by_name(summary, "transfer").right == 18
    assert by_name(summary, "sensitivity-new").right == 0


def test_half_of_the_families_decide_nothing() -> None:
    summary = changed(flat(), "sensitivity_new", {(i, i): 0.65 for i in range(9)})
    claim = by_name(summary, "sensitivity-new")
    assert (claim.verdict, claim.right) == ("undecided", 9)
    assert [d.family for d in claim.departures] == list(FAMILIES[:9])


def test_one_seed_decides_nothing_in_favour() -> None:
    claim = by_name(flat(seeds=1), "sensitivity-new")
    assert (claim.verdict, claim.right) == ("undecided", 18)
    assert "nan" not in claim.evidence


def test_an_interval_that_reaches_zero_does_not_hold() -> None:
    assert claims.verdict(18, 18, [(-0.01, 0.4)]) == "undecided"
    assert claims.verdict(18, 18, [(0.01, 0.4), (-0.3, -0.1)]) == "fails"
    assert claims.verdict(18, 18, [(math.nan, math.nan)]) == "undecided"
    assert claims.verdict(2, 18, [(0.01, 0.4)]) == "fails"


def test_the_sign_test_knows_its_own_table() -> None:
    assert claims.tail(14, 18) == pytest.approx(0.01544, abs=1e-5)  # of any table of the binomial distribution
    assert claims.tail(13, 18) > claims.CHANCE
    assert claims.tail(0, 18) == 1


# ----------------------------------------------------------------------------------------------------------- exceptions


def departures(summary: dict[str, Any], name: str) -> dict[str, claims.Departure]:
    return {d.family: d for d in by_name(summary, name).departures}


def test_little_to_learn_is_said_where_others_hardly_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claims.HYPOTHESES, "h_flip", "a guess")
    cells = {(source, H_FLIP): 0.1 for source in range(19)} | {(H_FLIP, H_FLIP): 0.12}
    summary = changed(flat(), "sensitivity_new", cells)
    found = departures(summary, "sensitivity-new")
    assert list(found) == ["h_flip"]
    assert found["h_flip"].numbers == "same 0.12, other 0.10, none 0.10"
    told = found["h_flip"].explanation
    assert "hardly move under it: other is 0.10, on average over families 0.38" in told
    assert "Half of its twin pairs are the same picture twice" in told
    assert "On the training objects it is as claimed (same 0.10, other 0.40, none 0.40)" in told
    assert found["h_flip"].hypothesis == "a guess"


def test_nothing_is_said_of_little_to_learn_where_there_is_much() -> None:
    told = departures(changed(flat(), "sensitivity_new", {(ROTATE, ROTATE): 0.6}), "sensitivity-new")["rotate"]
    assert "little" not in told.explanation
    assert told.explanation.startswith("Same is higher than other by 0.20, and the seeds agree.")
    assert "did not carry over" in told.explanation
    assert told.hypothesis == ""


def test_seeds_that_disagree_are_named() -> None:
    summary = changed(flat(), "sensitivity_training", {(ROTATE, ROTATE): [0.2, 0.7, 0.45]})
    told = departures(summary, "sensitivity-training")["rotate"].explanation
    assert "Same is higher than other by 0.05, but the seeds do not settle it" in told


def test_a_badly_learned_source_is_named() -> None:
    summary = changed(flat(), "sensitivity_training", {(ROTATE, ROTATE): 0.5})
    for row in summary["source_accuracy"]:
        row[ROTATE] = 0.7
    told = departures(summary, "sensitivity-training")["rotate"].explanation
    assert "did not learn its own task well: accuracy 0.70, the middle network's is 1.00" in told


def test_transfer_names_a_small_room_and_the_sensitivity_beside_it() -> None:
    cells = {(source, H_FLIP): 0.95 for source in range(19)} | {(H_FLIP, H_FLIP): 0.9}
    told = departures(changed(flat(), "transfer", cells), "transfer")["h_flip"].explanation
    assert "Same is lower than other by 0.05" in told
    assert "do well here without it: 0.95" in told
    assert "less sensitive to the family on these objects (sensitivity 0.10 against 0.40)" in told


def test_the_synthetic_study_has_the_exceptions_put_into_it() -> None:
    for claim in claims.claims(synthetic()):
        assert (claim.verdict, claim.right, [d.family for d in claim.departures]) == ("holds", 17, ["h_flip"])
        assert "little to" in claim.departures[0].explanation


def test_share_of_identical_pairs_is_what_the_families_draw() -> None:
    n = 4000
    for family, transform in TRANSFORMS.items():
        first, second = (transform.sample(n, Generator.of("claims", twin, indices=range(n))) for twin in (0, 1))
        untouched = [
            sum((draw[name] != value).int() for name, value in transform.identity.items() if name in ONLY_SWITCHES)
            for draw in (first, second)
        ]
        if family not in claims.SAME_PICTURE:
            assert all(len(draw.unique()) > 2 for draw in first.values()), family
            continue
        on = [u > 0 for u in untouched]
        both_off = (~on[0] & ~on[1]).float().mean().item()
        several_ways = bool({"seed", "x", "y"} & set(first))
        same = both_off if several_ways else (on[0] == on[1]).float().mean().item()
        assert same == pytest.approx(claims.SAME_PICTURE[family], abs=0.03), family


ONLY_SWITCHES = ("flip", "amount", "bits", "factor", "strength", "fraction", "alpha", "side")


# -------------------------------------------------------------------------------------------------------------- reading


def test_grid_is_the_mean_with_students_interval() -> None:
    summary = synthetic()
    table = claims.grid(summary, "new")
    column = [matrix[3][5] for matrix in summary["sensitivity_new"]]
    assert table.values[3, 5] == pytest.approx(sum(column) / 3)
    assert (table.low[3, 5], table.high[3, 5]) == pytest.approx(over_seeds(column))
    assert table.at(SOURCES[3], FAMILIES[5])[0] == table.values[3, 5]
    assert "3 seeds" in table.what


def test_grid_of_one_seed_has_the_interval_over_pairs_and_a_probe_has_none() -> None:
    summary = synthetic()
    table = claims.grid(summary, "training", 1)
    assert table.values[2, 4] == summary["sensitivity_training"][1][2][4]
    assert [table.low[2, 4], table.high[2, 4]] == summary["sensitivity_training_interval"][1][2][4]
    assert np.isnan(claims.grid(summary, "transfer", 1).low).all()
    assert np.isnan(claims.grid(synthetic(seeds=1), "new").low).all()


def test_both_domains_share_one_colour_scale() -> None:
    summary = synthetic()
    assert claims.limits(summary, "training") == claims.limits(summary, "new")
    low, high = claims.limits(summary, "transfer")
    means = np.mean(summary["transfer"], 0)
    assert low <= means.min() <= means.max() <= high
    assert claims.limits(summary, "new")[0] == 0


def test_kept_is_the_share_of_the_gain_on_new_objects() -> None:
    summary = flat(same=0.1, rest=0.5)
    summary["sensitivity_new"] = flat(same=0.3, rest=0.5)["sensitivity_new"]
    assert claims.kept(summary) == pytest.approx(0.5)
    assert math.isnan(claims.kept(flat(same=0.5, rest=0.4)))


def test_tables_are_json_and_complete() -> None:
    for seeds in (1, 3):
        summary = synthetic(seeds)
        for name in claims.MEASURES:
            cells, families = claims.cells(summary, name), claims.families(summary, name)
            assert (len(cells), len(families)) == (19 * 18, 18)
            json.dumps([cells, families], allow_nan=False)
        json.dumps(claims.overview(summary), allow_nan=False)


def test_unknown_measure_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="training, new, transfer"):
        claims.measure("old")


def test_numbers_have_a_true_minus_and_no_signed_nothing() -> None:
    assert [claims.number(v) for v in (0.123, -0.5, -0.001)] == ["0.12", "−0.50", "0.00"]
    assert claims.number(0.05, signed=True) == "+0.05"


def test_claims_and_figures_need_no_torch() -> None:
    code = "import sys, invlab.studies.claims, invlab.figures.sensitivity; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
