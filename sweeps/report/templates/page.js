const given = JSON.parse(document.getElementById("data").textContent);
const ORDER = ["infeasible", "pruned", "interrupted", "failed", "diverged", "complete", "baseline", "best"];
const LOOK = {
  infeasible: { width: 1, alpha: 0.38 }, pruned: { width: 1, alpha: 0.38 }, interrupted: { width: 1, alpha: 0.5 },
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
    log: log.checked, sign: given.signs[metric.value] ?? 0,
    series: series(metric.value, new Set(boxes.filter((b) => b.checked).map((b) => b.dataset.look))),
  });
  const chart = new Chart(host, now());
  for (const control of [metric, log, ...boxes])
    control.addEventListener("change", () => chart.set(now()));
}

function findings() {
  for (const host of document.querySelectorAll("[data-finding]"))
    logged(host, new Chart(host, given.findings[Number(host.dataset.finding)]));
}

const done = given.trials.filter((t) => t.complete && t.value !== null);

function soFar() {
  const host = document.getElementById("so-far");
  if (!host) return;
  const sign = given.signs[given.monitor], x = [], y = [];
  let lowest = null;
  for (const t of done) {
    const better = lowest === null || sign * t.value < sign * lowest;
    if (lowest !== null) { x.push(t.number); y.push(lowest); }
    if (!better) continue;
    lowest = t.value;
    x.push(t.number); y.push(lowest);
  }
  const ended = given.trials.filter((t) => t.value !== null);
  if (ended.length && lowest !== null) { x.push(ended[ended.length - 1].number); y.push(lowest); }
  const dots = ORDER.map((look) => ended.filter((t) => t.look === look)).filter((of) => of.length)
    .map((of) => ({ dots: of[0].look === "best" ? 5 : 3, alpha: LOOK[of[0].look].alpha ?? 1, of,
      style: `--${of[0].look}`, x: of.map((t) => t.number), y: of.map((t) => t.value) }));
  const line = { name: "best so far", style: "--best", width: 2, x, y, lines: [] };
  logged(host, new Chart(host, { series: [line, ...dots], sign, axis: { label: "trial" } }));
}

function logged(host, chart) {
  const log = host.parentElement.querySelector("[data-log]");
  log?.addEventListener("change", () => chart.set({ ...chart.given, log: log.checked }));
}

function slices() {
  const host = document.getElementById("slices");
  if (!host) return;
  for (const axis of given.axes) {
    const panel = document.createElement("div");
    panel.className = "chart";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${given.monitor} by ${axis.name}`);
    panel.append(canvas);
    host.append(panel);
    const had = done.map((t, i) => i).filter((i) => axis.values[i] !== null);
    const top = had.filter((i) => done[i].look === "best");
    const series = [[had, "--complete", 2.6, true], [top, "--best", 5, false]].map(
      ([at, style, dots, fade]) => ({ dots, style, fade, of: at.map((i) => done[i]),
        x: at.map((i) => axis.values[i]), y: at.map((i) => done[i].value) }));
    const whole = axis.values.every((v) => v === null || Number.isInteger(v));
    new Chart(panel, { series, sign: given.signs[given.monitor], height: 210,
      axis: { label: axis.name, log: axis.log, choices: axis.choices, whole } });
  }
}

function parallel() {
  const host = document.getElementById("parallel");
  if (!host) return;
  const value = { name: given.monitor, log: false, choices: null, values: done.map((t) => t.value) };
  const says = document.getElementById("selected");
  new Parallel(host, [value, ...given.axes], given.signs[given.monitor],
    (n) => { says.textContent = n < done.length ? `${n} of ${done.length} are selected.` : ""; });
}

function sortable() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keys = new Map([...body.rows].map((row) => {
        const cell = row.cells[column], number = parseFloat(cell.dataset.v);
        return [row, Number.isFinite(number) ? number : cell.textContent];
      }));
      const compare = (a, b) => typeof a === typeof b && typeof a === "number" ? a - b
        : String(a).localeCompare(String(b));
      const missing = (v) => v === "–";
      body.append(...[...body.rows].sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        // What is missing stays last, whichever the order.
        return missing(x) - missing(y) || (down ? -1 : 1) * compare(x, y);
      }));
    }));
  }
}

curves();
soFar();
findings();
slices();
parallel();
sortable();
document.documentElement.dataset.ready = "yes";
