"use strict";
// Curves and dots on a canvas: a few hundred curves stay quick, and a hover finds the nearest point.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (v) => Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3)
  ? v.toExponential(1).replace("e+", "e") : String(Number(v.toPrecision(3)));

// The range of sorted values that is drawn: all of them, unless the worst few, far from the
// others, would leave them less than a quarter of the picture.
function shown(values, sign, log) {
  const most = values.length - 1, f = log ? Math.log : (v) => v;
  const low = values[0], high = values[most];
  const least = values[Math.ceil(0.015 * most)], last = values[Math.floor(0.985 * most)];
  if (sign > 0 && last > low && f(high) - f(last) > 3 * (f(last) - f(low))) return [low, last];
  if (sign < 0 && high > least && f(least) - f(low) > 3 * (f(high) - f(least))) return [least, high];
  return [low, high];
}

function ticks(low, high, log) {
  if (log) {
    const found = [];
    const decades = Math.log10(high / low);
    for (let d = Math.floor(Math.log10(low)); d <= Math.ceil(Math.log10(high)); d++)
      for (const m of decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8]) {
        const v = m * 10 ** d;
        if (v >= low && v <= high) found.push(v);
      }
    return found;
  }
  const raw = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 5, 10].find((m) => m * unit >= raw) || 10);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(v);
  return found;
}

class Chart {
  // series: {x?, y, style, width, dash, alpha, name, lines: [text], marks: [epoch], end: "x"?, tag?}
  // or dots: {x, y, style, dots: radius, of: [{name, lines}], fade?: later ones are stronger}.
  // axis: {label, log?, choices?} of the horizontal one. sign: 1 where lower is better, -1, or 0
  // where nobody knows: the worst values may lie outside of the picture, the best never.
  constructor(host, given) {
    this.host = host;
    this.canvas = host.querySelector("canvas");
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    host.append(this.tip);
    this.near = null;
    this.set(given);
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerdown", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.leave());
    new ResizeObserver(() => this.draw()).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    addEventListener("beforeprint", () => this.draw());
  }

  set(given) {
    this.given = { log: false, bands: [], sign: 0, axis: { label: "epoch", epochs: true }, ...given };
    this.draw();
  }

  bounds() {
    const { series, log, sign, axis } = this.given;
    const values = [];
    let first = axis.epochs ? 1 : Infinity, last = axis.epochs ? 1 : -Infinity;
    for (const s of series)
      for (let i = 0; i < s.y.length; i++) {
        const v = s.y[i], x = s.x ? s.x[i] : i + 1;
        if (v === null || x === null || (log && v <= 0)) continue;
        values.push(v);
        first = Math.min(first, x);
        last = Math.max(last, x);
      }
    values.sort((a, b) => a - b);
    if (!values.length) return { low: 0, high: 1, first: 1, last: 1 };
    let [low, high] = shown(values, sign, log);
    if (!(high > low)) [low, high] = log ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
    const room = log ? (high / low) ** 0.04 : (high - low) * 0.04;
    if (axis.choices) [first, last] = [-0.4, axis.choices.length - 0.6];
    else if (axis.log) [first, last] = [first / (last / first) ** 0.03, last * (last / first) ** 0.03];
    else if (!axis.epochs) [first, last] = [first - 0.03 * (last - first), last + 0.03 * (last - first)];
    return log ? { low: low / room, high: high * room, first, last }
      : { low: low - room, high: high + room, first, last };
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width) return;
    const height = this.given.height ?? Math.round(Math.max(230, Math.min(460, width * 0.5)));
    const ratio = Math.max(1, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.height = height + "px";
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const named = this.given.series.some((s) => s.tag);
    const box = { left: 52, right: width - (named ? 62 : 16), bottom: height - 36,
      top: this.given.bands.length ? 26 : 8 };
    const { low, high, first, last } = this.bounds();
    const { log, axis } = this.given;
    const f = log ? Math.log : (v) => v, g = axis.log ? Math.log : (v) => v;
    const span = g(last) - g(first);
    this.x = (e) => box.left + (box.right - box.left) * (span > 0 ? (g(e) - g(first)) / span : 0.5);
    this.y = (v) => box.bottom - (box.bottom - box.top) * (f(v) - f(low)) / (f(high) - f(low));
    this.within = (v) => Math.max(box.top + 6, Math.min(box.bottom - 6, this.y(v)));
    this.axes(c, box, low, high, first, last);
    c.save();
    c.beginPath();
    c.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    c.clip();
    for (const s of this.given.series) this.line(c, s, s.alpha ?? 1, s.width ?? 1.5);
    if (this.near && !this.near.s.dots) this.line(c, this.near.s, 1, Math.max(2.5, (this.near.s.width ?? 1.5) + 1));
    c.restore();
    for (const s of this.given.series) if (s.tag) this.tag(c, s, box);
    if (this.near) {
      c.fillStyle = colour("--ink");
      c.beginPath();
      c.arc(this.near.x, this.near.y, 3.5, 0, 7);
      c.fill();
    }
  }

  axes(c, box, low, high, first, last) {
    c.font = "12px system-ui, sans-serif";
    for (const band of this.given.bands) {
      const a = this.x(Math.max(1, band.first - 0.5)), b = this.x(Math.min(last, band.last + 0.5));
      c.fillStyle = colour(band.style);
      c.fillRect(a, box.top, b - a, box.bottom - box.top);
      c.fillStyle = colour("--soft");
      if (c.measureText(band.name).width < b - a - 8) {
        c.textAlign = "left";
        c.fillText(band.name, a + 2, box.top - 8);
      }
    }
    c.strokeStyle = colour("--grid");
    c.lineWidth = 1;
    c.fillStyle = colour("--soft");
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const v of ticks(low, high, this.given.log)) {
      const y = Math.round(this.y(v)) + 0.5;
      c.beginPath();
      c.moveTo(box.left, y);
      c.lineTo(box.right, y);
      c.stroke();
      c.fillText(short(v), box.left - 7, y);
    }
    c.textBaseline = "alphabetic";
    c.textAlign = "center";
    const { axis } = this.given;
    const names = axis.choices;
    const places = names ? names.map((_, i) => i)
      : last > first ? ticks(first, last, Boolean(axis.log)) : [first];
    let end = -Infinity;
    for (const e of places) {
      if (!names && !axis.log && axis.whole !== false && !Number.isInteger(e)) continue;
      const text = names ? names[e] : axis.epochs ? String(e) : short(e);
      const x = this.x(e), half = c.measureText(text).width / 2;
      if (x - half < end) continue;
      c.fillText(text, x, box.bottom + 15);
      end = x + half + 6;
    }
    c.textAlign = "left";
    c.fillText(axis.label, box.left, box.bottom + 30);
  }

  dots(c, s) {
    c.fillStyle = c.strokeStyle = colour(s.style);
    c.lineWidth = 1.5;
    for (let i = 0; i < s.y.length; i++) {
      if (s.y[i] === null || s.x[i] === null || (this.given.log && s.y[i] <= 0)) continue;
      c.globalAlpha = s.fade ? 0.25 + 0.65 * (i + 1) / s.y.length : s.alpha ?? 1;
      const y = this.within(s.y[i]);
      c.beginPath();
      c.arc(this.x(s.x[i]), y, s.dots, 0, 7);
      y === this.y(s.y[i]) ? c.fill() : c.stroke();
    }
    c.globalAlpha = 1;
  }

  line(c, s, alpha, width) {
    if (s.dots) return this.dots(c, s);
    c.globalAlpha = alpha;
    c.strokeStyle = c.fillStyle = colour(s.style);
    c.lineWidth = width;
    c.lineJoin = "round";
    c.setLineDash(s.dash ?? []);
    c.beginPath();
    let pen = false, x = 0, y = 0;
    for (let i = 0; i < s.y.length; i++) {
      const v = s.y[i];
      if (v === null || (this.given.log && v <= 0)) { pen = false; continue; }
      [x, y] = [this.x(s.x ? s.x[i] : i + 1), this.y(v)];
      pen ? c.lineTo(x, y) : c.moveTo(x, y);
      pen = true;
    }
    c.stroke();
    c.setLineDash([]);
    for (const e of s.marks ?? []) this.drop(c, s, e);
    if (s.end === "x" && pen) {
      c.lineWidth = 1.5;
      c.beginPath();
      c.moveTo(x - 4, y - 4); c.lineTo(x + 4, y + 4);
      c.moveTo(x - 4, y + 4); c.lineTo(x + 4, y - 4);
      c.stroke();
    }
    c.globalAlpha = 1;
  }

  tag(c, s, box) {
    // A name at the end of a curve, where there is one inside the picture.
    let i = s.y.length - 1;
    while (i >= 0 && s.y[i] === null) i--;
    if (i < 0 || (this.given.log && s.y[i] <= 0)) return;
    const y = Math.max(box.top + 6, Math.min(box.bottom - 4, this.y(s.y[i])));
    c.font = "600 12px system-ui, sans-serif";
    c.textAlign = "left";
    c.textBaseline = "middle";
    c.fillStyle = colour(s.style);
    c.fillText(s.tag, this.x(s.x ? s.x[i] : i + 1) + 5, y);
    c.textBaseline = "alphabetic";
  }

  drop(c, s, epoch) {
    const i = s.x ? s.x.findIndex((e) => e >= epoch) : epoch - 1;
    const v = s.y[i];
    if (v === undefined || v === null || (this.given.log && v <= 0)) return;
    const x = this.x(epoch), y = this.y(v);
    c.beginPath();
    c.moveTo(x - 4, y - 7); c.lineTo(x + 4, y - 7); c.lineTo(x, y - 1);
    c.fill();
  }

  hover(event) {
    const at = this.canvas.getBoundingClientRect();
    const px = event.clientX - at.left, py = event.clientY - at.top;
    let best = null, least = 28 ** 2;
    for (const s of this.given.series)
      for (let i = 0; i < s.y.length; i++) {
        if (s.y[i] === null || (s.x && s.x[i] === null)) continue;
        const e = s.x ? s.x[i] : i + 1;
        const x = this.x(e), y = s.dots ? this.within(s.y[i]) : this.y(s.y[i]);
        const d = (x - px) ** 2 + (y - py) ** 2;
        if (d < least) [best, least] = [{ s, x, y, e, v: s.y[i], of: s.of ? s.of[i] : s }, d];
      }
    this.near = best;
    this.draw();
    this.tip.hidden = !best;
    if (!best) return;
    const head = document.createElement("b");
    const where = this.given.axis.epochs ? `, epoch ${best.e}` : "";
    head.textContent = `${best.of.name}${where}: ${Number(best.v.toPrecision(4))}`;
    this.tip.replaceChildren(head, ...(best.of.lines ?? []).map((text) => {
      const line = document.createElement("span");
      line.textContent = text;
      return line;
    }));
    const side = best.x > at.width / 2;
    this.tip.style.left = side ? "" : `${best.x + 14}px`;
    this.tip.style.right = side ? `${at.width - best.x + 14}px` : "";
    this.tip.style.top = `${Math.min(best.y, at.height - this.tip.offsetHeight - 4)}px`;
  }

  leave() {
    this.near = null;
    this.tip.hidden = true;
    this.draw();
  }
}
