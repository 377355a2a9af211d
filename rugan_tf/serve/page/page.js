// Asks a model for a sheet by the REST contract of TensorFlow Serving, and shows what comes back.
// What may be asked follows from the model's signatures and from its card, which page/models.json holds.

import { cif, extxyz, npz, poscar, stringArray } from "./files.js";
import { Lattice, Sheet } from "./sheet.js";
import { View } from "./view.js";

const SIGNATURE = "generate";
const SIZES = ["rows", "cols"];
const LABEL = "energy_per_area"; // the condition that is called so whatever the material's quantity is
const PLAIN = { share: "share of vacant sites", region: "vacant region", regions: "vacant regions" };
const MAX_SEED = 2 ** 31;
const NARROW = 860; // pixels, below which the sheet lies under the form
const $ = (id) => document.getElementById(id);

const view = new View($("canvas"));
const state = { models: [], model: null, signature: null, lattice: null, wanted: null, result: null, running: null };

class Refused extends Error {}

function headers() {
  const token = $("token").value.trim();
  return token ? { authorization: `Bearer ${token}` } : {};
}

async function fetched(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { ...options, headers: { ...options.headers, ...headers() } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer. Is it still running?");
  }
  const text = await answer.text();
  let content = null;
  try {
    content = JSON.parse(text.replace(/\b(NaN|-?Infinity)\b/g, "null"));
  } catch { /* an error page of a proxy */ }
  if (answer.ok && content) return content;
  if (answer.status === 401) throw new Refused("The proxy wants an access token, and does not know this one.");
  if (answer.status === 429) throw new Refused("The server has too much to do. Try again in a moment.");
  throw new Refused(content?.error || `The server answers ${answer.status}.`);
}

function problem(message, field) {
  $("problem").textContent = message || "";
  $("problem").hidden = !message;
  for (const input of document.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
  if (field) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", "problem");
    field.focus();
  }
}

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// --- what can be asked

function unitOf(name) {
  return state.model.card?.units?.[name] ?? (name === LABEL ? state.model.words?.unit : null) ?? "";
}

function nameOf(name) {
  return sentence((name === LABEL ? state.model.words?.quantity : null) ?? name.replaceAll("_", " "));
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** What the material calls vacant sites. */
function vacancy() {
  return state.model.words?.vacancy ?? PLAIN;
}

function rangeOf(name) {
  const card = state.model.card;
  return card?.ranges?.[name] ?? (name === LABEL ? card?.energy_range : null) ?? null;
}

function conditionNames() {
  return Object.keys(state.signature.inputs).filter((name) => ![...SIZES, "seed"].includes(name)).sort();
}

async function chooseModel(name) {
  state.wanted = name;
  problem("");
  $("generate").disabled = true;
  const told = await fetched(`v1/models/${encodeURIComponent(name)}/metadata`);
  if (state.wanted !== name) return; // another has been chosen meanwhile
  state.model = state.models.find((one) => one.name === name);
  state.signature = told.metadata.signature_def.signature_def[SIGNATURE];
  const known = state.signature && conditionNames().every((one) => state.signature.inputs[one].dtype === "DT_FLOAT");
  if (!known || ![...SIZES, "seed"].every((one) => one in state.signature.inputs)) {
    throw new Refused(`The model ${name} has no signature ${SIGNATURE} that this page can ask. Use curl or the client.`);
  }
  state.lattice = state.model.lattice ? new Lattice(state.model.lattice, state.model.words.length_unit) : null;
  $("length-unit").textContent = state.model.words?.length_unit ?? "length";
  $("conditions").replaceChildren(...conditionNames().map(conditionField));
  const { card } = state.model, isMetric = Boolean(state.lattice);
  for (const radio of document.querySelectorAll("[name=unit]")) {
    radio.disabled = radio.value === "length" && !isMetric;
    radio.checked = radio.value === "cells";
  }
  $("rows").value = 2 * (card?.rows ?? 14);
  $("cols").value = 2 * (card?.cols ?? 16);
  $("sizes").replaceChildren(...(card?.rows ? [1, 2, 4, 8].map(sizeButton) : []));
  hintSize();
  about();
  $("generate").disabled = false;
}

function conditionField(name) {
  const range = rangeOf(name), unit = unitOf(name), label = `${nameOf(name)}${unit && ` (${unit})`}`;
  const number = element("input", { id: `condition-${name}`, inputMode: "decimal", autocomplete: "off" });
  const field = element("div", { className: "field" }, element("label", { htmlFor: number.id }, label));
  number.value = range ? ((range[0] + range[1]) / 2).toFixed(2) : "0";
  if (!range) {
    field.append(number);
    return field;
  }
  const step = 10 ** Math.floor(Math.log10((range[1] - range[0]) / 100));
  const slider = element("input", { type: "range", id: `slider-${name}` });
  slider.setAttribute("aria-label", `${nameOf(name)}, slider over the range of the training data`);
  [slider.min, slider.max, slider.step] = [range[0], range[1], step].map(String);
  slider.value = number.value;
  const said = () => slider.setAttribute("aria-valuetext", `${number.value} ${unit}`);
  slider.addEventListener("input", () => { number.value = Number(slider.value).toFixed(2); said(); });
  number.addEventListener("input", () => { slider.value = number.value; said(); });
  said();
  field.append(element("div", { className: "range" }, slider, number));
  field.append(element("p", { className: "hint" }, `Trained on ${range[0].toFixed(2)} to ${range[1].toFixed(2)}${unit && ` ${unit}`}.`));
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
}

// --- asking

function readRequest() {
  const inputs = {};
  for (const name of conditionNames()) {
    const field = $(`condition-${name}`), text = field.value.trim().replace(",", "."), value = Number(text);
    if (!text || !Number.isFinite(value)) {
      problem(`${nameOf(name)} must be a number. Received: ${field.value || "nothing"}`, field);
      return null;
    }
    inputs[name] = [value];
  }
  const sizes = size(), { card } = state.model;
  for (const [axis, id] of SIZES.entries()) {
    if (!Number.isInteger(sizes[axis]) || sizes[axis] < 2 || sizes[axis] % 2) {
      const rule = isLength() ? "must be a positive length" : "must be an even number, at least 2";
      problem(`${id === "rows" ? "Rows" : "Columns"} ${rule}. Received: ${$(id).value || "nothing"}`, $(id));
      return null;
    }
    inputs[id] = sizes[axis];
  }
  if (card?.max_cells && sizes[0] * sizes[1] > card.max_cells) {
    const most = card.max_cells.toLocaleString("en");
    problem(`A sheet of this model must have at most ${most} cells. Received: ${(sizes[0] * sizes[1]).toLocaleString("en")}`, $("rows"));
    return null;
  }
  const seed = Number($("seed").value);
  if (!Number.isSafeInteger(seed) || seed < 0 || !$("seed").value.trim()) {
    problem(`The seed must be a whole number, not negative. Received: ${$("seed").value || "nothing"}`, $("seed"));
    return null;
  }
  return { ...inputs, seed };
}

async function ask(event) {
  event.preventDefault();
  problem("");
  const inputs = readRequest();
  if (!inputs) return;
  state.running?.abort();
  const running = new AbortController(), model = state.model, start = performance.now();
  state.running = running;
  $("status").textContent = "The model is making the sheet …";
  $("generate").textContent = "Making it … (again to start anew)";
  try {
    const url = `v1/models/${encodeURIComponent(model.name)}:predict`;
    const body = JSON.stringify({ signature_name: SIGNATURE, inputs });
    const { outputs } = await fetched(url, { method: "POST", body, signal: running.signal });
    const answer = "states" in outputs ? outputs : { states: outputs };
    state.result = { model, inputs, body, answer, sheet: new Sheet(answer.states[0], state.lattice) };
    show((performance.now() - start) / 1000);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("status").textContent = "";
    problem(error.message);
    if (!(error instanceof Refused)) throw error;
  } finally {
    if (state.running === running) {
      state.running = null;
      $("generate").textContent = "Make the sheet";
    }
  }
}

// --- showing

function show(seconds) {
  const { model, inputs, sheet } = state.result, { card } = model;
  $("empty").hidden = true;
  $("results").hidden = $("numbers").hidden = false;
  const isLarger = Boolean(card?.rows) && (card.rows < sheet.rows || card.cols < sheet.cols);
  $("frame-hint").hidden = !isLarger;
  view.show(sheet, isLarger ? [card.rows, card.cols] : null);
  const counted = sheet.lattice?.canBeVacant ? sheet.count() : null;
  numbers(counted);
  const area = sheet.lattice ? `${sheet.lengths[0].toFixed(0)} by ${sheet.lengths[1].toFixed(0)} ${sheet.lattice.unit}, ` : "";
  const words = vacancy();
  const vacant = counted ? `, ${counted.regions.length} ${words.regions}, ${words.share} ${percent(counted)}` : "";
  const label = `Sheet of ${sheet.rows} by ${sheet.cols} cells, ${area}seed ${inputs.seed}${vacant}`;
  $("canvas").setAttribute("aria-label", label);
  $("status").textContent = `Made in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s. ${label}.`;
  downloads();
  curl();
  if (innerWidth < NARROW) $("sheet").scrollIntoView();
}

function percent(counted) {
  return `${(100 * counted.vacant / counted.sites).toFixed(1)} %`;
}

function numbers(counted) {
  const { inputs, answer, sheet } = state.result, entries = [];
  for (const name of conditionNames()) {
    const obtained = answer[name]?.[0], unit = unitOf(name);
    entries.push([`${nameOf(name)}, asked for`, `${inputs[name][0].toFixed(3)} ${unit}`]);
    if (typeof obtained === "number") entries.push([`${nameOf(name)}, obtained`, `${obtained.toFixed(3)} ${unit}`, "as its judge sees it"]);
    else entries.push([`${nameOf(name)}, obtained`, "not told", "this model has no energy judge"]);
  }
  if (counted) {
    const words = vacancy(), number = counted.regions.length;
    entries.push([sentence(words.share), percent(counted), "vacant of all sites"]);
    const largest = number ? `largest: ${counted.regions[0].toLocaleString("en")} sites` : "";
    entries.push([sentence(words.regions), number.toLocaleString("en"), largest]);
    entries.push(["Atoms", counted.atoms.toLocaleString("en"), `of ${counted.sites.toLocaleString("en")} sites`]);
  }
  const cells = `${sheet.rows} × ${sheet.cols} cells`;
  entries.push(sheet.lattice ? ["Size", `${sheet.lengths[0].toFixed(0)} × ${sheet.lengths[1].toFixed(0)} ${sheet.lattice.unit}`, cells] : ["Size", cells]);
  $("numbers").replaceChildren(...entries.map(([name, value, more]) => element("div", {},
    element("dt", {}, name), element("dd", {}, value, ...(more ? [element("small", {}, more)] : [])))));
}

function stem() {
  const { model, inputs } = state.result;
  return `${model.name}_${inputs.rows}x${inputs.cols}_seed${inputs.seed}`;
}

/** Values that structures carry, by the names that the package gives them. */
function facts() {
  const { inputs, answer } = state.result, told = {};
  for (const name of conditionNames()) {
    told[`${name}_requested`] = inputs[name][0];
    if (answer[name]) told[`${name}_obtained`] = answer[name][0];
  }
  return told;
}

function arrays() {
  const { model, inputs, answer, sheet } = state.result;
  const flat = Uint8Array.from(sheet.states.flat());
  const made = { states: ["|u1", [1, sheet.rows, sheet.cols], flat] };
  for (const name of conditionNames()) {
    made[name] = ["<f8", [1], Float64Array.from(inputs[name])];
    if (answer[name]) made[`${name}_obtained`] = ["<f8", [1], Float64Array.from(answer[name])];
  }
  const metadata = { system: model.card?.system ?? model.name, seed: inputs.seed, model_version: model.version,
    energy: `requested of ${model.name} at ${location.origin}, not computed` };
  made.metadata = stringArray(JSON.stringify(metadata));
  return made;
}

function downloads() {
  const { sheet } = state.result;
  const title = stem();
  const plain = (content) => new Blob([content], { type: "text/plain" });
  const formats = { npz: () => npz(arrays()) };
  if (sheet.lattice) {
    formats.extxyz = () => plain(extxyz(sheet, facts()));
    formats.cif = () => plain(cif(sheet, title));
    formats.POSCAR = () => plain(poscar(sheet, title));
  }
  $("downloads").replaceChildren(...Object.entries(formats).map(([format, content]) => {
    const button = element("button", { type: "button", className: "quiet" }, `Download ${format}`);
    button.dataset.format = format;
    button.addEventListener("click", () => {
      const address = URL.createObjectURL(content());
      const name = format === "POSCAR" ? `${title}.vasp` : `${title}.${format}`;
      element("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
      $("status").textContent = `${name} is on its way to your downloads.`;
    });
    return button;
  }));
}

function curl() {
  const { model, body } = state.result;
  const url = new URL(`v1/models/${encodeURIComponent(model.name)}:predict`, document.baseURI).href;
  const token = $("token").value.trim() ? ' -H "authorization: Bearer $TOKEN"' : "";
  $("curl").textContent = `curl -s${token} ${url} -d '${body}'`;
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
    $("status").textContent = "The command is in the clipboard.";
  } catch { // a page without TLS may not write there
    getSelection().selectAllChildren($("curl"));
    $("status").textContent = "The command is selected; copy it with the keyboard.";
  }
}

function about() {
  const { model } = state, { card } = model, lines = [`Model ${model.name}, version ${model.version}.`];
  if (card?.system) lines.push(`Material: ${card.system.replaceAll("_", " ")}, trained on sheets of ${card.rows} × ${card.cols} cells.`);
  if (card?.energy) lines.push(`Energies: ${card.energy}.`);
  if (state.lattice?.canBeVacant) {
    const words = vacancy(), first = words.share === PLAIN.share ? "" : `${sentence(words.share)} is the ${PLAIN.share}. `;
    lines.push(`${first}A ${words.region} is a set of vacant sites that touch, across the edges too. All is counted here, from the sheet.`);
  } else if (!state.lattice) {
    lines.push("This model does not tell its lattice, so cells are drawn instead of atoms, and structures cannot be written.");
  }
  lines.push("The requested energy holds for the whole sheet, as far as the signature generate meets it. Maps of energies and local energies are not offered here: no signature of this model makes repaired sheets from a map, or tells energies place by place.");
  $("about-text").replaceChildren(...lines.map((line) => element("p", {}, line)));
}

// --- beginning

async function begin() {
  const { models } = await fetched("page/models.json");
  state.models = models;
  if (!models.length) throw new Refused("The server serves no model at the moment.");
  $("model").replaceChildren(...models.map((one) => element("option", { value: one.name }, one.name.replaceAll("_", " "))));
  await chooseModel(models[0].name);
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    problem(error.message);
    if (!(error instanceof Refused)) throw error;
  }
}

$("form").addEventListener("submit", ask);
$("model").addEventListener("change", () => guarded(() => chooseModel($("model").value)));
$("token").addEventListener("change", () => guarded(() => (state.signature ? null : begin())));
$("new-seed").addEventListener("click", () => { $("seed").value = Math.floor(Math.random() * MAX_SEED); });
$("zoom-in").addEventListener("click", () => view.zoom(1.5));
$("zoom-out").addEventListener("click", () => view.zoom(1 / 1.5));
$("fit").addEventListener("click", () => view.fit());
$("copy").addEventListener("click", copy);
for (const id of SIZES) $(id).addEventListener("input", hintSize);
for (const radio of document.querySelectorAll("[name=unit]")) {
  radio.addEventListener("change", () => {
    const before = SIZES.map((id, axis) => Number($(id).value) * (isLength() ? 1 : 1 / state.lattice.lengths[axis]));
    const [rows, cols] = before.map((value) => Math.max(2, 2 * Math.round(value / 2)));
    setSize(rows, cols);
  });
}
guarded(begin);
