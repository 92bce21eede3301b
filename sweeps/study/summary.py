"""What a study found, as plain data: read from the store, printed by the command line."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from objectives.training.errors import error_line
from search_spaces import Dimension
from sweeps.study.average import Average, averaged, members_of
from sweeps.study.ended import Ended, baseline_of, ranked
from sweeps.study.importance import FEWEST_FOR_IMPORTANCE, Importances, kept_importances, level
from sweeps.study.limits import least_words
from sweeps.study.ranges import accepts
from sweeps.study.several import Front, front_of
from sweeps.study.winner import ATTR, winner

if TYPE_CHECKING:
    from objectives.monitor import Mode
    from sweeps.study.session import Session

EDGE = 0.08  # of a range: a best value this near an end hints at a wider range
FEWEST = 5  # complete trials before an edge says anything


@dataclass(frozen=True)
class Summary:
    """seconds: of training, over all trials; confirming: over the runs that confirmed the best.

    saved: share of the epochs that pruning spared.

    level: whether the complete trials have one value, so that no parameter matters.
    hints: which ranges to widen, in words; wider: as `--range` takes them.
    best: the winner. top: the complete trials with the best values, each on its own one seed.
    infeasible: how near the trials beyond a limit came to it, in words.
    front: where there are several monitors, the trials that none beats in all of them.
    final: test scores by "best" and "baseline", None until a sweep has ended. average: of nets
    that were trained anyway, None where there never can be one.
    """

    study: str
    sweep: str
    monitor: str
    mode: Mode
    counts: Mapping[str, int]
    seconds: float
    epochs: int
    saved: float
    best: Ended | None
    baseline: Ended | None
    top: tuple[Ended, ...]
    importances: Importances = field(default_factory=Importances)
    level: bool = False
    hints: tuple[str, ...] = ()
    wider: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    infeasible: str = ""
    front: Front | None = None
    final: Mapping[str, Any] | None = None
    confirming: float = 0.0
    average: Average | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        found = dataclasses.asdict(self)
        known = self.importances
        return found | {"importances": known.shares, "importances_by_chance": known.chance}


def summarise(session: Session) -> Summary:
    """Read a study's summary."""
    trials = session.store.ended()
    order, best = ranked(trials, session.monitor), winner(session)
    ran = sum(t.epochs for t in trials)
    spared = sum(t.spared(session.sweep.objective.max_epochs) for t in trials)
    attrs = session.store.study.user_attrs
    final = attrs.get("final")
    widen = _hints(session, best) if best is not None and len(order) >= FEWEST else []
    if final is not None and best is not None and final.get("trial") != best.number:
        final = None
    together = averaged(session)
    members = members_of(together)
    if final is not None and final.get("members", members) != members:
        final = {**final, "plain": None}  # which is of another average
    return Summary(
        study=session.name,
        sweep=session.sweep.name,
        monitor=session.monitor.name,
        mode=session.monitor.mode,
        counts=dict(Counter(t.outcome for t in trials)),
        seconds=sum(t.seconds for t in trials),
        epochs=ran,
        saved=1.0 - ran / (ran + spared) if spared else 0.0,
        best=best,
        baseline=baseline_of(trials),
        top=tuple(order[:5]),
        importances=kept_importances(session.store.study),
        level=len(order) >= FEWEST_FOR_IMPORTANCE and level(session.store.study),
        hints=tuple(f"{words}: --range {text}" for words, text in widen),
        wider=tuple(text for _, text in widen),
        failures=tuple(
            f"#{t.number} {error_line(t.error)}"
            for t in trials
            if t.outcome == "failed" and t.error
        ),
        front=front_of(session),
        infeasible=least_words(trials, session.sweep.limits),
        final=final,
        confirming=sum(one.get("seconds", 0.0) for one in attrs.get(ATTR, {}).values()),
        average=together,
    )


def _hints(session: Session, best: Ended) -> list[tuple[str, str]]:
    """Return the hints whose ranges the sweep takes."""
    ranges, space = session.space, session.store.space
    return [
        (words, text)
        for name, words, text in hints(best, ranges, session.sweep.objective.max_epochs)
        if accepts(space, text, ranges[name], best.params)
    ]


def hints(
    best: Ended, space: Mapping[str, Dimension], max_epochs: int
) -> Iterator[tuple[str, str, str]]:
    """Yield each name whose best value lies near an end of its range, words, and a wider range.

    A patience beyond the last epoch could never act, so none is proposed.
    """
    for name, dimension in space.items():
        value = best.params.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            most = max_epochs if name.endswith("patience") else math.inf
            if (hint := _hint(name, value, dimension, most)) is not None:
                yield name, *hint


def _hint(name: str, value: float, dimension: Dimension, most: float) -> tuple[str, str] | None:
    if dimension.choices is not None:
        # Sizes only: what lies beyond a dropout of 0 or a factor of 1 is not the double or half.
        choices = sorted(c for c in dimension.choices if isinstance(c, int) and c > 0)
        if len(choices) < max(2, len(dimension.choices)) or value not in (choices[0], choices[-1]):
            return None
        further = choices[-1] * 2 if value == choices[-1] else choices[0] // 2
        if not 0 < further <= most:
            return None
        listed = ",".join(map(str, sorted({*choices, further})))
        end = "largest" if value == choices[-1] else "smallest"
        return f"best {name} {value:g} is the {end} tried", f"{name}={listed}"
    low, high = dimension.low, dimension.high
    if low is None or high is None or low == high:
        return None
    scale = math.log if dimension.log else float
    place = (scale(value) - scale(low)) / (scale(high) - scale(low))
    if dimension.log and not EDGE < place < 1.0 - EDGE:
        wider = (low / 10, high) if place < 0.5 else (low, high * 10)
    elif place > 1.0 - EDGE and dimension.kind == "int":
        step = dimension.step or 1
        wider = (low, high + step * max(1, round((high - low) / 2 / step)))
        if wider[1] > most:
            return None
    else:
        return None
    end = "low" if place < 0.5 else "high"
    words = f"best {name} {value:.3g} is near the {end} end"
    if dimension.kind == "int":
        return words, f"{name}={max(1, int(wider[0])) if dimension.log else wider[0]}:{wider[1]}"
    return words, f"{name}={wider[0]:g}:{wider[1]:g}"
