// What the parts of the page share: the model that is chosen, how it is asked, and how its things are called.

export const GENERATE = "generate", FROM_MAP = "generate_from_map", LOCAL = "local_energy"; // signatures
export const SIZES = ["rows", "cols"];
export const LABEL = "energy_per_area"; // the condition that is called so whatever the material's quantity is
export const PLAIN = { share: "share of vacant sites", region: "vacant region", regions: "vacant regions" };

export const state = { models: [], model: null, signatures: {}, lattice: null, wanted: null, result: null, running: null };

export const $ = (id) => document.getElementById(id);

/** What a user can do something about. */
export class Refused extends Error {}

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function sentence(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** A number with so many decimals, and the minus that print has. */
export function shown(value, decimals) {
  return value.toFixed(decimals).replace("-", "−");
}

/** Decimals that tell at least fifty values of a condition's range apart; two where the range is not told. */
export function decimalsOf(name) {
  const [low, high] = rangeOf(name) ?? [0, 1];
  return high > low ? Math.max(0, Math.ceil(Math.log10(50 / (high - low)))) : 2;
}

/** A value of a condition, with its own decimals and perhaps more of them. */
export function shownOf(name, value, more = 0) {
  return shown(value, decimalsOf(name) + more);
}

export function unitOf(name) {
  return state.model.card?.units?.[name] ?? (name === LABEL ? state.model.words?.unit : null) ?? "";
}

export function nameOf(name) {
  return sentence((name === LABEL ? state.model.words?.quantity : null) ?? name.replaceAll("_", " "));
}

/** What the material calls vacant sites. */
export function vacancy() {
  return state.model.words?.vacancy ?? PLAIN;
}

export function rangeOf(name) {
  const { card } = state.model;
  return card?.ranges?.[name] ?? (name === LABEL ? card?.energy_range : null) ?? null;
}

/** The inputs of a signature that say how a sheet shall be, in one order. */
export function conditionsOf(signature) {
  return Object.keys(state.signatures[signature]?.inputs ?? {}).filter((name) => ![...SIZES, "seed"].includes(name)).sort();
}

export function conditionNames() {
  return conditionsOf(GENERATE);
}

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

export async function describedModels() {
  return (await fetched("page/models.json")).models;
}

export async function signaturesOf(name) {
  const told = await fetched(`v1/models/${encodeURIComponent(name)}/metadata`);
  return told.metadata.signature_def.signature_def;
}

/** Ask a signature; a single output comes without its name. */
export async function predicted(model, body, signal) {
  const url = `v1/models/${encodeURIComponent(model.name)}:predict`;
  return (await fetched(url, { method: "POST", body, signal })).outputs;
}

/** Show a problem, at its field where it has one; without a message take the last one away. */
export function problem(message, field) {
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
