// How often which energy occurs: bars with axes, and lines for what was asked for and what came.

import { colourOf } from "./colours.js";
import { countsOf, ticksOf } from "./fields.js";

const BINS = 32, HEIGHT = 210, LEFT = 46, RIGHT = 14, TOP = 34, BOTTOM = 44;

function node(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * Draw into an svg element.
 * @param values numbers
 * @param range of the axis
 * @param title of the axis, with the unit
 * @param marks [{value, text, name}], lines; name is a class
 */
export function drawHistogram(svg, values, range, title, marks) {
  const width = Math.max(svg.clientWidth, 240), [low, high] = range;
  const counts = countsOf(values, low, high, BINS), most = 100 * Math.max(...counts) / values.length;
  const toX = (value) => LEFT + (value - low) / (high - low) * (width - LEFT - RIGHT);
  const toY = (share) => HEIGHT - BOTTOM - share / most * (HEIGHT - BOTTOM - TOP);
  const parts = [];
  for (const tick of ticksOf(0, most, 3)) {
    parts.push(node("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: toY(tick), y2: toY(tick) }));
    parts.push(node("text", { x: LEFT - 6, y: toY(tick) + 4, "text-anchor": "end" }, `${tick} %`));
  }
  counts.forEach((count, index) => {
    if (!count) return;
    const ends = [index, index + 1].map((one) => toX(low + one / BINS * (high - low))), top = toY(100 * count / values.length);
    const fill = `rgb(${colourOf((index + 0.5) / BINS).join(" ")})`;
    parts.push(node("rect", { class: "bin", x: ends[0] + 0.5, width: ends[1] - ends[0] - 1, y: top, height: HEIGHT - BOTTOM - top, fill }));
  });
  parts.push(node("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }));
  for (const tick of ticksOf(low, high, width < 420 ? 4 : 8)) {
    parts.push(node("line", { class: "axis", x1: toX(tick), x2: toX(tick), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }));
    parts.push(node("text", { x: toX(tick), y: HEIGHT - BOTTOM + 19, "text-anchor": "middle" }, tick.replace("-", "−")));
  }
  parts.push(node("text", { x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, title));
  marks.forEach(({ value, text, name }, index) => {
    if (value < low || value > high) return;
    const x = toX(value), y = 12 + 14 * index, side = x > width / 2 ? "end" : "start";
    parts.push(node("line", { class: `mark ${name}`, x1: x, x2: x, y1: y - 8, y2: HEIGHT - BOTTOM }));
    parts.push(node("text", { class: name, x: x + (side === "end" ? -6 : 6), y, "text-anchor": side }, text));
  });
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("height", HEIGHT);
  svg.replaceChildren(...parts);
}
