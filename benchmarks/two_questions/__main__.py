"""The two questions, answered with what `explain` found on the built-in data: docs/why-it-*.md.

    python -m sweeps.dense_binary explain --budget 1h --json flattens.json
    python -m sweeps.lstm_recall explain --budget 1h --json waits.json
    python -m benchmarks.two_questions flattens.json waits.json

Needs matplotlib. Every figure of the pages comes from the two files.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.two_questions.drawn import draw_curve, draw_probes, draw_rates, judged

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
OUTCOMES = {"helps": "helps", "no help": "no help", "hurts": "worse", "undecided": "undecided"}
HYPOTHESES = {
    "effective_rate_sweet_spot": "It ends when Adam's effective rate reaches a sweet spot",
    "rate_too_low": "The learning rate is simply too low",
    "sgd_with_lower_rate": "SGD with a lower rate would help",
}

LIMITS = {
    "capacity": "too little capacity",
    "rate_too_low": "a learning rate that is too low",
    "rate_too_high": "a learning rate that is too high",
    "schedule_too_early": "a schedule that drops the rate too early",
    "schedule_too_late": "a learning rate that does not drop",
    "too_little_time": "too little time",
    "overfitting": "overfitting",
    "noise_or_data": "noise, or too few rows",
    "nothing": "nothing",
    "undecided": "that is undecided",
}
ASKED = (
    "wider",
    "much_wider",
    "deeper",
    "plateau_on",
    "rate_x3",
    "rate_div3",
    "longer",
    "half_data",
)
MEANING = {
    "too_little_time": """\
The knee is not the end of learning. The fast phase takes what the gradient finds at once; what is
left needs many steps, each of which gains less. Their number is what holds this net back first:
trained on, it goes further. Lowering the rate at the knee makes the remaining steps shorter, which
is the opposite of what is missing.""",
    "capacity": """\
The net has learnt what its size allows: more steps bring it closer to a bound that units move.""",
    "noise_or_data": """\
No change to the net or its training brings anything: what is left is in the data.""",
    "undecided": """\
No single change is better for sure than the seeds' spread.""",
}
READING = {
    ("refuted", "supported"): """\
The effective rate at the exit follows the learning rate: no spot has to be reached. What stays the
same is the distance that the weights travel, the sum of effective rates up to the exit. Adam moves
a weight by about its effective rate, however small the gradient is, so the wait is the way to go
divided by the length of a step. The formula in the question plays a part after all, but another
one: its factor stays below 1 for the first thousands of steps, so that the early steps are shorter
than the learning rate says. Without that correction the wait is shorter by about as much as the
distance predicts. SGD moves in proportion to the gradient. That it does not get away at the same
rate shows how small the gradient is on the plateau, and a lower rate only makes it slower.""",
}


def arrows(text: str) -> str:
    """Return a change with a proper arrow."""
    return text.replace(" -> ", " → ")


def said(found: Mapping[str, Any], probe: str) -> str:
    """Return what one probe says, as a cell of a table."""
    j = judged(found).get(probe)
    if j is None:
        return "not tried"
    gap = f"{j['difference']:+.3g} [{j['low']:+.3g}, {j['high']:+.3g}], {j['n']} repeats"
    worse = j["low"] > 0 and j["difference"] > found["final_value"]["worth"] and j["p"] < 0.05
    words = {
        "helps": "it helps",
        "hurts": "it is worse",
        "undecided": "undecided",
        "no help": "it makes it worse" if worse else "no gain",
    }
    return f"{words[j['outcome']]}: {arrows(j['text'])} gives {gap}"


def terminal(found: Mapping[str, Any]) -> str:
    """Return what the terminal shows, without the time, which is another machine's."""
    return re.sub(r", \S+ of training", "", "\n".join(found["lines"]), count=1)


def spread(found: Mapping[str, Any]) -> str:
    """Return how far the baseline's own repeats lie apart."""
    values = [run["value"] for run in found["runs"] if run["probe"] == "reference"]
    return f"{min(values):.3g} to {max(values):.3g} over {len(values)} seeds"


def probe_table(found: Mapping[str, Any]) -> list[str]:
    """Return a table of every probe of the final value, the best first."""
    monitor = found["reference"]["monitor"]
    rows = sorted(judged(found).values(), key=lambda j: j["difference"])
    head = [
        f"| change | {monitor} | 95% interval | p (Holm) | repeats | |",
        "|---|---|---|---|---|---|",
    ]
    return head + [
        f"| {arrows(j['text'])} | {j['difference']:+.4f} | [{j['low']:+.4f}, "
        f"{j['high']:+.4f}] | {j['p']:.2g} | {j['n']} | {OUTCOMES[j['outcome']]} |"
        for j in rows
    ]


def length_table(found: Mapping[str, Any]) -> list[str]:
    """Return a table of how each change moves the end of the plateau, the shortest first."""
    rows = sorted(found["initial_plateau"]["verdicts"], key=lambda v: v["ratio"])
    head = ["| change | steps on the plateau | 95% interval | repeats |", "|---|---|---|---|"]
    return head + [
        f"| {arrows(v['text'].partition(':')[0])} | × {v['ratio']:.2f}"
        f"{' or more: it never left' if v['bound'] else ''} | [{v['low']:.2f}, {v['high']:.2f}] "
        f"| {v['n']} |"
        for v in rows
    ]


def rate_table(found: Mapping[str, Any]) -> list[str]:
    """Return a table of the plateau's end under each learning rate."""
    (low,) = [h for h in found["hypotheses"] if h["name"] == "rate_too_low"]
    head = [
        "| learning rate | epochs on the plateau | effective rate at its end | "
        "distance travelled (sum of effective rates) |",
        "|---|---|---|---|",
    ]
    return head + [
        f"| {row['rate']:.3g} | {row['epochs']:.1f} | {row['effective_rate']:.2g} | "
        f"{row['distance']:.3g} |"
        for row in low["figures"]["rates"]
    ]


def hypothesis_lines(found: Mapping[str, Any]) -> list[str]:
    """Return the three explanations with their outcomes and figures."""
    return [
        f"* **{HYPOTHESES[h['name']]}: {h['outcome']}.** {h['text'][:1].upper()}{h['text'][1:]}."
        for h in found["hypotheses"]
    ]


def flattens(found: Mapping[str, Any]) -> str:
    """Return the page of the first question."""
    phases = [f"{p['name']}, epochs {p['first']} to {p['last']}" for p in found["curve"]["phases"]]
    return (
        (HERE / "why-it-flattens.md")
        .read_text("utf-8")
        .format(
            runs=len(found["runs"]),
            limit=LIMITS[found["limit"]],
            advice=arrows(found["advice"]["text"]),
            spread=spread(found),
            monitor=f"`{found['reference']['monitor']}`",
            worth=f"{found['final_value']['worth']:.2g}",
            phases="; ".join(phases),
            table="\n".join(probe_table(found)),
            meaning=MEANING.get(found["limit"], ""),
            lines=terminal(found),
            **{name: said(found, name) for name in ASKED},
        )
    )


def waits(found: Mapping[str, Any]) -> str:
    """Return the page of the second question."""
    lengths = [v for v in found["initial_plateau"]["lengths"]["reference"] if v is not None]
    outcomes = {h["name"]: h["outcome"] for h in found["hypotheses"]}
    reading = READING.get((outcomes["effective_rate_sweet_spot"], outcomes["rate_too_low"]), "")
    return (
        (HERE / "why-it-waits.md")
        .read_text("utf-8")
        .format(
            runs=len(found["runs"]),
            shortest=f"{min(lengths):.0f}",
            longest=f"{max(lengths):.0f}",
            hypotheses="\n".join(hypothesis_lines(found)),
            advice=arrows(found["plateau_advice"]["text"]),
            rates="\n".join(rate_table(found)),
            reading=reading,
            table="\n".join(length_table(found)),
            lines=terminal(found),
        )
    )


def main() -> None:
    """Write both pages and their pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flattens", type=Path)
    parser.add_argument("waits", type=Path)
    options = parser.parse_args()
    first, second = (
        json.loads(path.read_text(encoding="utf-8")) for path in (options.flattens, options.waits)
    )
    images = DOCS / "images"
    advised = [found["advice"]["probe"] for found in (first, second)]
    draw_curve(
        first, images / "why-it-flattens-curve.svg", [p for p in advised[:1] if p], log=True
    )
    draw_probes(first, images / "why-it-flattens-probes.svg")
    (DOCS / "why-it-flattens.md").write_text(flattens(first), encoding="utf-8")
    draw_curve(second, images / "why-it-waits-curve.svg", ["rate_x3", "rate_x10", "rate_div3"])
    draw_rates(second, images / "why-it-waits-rates.svg")
    (DOCS / "why-it-waits.md").write_text(waits(second), encoding="utf-8")


if __name__ == "__main__":
    main()
