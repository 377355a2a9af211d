// What may be asked: it follows from the model's signatures and from its card.

import { GRADIENT } from "./colours.js";
import { MapEditor, PARTS, brightnessOf } from "./map.js";
import {
  $, FROM_MAP, GENERATE, SIZES, conditionNames, conditionsOf, decimalsOf, element, nameOf, problem, rangeOf, shownOf, state,
  unitOf,
} from "./state.js";

const editor = new MapEditor($("map-canvas"), (text) => { $("map-said").textContent = text; }, tellMean);

/** Fill the form for the model that is chosen. */
export function fillForm() {
  const { card } = state.model;
  $("length-unit").textContent = state.model.words?.length_unit ?? "length";
  $("conditions").replaceChildren(...conditionNames().map(conditionField));
  for (const radio of document.querySelectorAll("[name=unit]")) {
    radio.disabled = radio.value === "length" && !state.lattice;
    radio.checked = radio.value === "cells";
  }
  $("rows").value = 2 * (card?.rows ?? 14);
  $("cols").value = 2 * (card?.cols ?? 16);
  $("sizes").replaceChildren(...(card?.rows ? [1, 2, 4, 8].map(sizeButton) : []));
  fillModes();
  hintSize();
}

// --- how energies vary

/** The ways to ask, each with the signature, and the reason why it cannot be had where it cannot. */
function modes() {
  const { card } = state.model, hasMaps = Boolean(card?.map_statistics), names = conditionNames();
  const isAsked = conditionsOf(FROM_MAP).join() === names.join();
  const noMaps = "Not here: this version has no signature generate_from_map; export its run anew.";
  return [
    { value: "natural", name: "Natural", hint: "It varies from place to place, as in large real sheets.", signature: GENERATE,
      reason: hasMaps ? "" : "Not here: this model learnt one energy for a sheet, not how energies vary." },
    { value: "uniform", name: "Uniform", hint: "The same is asked for everywhere.", signature: hasMaps ? FROM_MAP : GENERATE,
      reason: hasMaps && !isAsked ? noMaps : "" },
    { value: "map", name: "Drawn", hint: "You paint where it is high and where it is low.", signature: FROM_MAP,
      reason: !isAsked ? noMaps : names.length > 1 ? "Not here: this model is asked for more than an energy."
        : rangeOf(names[0]) ? "" : "Not here: this model does not tell the range of its training." },
  ];
}

function fillModes() {
  const all = modes(), first = all.find((mode) => !mode.reason);
  $("mode-choices").replaceChildren(...all.map((mode) => {
    const hint = element("span", { className: "hint", id: `mode-${mode.value}-hint` }, mode.reason || mode.hint);
    const radio = element("input", { type: "radio", name: "mode", value: mode.value, id: `mode-${mode.value}`,
      disabled: Boolean(mode.reason), checked: mode === first, "aria-describedby": hint.id });
    radio.addEventListener("change", showMode);
    return element("div", { className: "card" }, radio, element("label", { htmlFor: radio.id }, mode.name), hint);
  }));
  if (!all[2].reason) beginMap();
  showMode();
}

function mode() {
  return modes().find((one) => one.value === document.querySelector("[name=mode]:checked").value);
}

function showMode() {
  const isMap = mode().value === "map";
  $("map").hidden = !isMap;
  $("conditions").hidden = isMap;
  if (isMap) proportion();
}

// --- the map

function beginMap() {
  const [name] = conditionNames(), [low, high] = rangeOf(name), unit = unitOf(name);
  $("map-name").textContent = `${nameOf(name)}${unit && ` (${unit})`}, your map`;
  $("map-low").textContent = shownOf(name, low);
  $("map-high").textContent = shownOf(name, high);
  const slider = $("brush-slider");
  [slider.min, slider.max, slider.step] = [low, high, 10 ** -decimalsOf(name)].map(String);
  editor.begin([low, high], low + 0.4 * (high - low), unit, decimalsOf(name));
  setBrush(low + 0.75 * (high - low));
  tellMean();
}

function setBrush(value) {
  $("brush-value").value = value.toFixed(editor.decimals);
  $("brush-slider").value = value;
  useBrush();
}

function useBrush() {
  const value = Number($("brush-value").value.replace(",", "."));
  if (Number.isFinite(value)) editor.brush.value = value;
  editor.brush.size = Number($("brush-size").value);
  $("brush-slider").setAttribute("aria-valuetext", `${$("brush-value").value} ${editor.unit ?? ""}`);
}

function tellMean() {
  $("map-mean").textContent = `The mean of the map is ${shownOf(conditionNames()[0], editor.mean)} ${editor.unit}.`;
}

/** Give the map the proportions of the sheet. */
function proportion() {
  const [rows, cols] = size(), [height, width] = state.lattice?.lengths ?? [1, 1];
  if (rows > 0 && cols > 0) $("map-canvas").style.aspectRatio = Math.min(3, Math.max(0.4, (cols * width) / (rows * height)));
}

async function beginFromPicture() {
  const [file] = $("map-file").files, [name] = conditionNames(), [low, high] = editor.range;
  $("map-file").value = "";
  if (!file) return;
  problem("");
  try {
    const brightness = await brightnessOf(file);
    editor.fill((row, col) => low + (high - low) * brightness[row][col]);
    $("map-said").textContent = `The map is ${file.name}: black is ${shownOf(name, low)}, white ${shownOf(name, high)} ${editor.unit}.`;
  } catch (error) {
    problem(error.message, $("map-picture"));
  }
}

// --- conditions and size

function conditionField(name) {
  const range = rangeOf(name), unit = unitOf(name), label = `${nameOf(name)}${unit && ` (${unit})`}`;
  const number = element("input", { id: `condition-${name}`, inputMode: "decimal", autocomplete: "off" });
  const field = element("div", { className: "field" }, element("label", { htmlFor: number.id }, label));
  number.value = range ? ((range[0] + range[1]) / 2).toFixed(decimalsOf(name)) : "0";
  if (!range) {
    field.append(number);
    return field;
  }
  const decimals = decimalsOf(name), step = 10 ** -decimals;
  const slider = element("input", { type: "range", id: `slider-${name}` });
  slider.setAttribute("aria-label", `${nameOf(name)}, slider over the range of the training data`);
  [slider.min, slider.max, slider.step] = [range[0], range[1], step].map(String);
  slider.value = number.value;
  const said = () => slider.setAttribute("aria-valuetext", `${number.value} ${unit}`);
  slider.addEventListener("input", () => { number.value = Number(slider.value).toFixed(decimals); said(); });
  number.addEventListener("input", () => { slider.value = number.value; said(); });
  said();
  field.append(element("div", { className: "range" }, slider, number));
  field.append(element("p", { className: "hint" }, `Trained on ${shownOf(name, range[0])} to ${shownOf(name, range[1])}${unit && ` ${unit}`}.`));
  return field;
}

function sizeButton(factor) {
  const { rows, cols } = state.model.card;
  const label = `${factor} × ${factor}`;
  const button = element("button", { type: "button", className: "quiet" }, label);
  button.setAttribute("aria-label", `${factor} × ${factor} sheets of the training`);
  button.addEventListener("click", () => setSize(factor * rows, factor * cols));
  return button;
}

function isLength() {
  return document.querySelector("[name=unit]:checked").value === "length";
}

function setSize(rows, cols) {
  const lengths = isLength() ? state.lattice.lengths : [1, 1];
  $("rows").value = Number((rows * lengths[0]).toFixed(2));
  $("cols").value = Number((cols * lengths[1]).toFixed(2));
  hintSize();
}

/** Rows and columns, even, that the fields ask for. */
function size() {
  return SIZES.map((id, axis) => {
    const value = Number($(id).value.replace(",", "."));
    if (!Number.isFinite(value) || value <= 0) return NaN;
    return isLength() ? Math.max(2, 2 * Math.round(value / state.lattice.lengths[axis] / 2)) : value;
  });
}

function hintSize() {
  if (!state.model) return;
  const [rows, cols] = size(), { card } = state.model;
  if (Number.isNaN(rows + cols)) return;
  const parts = [];
  if (isLength()) parts.push(`${rows} × ${cols} cells`);
  else if (state.lattice) {
    const [height, width] = state.lattice.lengths;
    parts.push(`${(rows * height).toFixed(1)} × ${(cols * width).toFixed(1)} ${state.lattice.unit}`);
  }
  if (card?.max_cells) parts.push(`at most ${card.max_cells.toLocaleString("en")} cells`);
  $("size-hint").textContent = parts.join("; ");
  proportion();
}

function changeUnit() {
  const before = SIZES.map((id, axis) => Number($(id).value) * (isLength() ? 1 : 1 / state.lattice.lengths[axis]));
  const [rows, cols] = before.map((value) => Math.max(2, 2 * Math.round(value / 2)));
  setSize(rows, cols);
}

// --- the request

/** {mode, signature, inputs, asked}, or null if a field holds what cannot be asked; the field says so. */
export function readRequest() {
  const { value: way, signature } = mode(), asked = way === "map" ? { [conditionNames()[0]]: editor.mean } : readConditions();
  const sizes = asked && readSize(), seed = sizes && readSeed();
  if (!Number.isInteger(seed)) return null;
  const put = { [GENERATE]: (value) => [value], [FROM_MAP]: (value) => [[[value]]] }[signature];
  const inputs = Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, way === "map" ? [editor.rows] : put(value)]));
  return { mode: way, signature, inputs: { ...inputs, rows: sizes[0], cols: sizes[1], seed }, asked, map: way === "map" ? editor.rows : null };
}

function readConditions() {
  const asked = {};
  for (const name of conditionNames()) {
    const field = $(`condition-${name}`), text = field.value.trim().replace(",", "."), value = Number(text);
    if (!text || !Number.isFinite(value)) {
      problem(`${nameOf(name)} must be a number. Received: ${field.value || "nothing"}`, field);
      return null;
    }
    asked[name] = value;
  }
  return asked;
}

function readSize() {
  const sizes = size(), { card } = state.model;
  for (const [axis, id] of SIZES.entries()) {
    if (!Number.isInteger(sizes[axis]) || sizes[axis] < 2 || sizes[axis] % 2) {
      const rule = isLength() ? "must be a positive length" : "must be an even number, at least 2";
      problem(`${id === "rows" ? "Rows" : "Columns"} ${rule}. Received: ${$(id).value || "nothing"}`, $(id));
      return null;
    }
  }
  if (card?.max_cells && sizes[0] * sizes[1] > card.max_cells) {
    const most = card.max_cells.toLocaleString("en");
    problem(`A sheet of this model must have at most ${most} cells. Received: ${(sizes[0] * sizes[1]).toLocaleString("en")}`, $("rows"));
    return null;
  }
  return sizes;
}

function readSeed() {
  const seed = Number($("seed").value);
  if (Number.isSafeInteger(seed) && seed >= 0 && $("seed").value.trim()) return seed;
  problem(`The seed must be a whole number, not negative. Received: ${$("seed").value || "nothing"}`, $("seed"));
  return null;
}

// --- what the fields do

for (const bar of document.querySelectorAll(".gradient")) bar.style.background = GRADIENT;
for (const id of SIZES) $(id).addEventListener("input", hintSize);
for (const radio of document.querySelectorAll("[name=unit]")) radio.addEventListener("change", changeUnit);
$("brush-slider").addEventListener("input", () => setBrush(Number($("brush-slider").value)));
$("brush-value").addEventListener("input", () => {
  useBrush();
  $("brush-slider").value = editor.brush.value;
});
$("brush-size").addEventListener("change", useBrush);
$("map-undo").addEventListener("click", () => editor.undo());
$("map-even").addEventListener("click", () => editor.fill(() => editor.brush.value));
$("map-ramp").addEventListener("click", () => between((_, col) => Math.abs(1 - (2 * (col + 0.5)) / PARTS)));
$("map-board").addEventListener("click", () => between((row, col) => Number(row < PARTS / 2 === col < PARTS / 2)));
$("map-invert").addEventListener("click", () => editor.fill((row, col) => editor.range[0] + editor.range[1] - editor.rows[row][col]));
$("map-picture").addEventListener("click", () => $("map-file").click());
$("map-file").addEventListener("change", beginFromPicture);

/** Fill the map with shares of the middle part of the range, where the model knows most. */
function between(share) {
  const [low, high] = editor.range;
  editor.fill((row, col) => low + (high - low) * (0.15 + 0.45 * share(row, col)));
}
