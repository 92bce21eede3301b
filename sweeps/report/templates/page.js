"use strict";
const given = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const ORDER = ["pruned", "interrupted", "failed", "diverged", "complete", "baseline", "best"];
const LOOK = {
  pruned: { width: 1, alpha: 0.38 }, interrupted: { width: 1, alpha: 0.5 },
  failed: { width: 1, alpha: 0.7, end: "x" }, diverged: { width: 1, alpha: 0.8, end: "x" },
  complete: { width: 1.2, alpha: 0.75 },
  baseline: { width: 2.4, dash: [7, 4], tag: "baseline" }, best: { width: 2.8, tag: "best" },
};

function rates(trial) {
  // Of every epoch, from the first one and the epochs at which it changed.
  const found = [];
  for (const [epoch, rate] of trial.rates) {
    while (found.length && found.length < epoch - 1) found.push(found[found.length - 1]);
    found.push(rate);
  }
  while (found.length && found.length < trial.epochs) found.push(found[found.length - 1]);
  return found;
}

function series(metric, shown) {
  const found = given.trials.filter((t) => shown.has(t.look)).map((t) => ({
    name: t.name, lines: t.lines, style: `--${t.look}`, ...LOOK[t.look], look: t.look,
    x: metric === "learning_rate" ? null : t.x, marks: metric === "learning_rate" ? [] : t.drops,
    y: metric === "learning_rate" ? rates(t) : t.curves[metric] ?? [],
  }));
  return found.sort((a, b) => ORDER.indexOf(a.look) - ORDER.indexOf(b.look));
}

function curves() {
  const host = document.getElementById("curves");
  if (!host) return;
  const metric = document.getElementById("metric"), log = document.getElementById("log");
  const boxes = [...document.querySelectorAll("[data-look]")];
  const now = () => ({
    log: log.checked,
    series: series(metric.value, new Set(boxes.filter((b) => b.checked).map((b) => b.dataset.look))),
  });
  const chart = new Chart(host, now());
  for (const control of [metric, log, ...boxes])
    control.addEventListener("change", () => chart.set(now()));
}

function findings() {
  for (const host of document.querySelectorAll("[data-finding]")) {
    const chart = new Chart(host, given.findings[Number(host.dataset.finding)]);
    const log = host.parentElement.querySelector("[data-log]");
    log?.addEventListener("change", () => chart.set({ ...chart.given, log: log.checked }));
  }
}

function themed(layout) {
  const axis = { gridcolor: colour("--grid"), zerolinecolor: colour("--line"), automargin: true,
    linecolor: colour("--line"), tickcolor: colour("--line") };
  const found = { ...layout, autosize: true, paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)", title: undefined, height: 360, margin: { l: 64, r: 24, t: 34, b: 56 },
    font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 12 } };
  delete found.width;
  for (const name of Object.keys(found))
    if (/^[xy]axis\d*$/.test(name))
      found[name] = { ...axis, ...found[name],
        title: { standoff: 12, font: { size: 12 }, ...found[name].title } };
  return found;
}

function grid(layout, width) {
  // Optuna puts all slices in one row: more than fit go into rows of their own.
  const keys = Object.keys(layout).filter((name) => /^xaxis\d*$/.test(name));
  const columns = Math.max(1, Math.min(keys.length, Math.floor(width / 160)));
  const rows = Math.ceil(keys.length / columns);
  const w = 1 / columns, h = 1 / rows;
  keys.forEach((key, i) => {
    const x = (i % columns) * w, top = 1 - Math.floor(i / columns) * h;
    const y = layout[key.replace("x", "y")] ?? {};
    const ticks = layout[key].type === "log" ? { dtick: 1, exponentformat: "e" } : { nticks: 4 };
    layout[key] = { ...layout[key], ...ticks, tickangle: 0, tickfont: { size: 11 },
      domain: [x, x + w * (columns > 1 ? 0.86 : 1)] };
    layout[key.replace("x", "y")] = { ...y, domain: [top - h * (rows > 1 ? 0.66 : 1), top],
      showticklabels: i % columns === 0 };
  });
  return { ...layout, height: rows * 230 + 90 };
}

function unquoted(value) {
  return typeof value === "string" ? value.replace(/^'(.*)'$/, "$1") : value;
}

function figures() {
  if (typeof Plotly === "undefined") return;
  const draw = () => {
    for (const host of document.querySelectorAll("[data-figure]")) {
      const { data, layout } = given.figures[host.dataset.figure];
      const look = themed(layout), sheet = host.dataset.figure === "parallel" && dark.matches;
      // Optuna gives its lines the colours of a light page: they stay on a light sheet.
      if (sheet) Object.assign(look, { paper_bgcolor: "#eef0f2", font: { ...look.font, color: "#1c2024" } });
      const drawn = structuredClone(data);
      const sliced = host.dataset.figure === "slice";
      for (const trace of drawn) {
        if (sliced && Array.isArray(trace.x)) trace.x = trace.x.map(unquoted);
        if (!sliced || !trace.marker?.colorbar) continue;
        if (dark.matches) trace.marker.reversescale = !trace.marker.reversescale;
        if (host.clientWidth < 560) trace.marker.showscale = false;
      }
      Plotly.react(host, drawn, sliced ? grid(look, host.clientWidth) : look,
        { responsive: true, displaylogo: false, displayModeBar: false });
    }
  };
  draw();
  dark.addEventListener("change", draw);
}

curves();
findings();
figures();
document.documentElement.dataset.ready = "yes";
