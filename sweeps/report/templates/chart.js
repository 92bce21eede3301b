"use strict";
// Curves on a canvas: a few hundred of them stay quick, and a hover finds the nearest point.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (v) => Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3)
  ? v.toExponential(1).replace("e+", "e") : String(Number(v.toPrecision(3)));

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
    this.given = { log: false, bands: [], label: "", ...given };
    this.draw();
  }

  bounds() {
    const { series, log } = this.given;
    const values = [];
    let last = 1;
    for (const s of series)
      for (let i = 0; i < s.y.length; i++) {
        const v = s.y[i];
        if (v === null || (log && v <= 0)) continue;
        values.push(v);
        last = Math.max(last, s.x ? s.x[i] : i + 1);
      }
    values.sort((a, b) => a - b);
    if (!values.length) return { low: 0, high: 1, last };
    let low = values[0], high = values[Math.floor(0.985 * (values.length - 1))];
    if (!(high > low)) [low, high] = log ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
    const room = log ? (high / low) ** 0.04 : (high - low) * 0.04;
    return log ? { low: low / room, high: high * room, last }
      : { low: low - room, high: high + room, last };
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width) return;
    const height = Math.round(Math.max(230, Math.min(460, width * 0.5)));
    const ratio = Math.max(1, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.height = height + "px";
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const named = this.given.series.some((s) => s.tag);
    const box = { left: 52, right: width - (named ? 62 : 16), bottom: height - 30,
      top: this.given.bands.length ? 26 : 8 };
    const { low, high, last } = this.bounds();
    const { log } = this.given;
    const f = log ? Math.log : (v) => v;
    this.x = (e) => box.left + (box.right - box.left) * (last > 1 ? (e - 1) / (last - 1) : 0.5);
    this.y = (v) => box.bottom - (box.bottom - box.top) * (f(v) - f(low)) / (f(high) - f(low));
    this.axes(c, box, low, high, last);
    c.save();
    c.beginPath();
    c.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    c.clip();
    for (const s of this.given.series) this.line(c, s, s.alpha ?? 1, s.width ?? 1.5);
    if (this.near) this.line(c, this.near.s, 1, Math.max(2.5, (this.near.s.width ?? 1.5) + 1));
    c.restore();
    for (const s of this.given.series) if (s.tag) this.tag(c, s, box);
    if (this.near) {
      c.fillStyle = colour("--ink");
      c.beginPath();
      c.arc(this.near.x, this.near.y, 3.5, 0, 7);
      c.fill();
    }
  }

  axes(c, box, low, high, last) {
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
    for (const e of last > 1 ? ticks(1, last, false) : [1])
      if (Number.isInteger(e)) c.fillText(String(e), this.x(e), box.bottom + 17);
    c.textAlign = "left";
    c.fillText("epoch", box.left, box.bottom + 28);
  }

  line(c, s, alpha, width) {
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
        if (s.y[i] === null) continue;
        const e = s.x ? s.x[i] : i + 1;
        const x = this.x(e), y = this.y(s.y[i]);
        const d = (x - px) ** 2 + (y - py) ** 2;
        if (d < least) [best, least] = [{ s, x, y, e, v: s.y[i] }, d];
      }
    this.near = best;
    this.draw();
    this.tip.hidden = !best;
    if (!best) return;
    const head = document.createElement("b");
    head.textContent = `${best.s.name}, epoch ${best.e}: ${Number(best.v.toPrecision(4))}`;
    this.tip.replaceChildren(head, ...(best.s.lines ?? []).map((text) => {
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
