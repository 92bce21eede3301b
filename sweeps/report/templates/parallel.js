// Parallel coordinates on a canvas: a line a trial, the better the stronger; axes can be brushed.
const mixed = (a, b, share) => {
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [from, to] = [rgb(a), rgb(b)];
  return `rgb(${from.map((v, i) => Math.round(v + (to[i] - v) * share)).join(" ")})`;
};

class Parallel {
  // axes: {name, log, choices, values}, the value first. said: takes the number of selected lines.
  constructor(host, axes, sign, said) {
    Object.assign(this, { host, axes, said, canvas: host.querySelector("canvas") });
    const values = axes[0].values, order = values.map((_, i) => i);
    order.sort((a, b) => sign * (values[b] - values[a]));
    this.order = order;  // the worst first, so that the best lie on top
    this.ranges = axes.map((axis, i) => this.range(axis, i ? 0 : sign));
    this.brushes = axes.map(() => null);
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.drag(event));
    this.canvas.addEventListener("pointerup", () => this.end());
    this.canvas.addEventListener("pointercancel", () => this.end());
    new ResizeObserver(() => this.draw()).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    addEventListener("beforeprint", () => this.draw());
    this.draw();
  }

  range(axis, sign) {
    if (axis.choices) return [0, Math.max(1, axis.choices.length - 1)];
    const had = axis.values.filter((v) => v !== null).sort((a, b) => a - b);
    const [low, high] = shown(had, sign, axis.log);
    return high > low ? [low, high] : [low - 0.5, low + 0.5];
  }

  y(i, v) {
    const f = this.axes[i].log ? Math.log : (x) => x, [low, high] = this.ranges[i];
    const share = (f(v) - f(low)) / (f(high) - f(low));
    return this.bottom - (this.bottom - this.top) * Math.max(0, Math.min(1, share));
  }

  x(i) {
    return this.left + (this.right - this.left) * i / Math.max(1, this.axes.length - 1);
  }

  chosen(n) {
    return this.brushes.every((brush, i) => {
      if (!brush) return true;
      const v = this.axes[i].values[n];
      if (v === null) return false;
      const y = this.y(i, v);
      return y >= Math.min(...brush) - 1 && y <= Math.max(...brush) + 1;
    });
  }

  draw() {
    const width = this.host.clientWidth, height = 340, ratio = Math.max(1, devicePixelRatio || 1);
    if (!width) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.height = height + "px";
    Object.assign(this, { left: 56, right: width - 56, top: 44, bottom: height - 16 });
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const worst = colour("--faint"), top = colour("--best"), some = this.brushes.some(Boolean);
    const picked = new Set(this.order.filter((n) => this.chosen(n)));
    const many = Math.max(0.12, Math.min(0.8, 60 / this.order.length));
    this.order.forEach((n, rank) => {
      const good = this.order.length > 1 ? rank / (this.order.length - 1) : 1;
      c.strokeStyle = c.fillStyle = mixed(worst, top, good ** 2);
      c.globalAlpha = some && !picked.has(n) ? 0.05
        : some ? Math.max(many, 0.6) : many + (0.9 - many) * good ** 6;
      c.lineWidth = good === 1 ? 2.4 : 1.2;
      this.trial(c, n);
    });
    c.globalAlpha = 1;
    this.axes.forEach((_, i) => this.axis(c, i));
    this.said(picked.size);
  }

  trial(c, n) {
    c.beginPath();
    let pen = false;
    this.axes.forEach((axis, i) => {
      const v = axis.values[n];
      if (v === null) { pen = false; return; }
      const next = this.axes[i + 1]?.values[n] ?? null;
      if (!pen && next === null) c.fillRect(this.x(i) - 2, this.y(i, v) - 2, 4, 4);
      pen ? c.lineTo(this.x(i), this.y(i, v)) : c.moveTo(this.x(i), this.y(i, v));
      pen = true;
    });
    c.stroke();
  }

  axis(c, i) {
    const axis = this.axes[i], x = this.x(i), [low, high] = this.ranges[i];
    c.strokeStyle = colour("--soft");
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(x, this.top);
    c.lineTo(x, this.bottom);
    c.stroke();
    if (this.brushes[i]) {
      const [a, b] = this.brushes[i];
      c.globalAlpha = 0.3;
      c.fillStyle = colour("--complete");
      c.fillRect(x - 7, Math.min(a, b), 14, Math.abs(b - a));
      c.globalAlpha = 1;
    }
    c.font = "600 12px system-ui, sans-serif";
    c.textAlign = "center";
    c.fillStyle = colour("--ink");
    // Every other name stands one line higher, so that each has the room of two axes.
    const room = 2 * (this.right - this.left) / Math.max(1, this.axes.length - 1) - 8;
    let name = axis.name;
    while (name.length > 3 && c.measureText(name).width > room)
      name = name.slice(0, -2).replace(/…$/, "") + "…";
    const half = c.measureText(name).width / 2;
    c.fillText(name, Math.max(half, Math.min(this.host.clientWidth - half, x)), 16 + 12 * (i % 2));
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "left";
    c.textBaseline = "middle";
    const places = axis.choices ? axis.choices.map((text, v) => [v, text])
      : [low, high, ...ticks(low, high, axis.log)].map((v) => [v, short(v)]);
    const taken = [];
    for (const [v, text] of places) {
      const y = this.y(i, v);
      if (taken.some((other) => Math.abs(other - y) < 13)) continue;
      taken.push(y);
      const clipped = text.length > 12 ? text.slice(0, 11) + "…" : text;
      c.fillStyle = colour("--card");
      c.globalAlpha = 0.75;
      c.fillRect(x + 4, y - 7, c.measureText(clipped).width + 4, 14);
      c.globalAlpha = 1;
      c.fillStyle = colour("--ink");
      c.fillText(clipped, x + 6, y);
    }
    c.textBaseline = "alphabetic";
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  begin(event) {
    const [px, py] = this.at(event);
    const near = this.axes.findIndex((_, i) => Math.abs(this.x(i) - px) < 16);
    if (near < 0) return;
    this.held = near;
    this.brushes[near] = [py, py];
    this.canvas.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (this.held === undefined) return;
    this.brushes[this.held][1] = this.at(event)[1];
    this.draw();
  }

  end() {
    if (this.held === undefined) return;
    const [a, b] = this.brushes[this.held];
    if (Math.abs(a - b) < 4) this.brushes[this.held] = null;
    this.held = undefined;
    this.draw();
  }
}
