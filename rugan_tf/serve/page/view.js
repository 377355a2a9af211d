// The sheet on a canvas: moved, zoomed, with a scale bar and a frame of the training size.

const BONDS_FROM = 3; // pixels per unit of length
const MANY = 120000; // atoms in view, beyond which pixels are written directly
const LARGEST = 90; // pixels per unit of length
// Okabe and Ito's colours, told apart by colour-blind eyes; two for the two grounds
const LIGHT = ["#17222b", "#0072b2", "#d55e00", "#009e73", "#cc79a7"];
const DARK = ["#dfe8ee", "#56b4e9", "#e69f00", "#2fd0a0", "#f0a8cf"];

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.sheet = null;
    this.frame = null;
    this.picture = null; // behind the atoms
    this.scale = 1; // pixels of the page per unit of length
    this.centre = [0, 0]; // of the view, lengths along columns and rows
    this.pointers = new Map();
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), [event.offsetX, event.offsetY]);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    });
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  show(sheet, frame) {
    this.sheet = sheet;
    this.frame = frame;
    this.picture = null;
    this.fit();
  }

  /** Lay a picture over the whole sheet, behind the atoms; null for none. */
  shade(picture, isSmooth) {
    this.picture = picture;
    this.isSmooth = isSmooth;
    this.draw();
  }

  fit() {
    if (!this.sheet) return;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.scale = Math.min(width / (this.sheet.lengths[1] * 1.06), height / (this.sheet.lengths[0] * 1.06), LARGEST);
    this.centre = [this.sheet.lengths[1] / 2, this.sheet.lengths[0] / 2];
    this.draw();
  }

  zoom(factor, at) {
    if (!this.sheet) return;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const place = at || [width / 2, height / 2];
    const least = 0.4 * Math.min(width / this.sheet.lengths[1], height / this.sheet.lengths[0]);
    const scale = Math.min(Math.max(this.scale * factor, Math.min(least, LARGEST)), LARGEST);
    for (const axis of [0, 1]) { // what is under the pointer stays there
      const offset = place[axis] - (axis ? height : width) / 2;
      this.centre[axis] += offset / this.scale - offset / scale;
    }
    this.scale = scale;
    this.draw();
  }

  move(x, y) {
    if (!this.sheet) return;
    const limits = [this.sheet.lengths[1], this.sheet.lengths[0]];
    [x, y].forEach((step, axis) => {
      this.centre[axis] = Math.min(Math.max(this.centre[axis] + step / this.scale, 0), limits[axis]);
    });
    this.draw();
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.offsetX, event.offsetY];
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, now);
    if (others.length) {
      const apart = (place) => Math.hypot(place[0] - others[0][0], place[1] - others[0][1]);
      this.zoom(apart(now) / Math.max(1, apart(before)), [(now[0] + others[0][0]) / 2, (now[1] + others[0][1]) / 2]);
    } else {
      this.move(before[0] - now[0], before[1] - now[1]);
    }
  }

  key(event) {
    const step = 60;
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (steps[event.key]) this.move(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-") this.zoom(1 / 1.4);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  draw() {
    const { canvas, sheet } = this, ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    if (!sheet || !width) return;
    const style = getComputedStyle(document.documentElement);
    const colours = matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT;
    const ctx = canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    const toX = (y) => (y - this.centre[0]) * this.scale + width / 2; // columns run to the right
    const toY = (x) => (x - this.centre[1]) * this.scale + height / 2; // rows run down
    const cell = [sheet.lengths[0] / sheet.rows, sheet.lengths[1] / sheet.cols];
    const range = (centre, extent, length, number) => [
      Math.max(0, Math.floor((centre - extent / 2 / this.scale) / length) - 2),
      Math.min(number, Math.ceil((centre + extent / 2 / this.scale) / length) + 2),
    ];
    const rows = range(this.centre[1], height, cell[0], sheet.rows);
    const cols = range(this.centre[0], width, cell[1], sheet.cols);
    if (this.picture) {
      ctx.globalAlpha = 0.52; // atoms stay darker, or on a dark ground lighter, than any colour
      ctx.imageSmoothingEnabled = this.isSmooth;
      ctx.drawImage(this.picture, toX(0), toY(0), sheet.lengths[1] * this.scale, sheet.lengths[0] * this.scale);
      ctx.globalAlpha = 1;
    }
    if (!sheet.lattice) this.drawCells(ctx, toX, toY, rows, cols, cell, colours);
    else this.drawAtoms(ctx, toX, toY, rows, cols, colours, ratio);
    ctx.strokeStyle = style.getPropertyValue("--soft");
    ctx.lineWidth = 1;
    ctx.strokeRect(toX(0), toY(0), sheet.lengths[1] * this.scale, sheet.lengths[0] * this.scale);
    this.drawFrame(ctx, toX, toY, cell, style);
    this.drawBar(ctx, width, height, style);
  }

  drawCells(ctx, toX, toY, rows, cols, cell, colours) {
    for (let row = rows[0]; row < rows[1]; row++) {
      for (let col = cols[0]; col < cols[1]; col++) {
        const state = this.sheet.states[row][col];
        if (!state) continue;
        ctx.fillStyle = colours[(state - 1) % colours.length];
        ctx.fillRect(toX(col * cell[1]), toY(row * cell[0]), cell[1] * this.scale, cell[0] * this.scale);
      }
    }
  }

  drawAtoms(ctx, toX, toY, rows, cols, colours, ratio) {
    const { sheet, scale } = this, { lattice } = sheet;
    const colour = new Map(lattice.species.map((symbol, index) => [symbol, colours[index % colours.length]]));
    const number = (rows[1] - rows[0]) * (cols[1] - cols[0]) * lattice.kinds[0].sites.length;
    if (number > MANY) {
      this.drawPixels(ctx, toX, toY, rows, cols, colour, ratio);
      return;
    }
    if (scale >= BONDS_FROM) {
      ctx.strokeStyle = colours[0];
      ctx.globalAlpha = 0.75;
      ctx.lineWidth = Math.max(0.9, 0.16 * scale);
      ctx.beginPath();
      sheet.visit(...rows, ...cols, (symbol, x, y, z, row, col, site) => {
        if (!symbol) return;
        const kind = (row % lattice.period[0]) * lattice.period[1] + (col % lattice.period[1]);
        for (const [i, j, other] of lattice.neighbours[kind][site]) {
          if (!sheet.occupant(row + i, col + j, other)) continue;
          const target = lattice.kind(row + i + 4 * lattice.period[0], col + j + 4 * lattice.period[1]).sites[other];
          const tx = target[0] + (row + i) * lattice.lengths[0], ty = target[1] + (col + j) * lattice.lengths[1];
          ctx.moveTo(toX(y), toY(x)); // half of a bond from either end, so that those across the edge are drawn too
          ctx.lineTo(toX((y + ty) / 2), toY((x + tx) / 2));
        }
      });
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    const radius = scale < BONDS_FROM ? 0.55 * Math.max(Math.min(scale, 2.2), 0.9) : 0.3 * scale;
    for (const [symbol, fill] of colour) {
      ctx.fillStyle = fill;
      ctx.beginPath();
      sheet.visit(...rows, ...cols, (found, x, y) => {
        if (found !== symbol) return;
        if (radius < 1.6) ctx.rect(toX(y) - radius, toY(x) - radius, 2 * radius, 2 * radius);
        else {
          ctx.moveTo(toX(y) + radius, toY(x));
          ctx.arc(toX(y), toY(x), radius, 0, 2 * Math.PI);
        }
      });
      ctx.fill();
    }
  }

  drawPixels(ctx, toX, toY, rows, cols, colour, ratio) {
    const image = ctx.createImageData(this.canvas.width, this.canvas.height), pixels = image.data;
    const values = new Map([...colour].map(([symbol, text]) => [symbol, [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16))]));
    const opacity = Math.max(60, Math.min(255, 500 * this.scale * this.scale));
    this.sheet.visit(...rows, ...cols, (symbol, x, y) => {
      if (!symbol) return;
      const left = Math.round(toX(y) * ratio), top = Math.round(toY(x) * ratio);
      if (left < 0 || top < 0 || left >= image.width || top >= image.height) return;
      const at = 4 * (top * image.width + left), value = values.get(symbol);
      pixels.set(value, at);
      pixels[at + 3] = Math.min(255, pixels[at + 3] + opacity);
    });
    const layer = document.createElement("canvas"); // drawn, not put, so that what lies behind stays
    [layer.width, layer.height] = [image.width, image.height];
    layer.getContext("2d").putImageData(image, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(layer, 0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
  }

  drawFrame(ctx, toX, toY, cell, style) {
    const { sheet, frame } = this;
    if (!frame || (frame[0] >= sheet.rows && frame[1] >= sheet.cols)) return;
    ctx.strokeStyle = style.getPropertyValue("--frame");
    ctx.lineWidth = 2;
    ctx.setLineDash([7, 5]);
    ctx.strokeRect(toX(0), toY(0), Math.min(frame[1], sheet.cols) * cell[1] * this.scale, Math.min(frame[0], sheet.rows) * cell[0] * this.scale);
    ctx.setLineDash([]);
  }

  drawBar(ctx, width, height, style) {
    const wanted = 130 / this.scale, power = 10 ** Math.floor(Math.log10(wanted));
    const length = [5, 2, 1].find((step) => step * power <= wanted) * power;
    const unit = this.sheet.lattice ? this.sheet.lattice.unit : "cells", label = `${Number(length.toPrecision(2))} ${unit}`;
    ctx.font = "600 14px system-ui, DejaVu Sans, sans-serif";
    const wide = Math.max(length * this.scale, ctx.measureText(label).width) + 20;
    ctx.fillStyle = style.getPropertyValue("--card");
    ctx.globalAlpha = 0.9;
    ctx.fillRect(width - wide - 10, height - 48, wide, 38);
    ctx.globalAlpha = 1;
    ctx.fillStyle = style.getPropertyValue("--ink");
    ctx.textAlign = "center";
    ctx.fillText(label, width - 10 - wide / 2, height - 30);
    ctx.fillRect(width - 10 - wide / 2 - length * this.scale / 2, height - 21, length * this.scale, 4);
  }
}
