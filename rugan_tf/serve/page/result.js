// What came back: its numbers, the energies of its places, and how to take it along.

import { pictureOf } from "./colours.js";
import { summaryOf, windowMeans } from "./fields.js";
import { cif, extxyz, npz, poscar, stringArray } from "./files.js";
import { drawHistogram } from "./histogram.js";
import { $, LABEL, LOCAL, element, nameOf, predicted, sentence, shownOf, state, unitOf, vacancy } from "./state.js";
import { View } from "./view.js";

const NARROW = 860; // pixels, below which the sheet lies under the form

export const view = new View($("canvas"));
let wanted = ""; // behind the atoms, also while it is not there yet

/** Show the sheet of state.result. */
export function show(seconds) {
  const { model, inputs, sheet } = state.result, { card } = model;
  $("empty").hidden = true;
  $("results").hidden = $("numbers").hidden = false;
  const isLarger = Boolean(card?.rows) && (card.rows < sheet.rows || card.cols < sheet.cols);
  state.result.isLarger = isLarger;
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
  showLocal();
  downloads();
  curl();
  if (innerWidth < NARROW) $("sheet").scrollIntoView();
}

function percent(counted) {
  return `${(100 * counted.vacant / counted.sites).toFixed(1)} %`;
}

function numbers(counted) {
  const { asked, map, answer, sheet } = state.result, entries = [];
  for (const name of Object.keys(asked)) {
    const obtained = answer[name]?.[0], unit = unitOf(name);
    entries.push([`${nameOf(name)}, asked for`, `${shownOf(name, asked[name], 1)} ${unit}`, ...(map ? ["mean of the map"] : [])]);
    if (typeof obtained === "number") entries.push([`${nameOf(name)}, obtained`, `${shownOf(name, obtained, 1)} ${unit}`, "as judged"]);
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

// --- energies of places

/** Ask for the energies of the places of the sheet, and show them; the sheet is there already. */
export async function addLocal() {
  const { result } = state;
  if (!state.signatures[LOCAL]) return;
  const body = JSON.stringify({ signature_name: LOCAL, inputs: { states: [result.sheet.states] } });
  const outputs = await predicted(result.model, body);
  result.local = (outputs.energy_per_area ?? outputs)[0];
  if (state.result === result) showLocal();
}

function showLocal() {
  const { isLarger, local, map } = state.result;
  $("local").hidden = !local;
  $("local-reason").hidden = Boolean(state.signatures[LOCAL]);
  $("local-reason").textContent = "Energies of places are not shown: this model has no signature local_energy, which takes an energy judge that tells them.";
  const shades = [["", "nothing"], ...(local ? [["local", `local ${nameOf(LABEL).toLowerCase()}`]] : []), ...(map ? [["map", "your map"]] : [])];
  $("shade").replaceChildren(...shades.map(([value, text]) => element("option", { value }, text)));
  $("shade").value = shades.some(([value]) => value === wanted) ? wanted : "";
  $("shades").hidden = shades.length < 2;
  $("local-window").disabled = !isLarger; // smaller sheets have no windows of that size
  $("local-window").value = isLarger ? "window" : "place";
  chart();
}

/** The energies that are looked at: of places, or of windows of the training size. */
function fieldShown() {
  const { local, model } = state.result;
  return $("local-window").value === "window" ? windowMeans(local, model.card.rows / 2, model.card.cols / 2) : local;
}

/** Draw histogram and colours of the energies. */
export function chart() {
  if (!state.result) return;
  const { asked, answer, local, map, model } = state.result, unit = unitOf(LABEL), wish = asked[LABEL], obtained = answer[LABEL]?.[0];
  const mapped = map && [map, model.card.energy_range];
  if (!local) {
    shade({ map: mapped });
    return;
  }
  const field = fieldShown(), values = field.flat(), told = summaryOf(values);
  const ends = [Math.min(told.least, wish ?? told.least), Math.max(told.most, wish ?? told.most)], margin = 0.04 * (ends[1] - ends[0]) || 0.1;
  const range = [ends[0] - margin, ends[1] + margin];
  const marks = []; // a model may be asked for something else than an energy
  if (wish !== undefined) marks.push({ value: wish, text: `${map ? "mean asked" : "asked for"} ${shownOf(LABEL, wish)}`, name: "asked" });
  if (typeof obtained === "number") marks.push({ value: obtained, text: `obtained ${shownOf(LABEL, obtained)}`, name: "obtained" });
  $("local-name").textContent = `Local ${nameOf(LABEL).toLowerCase()}`;
  const what = $("local-window").value === "window" ? "windows of the training size" : "places of two by two cells";
  $("local-told").textContent = `Of ${values.length.toLocaleString("en")} ${what}, nine tenths lie between ${shownOf(LABEL, told.low)} and ${shownOf(LABEL, told.high)}${unit && ` ${unit}`}; mean ${shownOf(LABEL, told.mean, 1)}, standard deviation ${shownOf(LABEL, told.deviation, 1)}.`;
  drawHistogram($("histogram"), values, range, `${nameOf(LABEL)}${unit && ` (${unit})`}`, marks);
  shade({ local: [field, range], map: mapped });
}

/** Take what shall lie behind the atoms. */
export function chooseShade() {
  wanted = $("shade").value;
  chart();
}

/** Colour what lies behind the atoms. */
function shade(fields) {
  const [field, range] = fields[$("shade").value] ?? [null, null];
  view.shade(field && pictureOf(field, range), $("shade").value !== "map");
  $("shade-scale").hidden = !field;
  if (field) [$("shade-low").textContent, $("shade-high").textContent] = range.map((value) => shownOf(LABEL, value));
}

// --- files and the command

function stem() {
  const { model, inputs, mode, signature } = state.result;
  const way = mode === "map" || signature !== "generate" ? `_${mode}` : "";
  return `${model.name}_${inputs.rows}x${inputs.cols}_seed${inputs.seed}${way}`;
}

/** Values that structures carry, by the names that the package gives them. */
function facts() {
  const { asked, answer } = state.result, told = {};
  for (const name of Object.keys(asked)) {
    told[`${name}_requested`] = asked[name];
    if (answer[name]) told[`${name}_obtained`] = answer[name][0];
  }
  return told;
}

function arrays() {
  const { model, inputs, asked, answer, map, local, sheet } = state.result;
  const flat = Uint8Array.from(sheet.states.flat());
  const made = { states: ["|u1", [1, sheet.rows, sheet.cols], flat] };
  for (const name of Object.keys(asked)) {
    // What was asked for stands for the energy, which every data set has, and not for what can be counted.
    made[name === LABEL ? name : `${name}_requested`] = ["<f8", [1], Float64Array.of(asked[name])];
    if (answer[name]) made[`${name}_obtained`] = ["<f8", [1], Float64Array.from(answer[name])];
  }
  if (!(LABEL in made) && answer[LABEL]) made[LABEL] = ["<f8", [1], Float64Array.from(answer[LABEL])];
  if (map) made.energy_map = ["<f8", [map.length, map[0].length], Float64Array.from(map.flat())];
  if (local) made.local_energy = ["<f4", [1, local.length, local[0].length], Float32Array.from(local.flat())];
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

/** Put the command into the clipboard. */
export async function copy() {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
    $("status").textContent = "The command is in the clipboard.";
  } catch { // a page without TLS may not write there
    getSelection().selectAllChildren($("curl"));
    $("status").textContent = "The command is selected; copy it with the keyboard.";
  }
}
