"""The reliability curve: what the best trial's chances say, and how often it came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sweeps.report.html import Markup, fill, join, number

SIZE = 260  # of the picture, in pixels
EDGE = 30


def section(points: Sequence[Mapping[str, float]]) -> Markup:
    """Return the picture and its table; nothing without points. Each has rows, said and seen."""
    if not points:
        return Markup("")
    most = max(point["rows"] for point in points)
    marks = join(
        fill(
            '<circle cx="{x}" cy="{y}" r="{r}" style="fill:var(--best)"><title>{text}</title>'
            "</circle>",
            x=f"{_place(point['said']):.1f}",
            y=f"{SIZE - _place(point['seen']):.1f}",
            r=f"{3.0 + 6.0 * (point['rows'] / most) ** 0.5:.1f}",
            text=f"{point['rows']:,.0f} rows: said {point['said']:.3f}, seen {point['seen']:.3f}",
        )
        for point in points
    )
    line = " ".join(f"{_place(p['said']):.1f},{SIZE - _place(p['seen']):.1f}" for p in points)
    rows = join(
        fill(
            "<tr><td>{said}</td><td>{seen}</td><td>{rows}</td></tr>",
            said=number(point["said"], 3),
            seen=number(point["seen"], 3),
            rows=f"{point['rows']:,.0f}",
        )
        for point in points
    )
    return fill(
        '<h2>Calibration</h2><p class="note">Rows of the test part, by the chance that the best '
        "trial gives them, in ten bins. On the diagonal, chances mean what they say; below it "
        'they are too high.</p><div class="card"><svg role="img" aria-label="reliability curve" '
        'viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
        '<line x1="{a}" y1="{b}" x2="{b}" y2="{a}" stroke="currentColor" stroke-opacity="0.3" '
        'stroke-dasharray="4 4"/><polyline points="{line}" fill="none" '
        'style="stroke:var(--best)"/>{marks}'
        '<text x="{a}" y="{foot}" font-size="11" fill="currentColor">predicted chance</text>'
        '<text x="4" y="{top}" font-size="11" fill="currentColor">share that came true</text>'
        "</svg></div><details><summary>The bins as a table</summary>"
        '<div class="card scroll"><table><thead><tr><th>predicted</th><th>came true</th>'
        "<th>rows</th></tr></thead><tbody>{rows}</tbody></table></div></details>",
        size=SIZE,
        a=EDGE,
        b=SIZE - EDGE,
        foot=SIZE - 8,
        top=EDGE - 14,
        line=line,
        marks=marks,
        rows=rows,
    )


def _place(share: float) -> float:
    return EDGE + (SIZE - 2 * EDGE) * share
