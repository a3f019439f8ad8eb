// @ts-check
/**
 * The page: a head with its views, and the one that is open.
 *
 * A view fills an element, again when the address or the network changes. It is given the page: `ask(question,
 * given)` asks the server, `word(key, values)` tells a word, `state` is what the address holds, `say(text)` speaks to a
 * screen reader, `photo` is a canvas with the picture or null.
 * @typedef {(root: HTMLElement, page: Page) => void | Promise<void>} View
 */

import { ask, offline, told } from "./ask.js";
import { convolveView } from "./convolve.js";
import { featuresView } from "./features.js";
import { fieldsView } from "./fields.js";
import { hubelView } from "./hubel.js";
import { make } from "./make.js";
import { matrixView } from "./matrix.js";
import { photoCanvas } from "./photo.js";
import { questionsView } from "./questions.js";
import { sharingView } from "./sharing.js";
import * as state from "./state.js";

/** @type {Record<string, View>} */
const VIEWS = {
  convolve: convolveView,
  matrix: matrixView,
  fields: fieldsView,
  features: featuresView,
  hubel: hubelView,
  sharing: sharingView,
  questions: questionsView,
};

const head = /** @type {HTMLElement} */ (document.getElementById("head"));
const root = /** @type {HTMLElement} */ (document.getElementById("view"));
const said = /** @type {HTMLElement} */ (document.getElementById("said"));
/** @type {Record<string, [string, string]>} */
let words = {};
/** @type {Record<string, Kernel>} */
let examples = {};
/** @type {HTMLCanvasElement | null} */
let photo = null;
/** @type {{model: string, picture: {kind: string, shape: number[], data: string} | null}} */
let desk = { model: "", picture: null };
let drawn = 0;

function language() {
  return state.read().values.lang ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

/** @param {string} key @param {Record<string, any>} [values] */
function word(key, values = {}) {
  const both = words[key];
  if (!both) throw new Error(`no word ${key}`);
  return both[language() === "zh" ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** @param {string} text */
function say(text) {
  said.textContent = text;
}

function drawHead() {
  const { view, values } = state.read(), lang = language(), other = lang === "zh" ? "en" : "zh";
  document.documentElement.lang = lang;
  const tabs = Object.keys(VIEWS).map((name) =>
    make("a", { href: state.address(name, values), "aria-current": name === view ? "page" : null }, word(`view_${name}`)));
  head.replaceChildren(
    make("strong", {}, "striate"),
    make("nav", { "aria-label": word("views") }, tabs),
    make("span", { class: "desk", title: desk.model }, desk.model),
    ...(offline ? [] : [upload("model", ".onnx,.tflite"), upload("picture", "image/*")]),
    make("button", { type: "button", title: word("undo_told"), onclick: state.back }, word("undo")),
    make("a", { class: "lang", lang: other, href: state.address(view, { ...values, lang: other }) }, other === "zh" ? "中文" : "English"));
}

/** @param {string} kind @param {string} accept */
function upload(kind, accept) {
  const file = make("input", { type: "file", accept, onchange: () => put(kind, /** @type {HTMLInputElement} */ (file)) });
  return make("label", { class: "upload", title: word(`put_${kind}_told`) }, word(`put_${kind}`), file);
}

/** @param {string} kind @param {HTMLInputElement} file */
async function put(kind, file) {
  if (!file.files?.length) return;
  say(word("reading"));
  try {
    await told(await fetch(`put/${kind}`, { method: "POST", body: file.files[0] }));
    desk = await ask("desk");
    photo = photoCanvas(desk.picture);
    state.change({ layer: null, at: null, pixel: null, locked: null });
    await drawView();
  } catch (error) {
    fail(error);
  }
}

async function drawView() {
  const mine = ++drawn, { view } = state.read();
  if (!(view in VIEWS)) {
    state.go(state.address("convolve", state.read().values));
    return;
  }
  state.settle();
  drawHead();
  const page = { ask, word, lang: language(), say, photo, examples, state: { get: () => state.read().values, set: state.change } };
  const place = make("div", { class: `view ${view}` });
  try {
    await VIEWS[view](place, page);
    if (mine === drawn) root.replaceChildren(place);
  } catch (error) {
    if (mine === drawn) fail(error);
  }
}

/** @param {unknown} error */
function fail(error) {
  const text = error instanceof Error ? error.message : String(error);
  root.prepend(make("p", { class: "wrong", role: "alert" }, text,
    make("button", { type: "button", "aria-label": word("close"), onclick: (/** @type {Event} */ event) =>
      /** @type {HTMLElement} */ (event.target).parentElement?.remove() }, "×")));
}

window.addEventListener("unhandledrejection", (event) => fail(event.reason));
[words, desk, examples] = await Promise.all([ask("words"), ask("desk"), ask("examples")]);
photo = photoCanvas(desk.picture);
window.addEventListener("popstate", drawView);
document.addEventListener("click", state.follow);
await drawView();
