"""The pictures of the two questions: curves over their phases, probes, rates. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BAND = {
    "initial plateau": "#2f6fb3",
    "fast phase": "#00805c",
    "diminishing returns": "#8d96a0",
    "overfitting": "#c04a00",
    "divergence": "#c04a00",
}


def judged(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return every probe's judgement on the final value, by name."""
    final = found["final_value"]
    every = [j for v in final["verdicts"] for j in v["evidence"]]
    return {j["probe"]: j for j in [*every, final["data"]] if j}


def draw_curve(
    found: Mapping[str, Any], path: Path, others: Sequence[str], *, log: bool = False
) -> None:
    """Draw the reference's repeats over their phases, and those of a few probes."""
    figure, axes = _figure((8.4, 3.6))
    epochs = found["reference"]["max_epochs"]
    for height, phase in enumerate(found["curve"]["phases"]):
        axes.axvspan(
            phase["first"] - 0.5, phase["last"] + 0.5, color=BAND[phase["name"]], alpha=0.1, lw=0
        )
        axes.text(
            phase["first"],
            1.01 + 0.06 * (height % 2),
            phase["name"],
            transform=axes.get_xaxis_transform(),
            size=8,
        )
    colours = dict(
        zip(("reference", *others), ("#1c2024", "#2f6fb3", "#00805c", "#c04a00"), strict=False)
    )
    labelled = set()
    for run in sorted(found["runs"], key=lambda run: run["probe"] == "reference"):
        if run["probe"] not in colours:
            continue
        text = (
            "the baseline" if run["probe"] == "reference" else run["text"].replace(" -> ", " → ")
        )
        axes.plot(
            range(1, len(run["curve"]) + 1), run["curve"], lw=1, alpha=0.75,
            color=colours[run["probe"]], label=None if text in labelled else text,
        )  # fmt: skip
        labelled.add(text)
    axes.set(xlabel="epoch", ylabel=found["reference"]["monitor"])
    axes.set_xlim(
        1, max(epochs, max(len(r["curve"]) for r in found["runs"] if r["probe"] in colours))
    )
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    _save(figure, path)


def draw_probes(found: Mapping[str, Any], path: Path) -> None:
    """Draw every probe's difference with its interval."""
    rows = sorted(judged(found).values(), key=lambda j: -j["difference"])
    figure, axes = _figure((7.2, 0.6 + 0.26 * len(rows)))
    worth = found["final_value"]["worth"]
    axes.axvspan(-worth, worth, color="#8d96a0", alpha=0.15, lw=0)
    axes.axvline(0.0, color="#8d96a0", lw=0.8)
    colours = {"helps": "#00805c", "hurts": "#c04a00", "undecided": "#7a6a10"}
    for y, j in enumerate(rows):
        colour = colours.get(j["outcome"], "#5b6570")
        axes.plot([j["low"], j["high"]], [y, y], color=colour, lw=2)
        face = "white" if j["outcome"] == "undecided" else colour
        axes.plot(j["difference"], y, "o", color=colour, mfc=face, ms=5)
    axes.set_yticks(range(len(rows)), [j["text"].replace(" -> ", " → ") for j in rows], size=8)
    axes.set_xlabel(
        f"difference of {found['reference']['monitor']} to the baseline (left is better)"
    )
    _save(figure, path)


def draw_rates(found: Mapping[str, Any], path: Path) -> None:
    """Draw what stays the same under different rates, and what does not."""
    (low,) = [h for h in found["hypotheses"] if h["name"] == "rate_too_low"]
    rows = low["figures"]["rates"]
    x = [row["rate"] for row in rows]
    figure, axes = _figure((7.2, 3.2), columns=2)
    for axis, key, title in (
        (axes[0], "effective_rate", "effective rate at the end of the plateau"),
        (axes[1], "distance", "distance travelled until then"),
    ):
        y = [row[key] for row in rows]
        axis.plot(x, y, "o-", color="#2f6fb3")
        axis.set(xscale="log", yscale="log", xlabel="learning rate")
        axis.set_title(title, size=9)
        middle = (min(y) * max(y)) ** 0.5
        axis.set_ylim(middle / 20, middle * 20)
    _save(figure, path)


def _figure(size: tuple[float, float], columns: int = 1) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "sweeps", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, columns, figsize=size, layout="constrained")
    for axis in [axes] if columns == 1 else axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor="white", metadata={"Date": None})
