// Asks a model for a sheet by the REST contract of TensorFlow Serving, and shows what comes back.
// What may be asked follows from the model's signatures and from its card, which page/models.json holds.

import { fillForm, readRequest } from "./form.js";
import { addLocal, chart, chooseShade, copy, show, view } from "./result.js";
import { Lattice, Sheet } from "./sheet.js";
import {
  $, GENERATE, PLAIN, Refused, SIZES, conditionNames, describedModels, element, predicted, problem, sentence, signaturesOf,
  state, vacancy,
} from "./state.js";

const MAX_SEED = 2 ** 31;

async function chooseModel(name) {
  state.wanted = name;
  state.running?.abort(); // its answer would be drawn as the material of another model
  problem("");
  $("generate").disabled = true;
  const signatures = await signaturesOf(name);
  if (state.wanted !== name) return; // another has been chosen meanwhile
  state.model = state.models.find((one) => one.name === name);
  state.signatures = signatures;
  const asked = signatures[GENERATE]?.inputs ?? {};
  const known = conditionNames().every((one) => asked[one].dtype === "DT_FLOAT");
  if (!known || ![...SIZES, "seed"].every((one) => one in asked)) {
    throw new Refused(`The model ${name} has no signature ${GENERATE} that this page can ask. Use curl or the client.`);
  }
  state.lattice = state.model.lattice ? new Lattice(state.model.lattice, state.model.words.length_unit) : null;
  fillForm();
  about();
  $("generate").disabled = false;
}

async function ask(event) {
  event.preventDefault();
  problem("");
  const request = readRequest();
  if (!request) return;
  state.running?.abort();
  const running = new AbortController(), { model, lattice } = state, start = performance.now();
  state.running = running;
  $("status").textContent = "The model is making the sheet …";
  $("generate").textContent = "Making it … (again to start anew)";
  try {
    const body = JSON.stringify({ signature_name: request.signature, inputs: request.inputs });
    const outputs = await predicted(model, body, running.signal);
    const answer = "states" in outputs ? outputs : { states: outputs };
    state.result = { ...request, model, body, answer, local: null, sheet: new Sheet(answer.states[0], lattice) };
    show((performance.now() - start) / 1000);
    await addLocal();
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

function about() {
  const { model } = state, { card } = model, lines = [`Model ${model.name}, version ${model.version}.`];
  const material = model.words?.material ?? card?.system; // a card may hold all that describes it
  if (material) lines.push(`Material: ${material.replaceAll("_", " ")}, trained on sheets of ${card.rows} × ${card.cols} cells.`);
  if (card?.energy) lines.push(`Energies: ${card.energy}.`);
  if (state.lattice?.canBeVacant) {
    const words = vacancy(), first = words.share === PLAIN.share ? "" : `${sentence(words.share)} is the ${PLAIN.share}. `;
    lines.push(`${first}A ${words.region} is a set of vacant sites that touch, across the edges too. All is counted here, from the sheet.`);
  } else if (model.problem) {
    lines.push(`What the model tells of itself cannot all be read. ${model.problem}`);
  } else if (!state.lattice) {
    lines.push("This model does not tell its lattice, so cells are drawn instead of atoms, and structures cannot be written.");
  }
  lines.push("A drawn map has 24 × 24 values, whatever the size of the sheet. The sheet is judged place by place and corrected eight times; details finer than two thirds of a training sheet are left to chance.");
  $("about-text").replaceChildren(...lines.map((line) => element("p", {}, line)));
}

// --- beginning

async function begin() {
  state.models = await describedModels();
  const { models } = state;
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
$("token").addEventListener("change", () => guarded(() => (state.model ? null : begin())));
$("new-seed").addEventListener("click", () => { $("seed").value = Math.floor(Math.random() * MAX_SEED); });
$("zoom-in").addEventListener("click", () => view.zoom(1.5));
$("zoom-out").addEventListener("click", () => view.zoom(1 / 1.5));
$("fit").addEventListener("click", () => view.fit());
$("copy").addEventListener("click", copy);
$("shade").addEventListener("change", chooseShade);
$("local-window").addEventListener("change", chart);
new ResizeObserver(chart).observe($("histogram"));
guarded(begin);
