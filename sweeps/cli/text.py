"""What a summary looks like on a terminal. Nothing here decides or reads anything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from objectives import Data, Monitor
from objectives.judging import threshold
from objectives.reading import counted
from search_spaces import Space
from sweeps.cli import averages, typed
from sweeps.cli.front import front_lines
from sweeps.cli.layout import fit
from sweeps.cli.source import data_text, folds_text
from sweeps.study.confirm import Confirmed
from sweeps.study.ended import Ended
from sweeps.study.importance import FEWEST_FOR_IMPORTANCE, Importances
from sweeps.study.readers import time_text
from sweeps.study.summary import FEWEST, Summary
from sweeps.tracking.redact import redact

SCORES = (  # the most important first: a narrow terminal shows as many as fit
    "test_loss", "test_accuracy", "test_auc", "test_balanced_accuracy", "test_brier",
    "test_calibration_error",
)  # fmt: skip
PAGE = "http://127.0.0.1:5000"  # of `mlflow ui`
UNCONFIRMED = (
    "the best of several values on one seed each is partly luck; --confirm 5 trains the best "
    "trials on 5 fresh seeds"
)


def curves_text(page: str | None, uri: str | None = None) -> str:
    """Return how the curves are seen. page: its address, if known. uri: of a store elsewhere."""
    if uri is not None and uri.startswith(("http://", "https://")):
        return f"curves   open {page or re.sub('//[^/]*@', '//', uri)}"
    page = page or PAGE
    store = "" if uri is None else f" --backend-store-uri {shlex.quote(redact(uri))}"
    return f"curves   {typed('mlflow')} ui{store}      then open {page}"


def complete_text(study: str, done: int, total: int) -> str:
    """Say that a study has its total of trials already, and how it gets more."""
    more = f": --trials {2 * done} adds more"
    if done > total:
        return f"{study}: {done} trials, more than --trials {total}, already complete{more}"
    return f"{study}: already complete with {counted(done, 'trial')}{more}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return `17 complete, 41 pruned`."""
    known = ("complete", "pruned", "infeasible", "diverged", "failed")
    return ", ".join(f"{counts[name]} {name}" for name in known if counts.get(name))


def params_text(params: Mapping[str, Any]) -> str:
    """Return a config's parameters in one line, numbers to three digits."""
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in params.items()
    )


def baseline_text(space: Space[Any], params: Mapping[str, Any] | None) -> list[str]:
    """Say what a baseline is that the sweep does not declare, and nothing for one that it does.

    params: the first trial's, None where there is none yet.
    """
    if space.portfolio:
        return [
            "baseline: the first of the configs that are good on many tables; the others are the "
            "next trials"
        ]
    if space.baseline is not None or params is None:
        return []
    found = params_text(params)
    given = f", but {', '.join(space.start)} as given" if space.start else ""
    return [f"baseline: {space.first_is}{given}: {found}"]


def summary_lines(
    summary: Summary,
    confirmed: Confirmed | None,
    labels: Mapping[int, str],
    data: Data,
    space: Space[Any],
    width: int | None = None,
) -> list[str]:
    """Return the end of a sweep, line by line. labels: of the trials that are shown.

    width: of the terminal, None where there is none.
    """
    total = sum(summary.counts.values())
    trials = "1 trial" if total == 1 else f"{total} trials"
    trained = f"{time_text(summary.seconds + summary.confirming)} of training"
    if summary.confirming:
        trained += f", {time_text(summary.confirming)} of it confirming"
    if total:
        trained += f" ({counts_text(summary.counts)}; {summary.saved:.0%} of epochs saved)"
    lines = [
        f"{summary.study}: {trials}, {trained}",
        f"data: {data_text(data)}",
        *folds_text(data, summary.monitor),
    ]
    if summary.best is None:
        lines.append("no trial is complete: there is nothing to compare yet")
        lines += [summary.infeasible] if summary.infeasible else []
    else:
        lines += _table(summary, confirmed, labels, width)
        lines += ((summary.final or {}).get("plain") or {}).get("lines", [])
        lines += averages.threshold_lines(summary, data.source.options.get("threshold_for", ""))
        lines += baseline_text(space, summary.baseline.params if summary.baseline else None)
        lines.append(f"best: {params_text(summary.best.params)}")
        lines += _standing(summary, confirmed, labels)
        lines += front_lines(summary.front, labels)
        lines += _next(summary)
    lines += [f"failed: {failure} (see sweep.log)" for failure in summary.failures[:3]]
    return fit(lines, width)


def _row(role: str, number: int, labels: Mapping[int, str]) -> str:
    """Return how a line of a table begins, as wide as its longest label wants."""
    longest = max(map(len, labels.values()), default=0)
    return f"  {role:<9}#{number:<4}{labels.get(number, ''):<{longest}}"


def _table(
    summary: Summary, confirmed: Confirmed | None, labels: Mapping[int, str], width: int | None
) -> Iterator[str]:
    shown = dict(confirmed.means) if confirmed is not None else _single(summary)
    names = [n for n in shown["best"] if n != summary.monitor and not threshold.of_one(n)]
    numbers = {key: trial.number for key, trial in _shown(summary).items()}
    rows = [("baseline", "baseline"), ("best", "best")]
    if summary.best == summary.baseline:
        rows = [("baseline", "best")]
        if confirmed is not None and len(confirmed.trials) > 1:  # others have no test scores
            rows.append(("next", "next"))
            numbers["next"] = confirmed.trials[1].number
    names.sort(key=lambda n: (SCORES.index(n) if n in SCORES else len(SCORES), n))
    note = "(one seed)"
    if confirmed is not None:
        one = confirmed.repeats == 1
        note = "(one fresh seed)" if one else f"(mean of {confirmed.repeats} fresh seeds)"
    heads = {key: _row(role, numbers[key], labels) for role, key in rows if key in numbers}
    if (head := averages.head(summary)) is not None:
        rows.append(("", averages.ROW))
        heads[averages.ROW] = head
        shown[averages.ROW] = dict(summary.average.scores if summary.average else {})
    place = max(len(note), *map(len, heads.values()))
    rows = [(role, key) for role, key in rows if key in heads and key in shown]
    cells = {
        n: [f"{shown[key][n]:.4g}" if n in shown[key] else "-" for _, key in rows]
        for n in [summary.monitor, *names]
    }
    wide = {n: max(map(len, (n, *texts))) + 2 for n, texts in cells.items()}
    while width is not None and len(wide) > 2 and place + sum(wide.values()) > width:
        wide.popitem()
    yield f"{note:<{place}}" + "".join(f"{n:>{w}}" for n, w in wide.items())
    for line, (_, key) in enumerate(rows):
        found = "".join(f"{cells[n][line]:>{w}}" for n, w in wide.items())
        yield f"{heads[key]:<{place}}{found}"
    yield from _verdict(summary, confirmed)
    yield from averages.verdict(summary)


def _verdict(summary: Summary, confirmed: Confirmed | None) -> Iterator[str]:
    if summary.best == summary.baseline and len(summary.top) == 1:
        yield "  only the baseline is complete: there is nothing to compare yet"
    elif summary.best == summary.baseline:
        yield "  no trial beat the baseline: keep it, or try more trials or a wider range"
    elif summary.baseline is not None and summary.baseline.outcome == "failed":
        more = sum(summary.counts.values()) + 1
        yield (
            "  the baseline failed, so there is no difference to it: fix what made it fail, "
            f"and --trials {more} begins with it again"
        )
    elif confirmed is None:
        return
    elif "baseline" not in confirmed.means and summary.baseline is not None:
        yield f"  the baseline is {summary.baseline.outcome}: there is no difference to show"
    elif confirmed.difference is None:
        yield "  one fresh seed cannot tell luck from skill: --confirm 5 can"
    else:
        gap = confirmed.difference
        word = "undecided, it may be luck"
        if gap.n == 2 or (gap.n == 3 and not gap.low <= 0.0 <= gap.high):
            few = "two" if gap.n == 2 else "three"
            word += f"; {few} seeds tell little, --confirm 5 trains more"
        if gap.word == "real":
            better = Monitor(summary.monitor, summary.mode).better(gap.mean, 0.0)
            word = "real, not luck" if better else "real, and for the worse: take the baseline"
        yield f"  difference in {confirmed.metric} {gap}: {word}"


def _single(summary: Summary) -> dict[str, dict[str, float]]:
    final = summary.final or {}
    return {
        role: {summary.monitor: trial.value} | dict(final.get(role, {}))
        for role, trial in _shown(summary).items()
        if trial.value is not None
    }


def _shown(summary: Summary) -> dict[str, Ended]:
    """Return the trials of the table by their place in it."""
    shown = {"baseline": summary.baseline, "best": summary.best}
    return {role: trial for role, trial in shown.items() if trial is not None}


def _standing(
    summary: Summary, confirmed: Confirmed | None, labels: Mapping[int, str]
) -> Iterator[str]:
    """Say how the best trials stand: on fresh seeds, and on the one seed of their own."""
    if confirmed is not None:
        title = f"confirmed ({summary.monitor})"
        place = max(len(title), len(_row("", 0, labels)))
        yield f"{title:<{place}}{'mean':>11}{'std':>9}{'own seed':>11}{'seeds':>7}"
        for one in confirmed.trials:
            spread = "-" if one.spread is None else f"{one.spread:.2g}"
            name = "best" if one.number == confirmed.trials[0].number else ""
            name = "baseline" if one.role == "baseline" else name
            failed = f", {one.failed} failed" if one.failed else ""
            failed += ", left out" if one.out else ""
            yield (
                f"{_row(name, one.number, labels):<{place}}"
                f"{one.mean:>11.4g}{spread:>9}{one.value:>11.4g}{one.seeds:>7}{failed}"
            )
        if confirmed.share:
            runs = counted(confirmed.runs, "run")
            yield f"confirmed with {runs}, {confirmed.share:.0%} of the trials' epochs"
        yield from ties_text(confirmed)
    top = "  ".join(f"#{t.number} {t.value_text}" for t in summary.top)
    yield f"best on one seed: {top}"
    yield from level_text(summary, confirmed)
    if confirmed is None and len(summary.top) > 1:
        yield f"#{summary.top[0].number} is unconfirmed: {UNCONFIRMED}"


def level_text(summary: Summary, confirmed: Confirmed | None) -> Iterator[str]:
    """Say which of the top trials differ by less than seeds do."""
    margin = None if confirmed is None else confirmed.by_seeds
    if margin is None:
        return
    first = summary.top[0].reached
    level = [f"#{t.number}" for t in summary.top if abs(t.reached - first) < margin]
    if len(level) > 1:
        yield (
            f"  {', '.join(level[:-1])} and {level[-1]} differ by less than seeds alone do "
            f"(up to {margin:.2g})"
        )


def ties_text(confirmed: Confirmed) -> Iterator[str]:
    """Say which trials cannot be told apart from the best, and what has not been confirmed."""
    if len(confirmed.ties) > 1:
        *first, last = (f"#{number}" for number in confirmed.ties)
        line = f"no clear difference between {', '.join(first)} and {last}"
        if confirmed.smallest is not None:
            sizes = {one.number: one.parameters for one in confirmed.trials}
            out = any(one.out for one in confirmed.trials if one.number in confirmed.ties)
            which = "that was not left out" if out else "of them"
            line += f"; the smallest {which} is #{confirmed.smallest}"
            line += f" ({sizes[confirmed.smallest]:,} weights)"
            if confirmed.smallest != confirmed.ties[0]:
                line += f": export --trial {confirmed.smallest} takes it"
        yield line
    if confirmed.lead is not None:
        yield (
            f"#{confirmed.lead} has a better value on its one seed, and is not confirmed: "
            "--confirm 5 trains it on fresh seeds"
        )


def _chance(known: Importances, name: str) -> str:
    return f" (by chance up to {known.chance[name]:.0%})" if name in known.chance else ""


def _next(summary: Summary) -> Iterator[str]:
    known = summary.importances
    if known.shares:
        shares = list(known.shares.items())
        listed = ", ".join(
            f"{name} {share:.0%}{_chance(known, name)}" for name, share in shares[:4]
        )
        rest = sum(share for _, share in shares[4:])
        other = f", other {rest:.0%}" if rest >= 0.005 else ""
        says = "; too few to tell any from chance" if known.chance and not known.beyond else ""
        yield f"importance: {listed}{other} (of {known.complete} complete trials{says})"
    elif summary.level:
        yield f"importance: none; all complete trials have the same {summary.monitor}"
    else:
        yield f"importance: needs {FEWEST_FOR_IMPORTANCE} complete trials"
    yield from (f"suggestion: {hint}" for hint in summary.hints)
    if summary.counts.get("complete", 0) < FEWEST:
        yield "suggestion: run more trials; there are too few to say which range to widen"
    elif not summary.hints:
        yield "suggestion: every best value is well inside its range; more trials may still help"
