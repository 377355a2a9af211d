// A map of energies that is painted: by mouse, finger and keyboard, or begun from a picture.

import { pictureOf } from "./colours.js";
import { shown } from "./state.js";

export const PARTS = 24; // along each side, whatever the size of the sheet
export const MAX_PIXELS = 16e6; // of a picture

export class MapEditor {
  /** `told` is called with what a screen reader should say, `changed` whenever the map has changed. */
  constructor(canvas, told, changed) {
    this.canvas = canvas;
    this.told = told;
    this.changed = changed;
    this.brush = { value: 0, size: 3 };
    this.cursor = [PARTS / 2, PARTS / 2]; // row and column
    this.decimals = 2; // of the energies that are shown
    this.before = []; // maps, for undo
    this.last = null; // where the pointer was
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.keep();
      this.last = this.place(event);
      this.stroke(this.last);
    });
    canvas.addEventListener("pointermove", (event) => { if (this.last) this.stroke(this.place(event)); });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.last = null; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.draw());
  }

  /** Begin anew with the range of energies, the value everywhere, their unit, and the decimals that are shown. */
  begin(range, value, unit, decimals) {
    this.range = range;
    this.unit = unit;
    this.decimals = decimals;
    this.before = [];
    this.rows = rowsOf(() => value);
    this.draw();
  }

  /** Replace the whole map by value(row, col). */
  fill(value) {
    this.keep();
    this.rows = rowsOf((row, col) => this.rounded(value(row, col)));
    this.draw();
    this.changed();
  }

  /** One decimal more than is shown is kept, so that the request stays short. */
  rounded(value) {
    return Number(value.toFixed(this.decimals + 1));
  }

  keep() {
    this.before = [...this.before.slice(-49), this.rows];
  }

  undo() {
    if (!this.before.length) return;
    this.rows = this.before.pop();
    this.draw();
    this.changed();
  }

  get mean() {
    return this.rows.flat().reduce((sum, value) => sum + value, 0) / PARTS ** 2;
  }

  place(event) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return [event.offsetY / height, event.offsetX / width].map((share) => Math.min(PARTS - 1, Math.max(0, Math.floor(share * PARTS))));
  }

  /** Paint from where the pointer was to a place. */
  stroke(place) {
    const steps = Math.max(1, ...place.map((value, axis) => Math.abs(value - this.last[axis])));
    this.rows = this.rows.map((row) => [...row]);
    for (let step = 0; step <= steps; step++) {
      this.stamp(place.map((value, axis) => Math.round(this.last[axis] + (value - this.last[axis]) * step / steps)));
    }
    this.last = this.cursor = place;
    this.draw();
    this.changed();
  }

  stamp([row, col]) {
    const reach = (this.brush.size - 1) / 2;
    for (let i = -reach; i <= reach; i++) {
      for (let j = -reach; j <= reach; j++) {
        if (Math.hypot(i, j) > reach + 0.3) continue;
        this.rows[(row + i + PARTS) % PARTS][(col + j + PARTS) % PARTS] = this.rounded(this.brush.value); // the sheet is periodic
      }
    }
  }

  key(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key], paints = event.key === " " || event.key === "Enter";
    if (event.ctrlKey || event.metaKey || event.altKey || !(step || paints)) return;
    event.preventDefault();
    if (step) this.cursor = this.cursor.map((value, axis) => (value + step[axis] + PARTS) % PARTS);
    if (paints || event.shiftKey) {
      this.keep();
      this.last = this.cursor;
      this.stroke(this.cursor);
      this.last = null;
    }
    const [row, col] = this.cursor;
    this.told(`Row ${row + 1}, column ${col + 1} of ${PARTS}: ${shown(this.rows[row][col], this.decimals)} ${this.unit}`);
    this.draw();
  }

  draw() {
    const { canvas } = this, ratio = devicePixelRatio || 1;
    if (!this.rows || !canvas.clientWidth) return;
    [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight].map((length) => Math.round(length * ratio));
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(pictureOf(this.rows, this.range), 0, 0, canvas.width, canvas.height);
    if (document.activeElement !== canvas) return;
    const [height, width] = [canvas.height / PARTS, canvas.width / PARTS], reach = (this.brush.size - 1) / 2;
    const [row, col] = this.cursor;
    for (const [colour, thick] of [["#fff", 4], ["#000", 2]]) { // seen on every colour
      context.strokeStyle = colour;
      context.lineWidth = thick * ratio;
      context.strokeRect((col - reach) * width, (row - reach) * height, this.brush.size * width, this.brush.size * height);
    }
  }
}

/** Rows of numbers whose values are value(row, col). */
export function rowsOf(value) {
  return Array.from({ length: PARTS }, (_, row) => Array.from({ length: PARTS }, (__, col) => value(row, col)));
}

/**
 * Brightness (0 to 1) of a picture file, averaged over each part, as rows of numbers; an Error if it is no picture or too large.
 */
export async function brightnessOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`A map must begin from a picture that the browser reads. Received: ${file.name}`);
  }
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) {
    bitmap.close();
    throw new Error(`A picture must have at most ${MAX_PIXELS / 1e6} megapixels. Received: ${width} × ${height}, ${(width * height / 1e6).toFixed(1)} megapixels`);
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent is seen on white
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return rowsOf((row, col) => {
    const top = Math.floor(row * height / PARTS), left = Math.floor(col * width / PARTS);
    const bottom = Math.max(top + 1, Math.floor((row + 1) * height / PARTS)), right = Math.max(left + 1, Math.floor((col + 1) * width / PARTS));
    const { data } = context.getImageData(left, top, right - left, bottom - top);
    let sum = 0; // by luminance, ITU-R BT.601, as the command line takes pictures
    for (let at = 0; at < data.length; at += 4) sum += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    return sum / 255 / (data.length / 4);
  });
}
