// @ts-check
/** View Questions: what learners ask, each answered by a view in a state; and wrong answers to find the error in. */

import { PRESETS } from "./kernels.js";
import { make } from "./make.js";
import { address } from "./state.js";

/** Where each question is answered: a view, and what it shows. @type {[string, string, Record<string, any>][]} */
const QUESTIONS = [
  ["growth", "fields", {}],
  ["divide", "convolve", { k: { ...PRESETS.overrun } }],
  ["same", "convolve", { k: { ...PRESETS.same } }],
  ["two", "fields", {}],
  ["rgb", "convolve", { k: { ...PRESETS.rgb } }],
  ["flip", "convolve", { k: { ...PRESETS.slanted } }],
  ["padding", "fields", {}],
  ["matrix", "matrix", { k: { ...PRESETS.seed } }],
  ["transposed", "matrix", { k: { ...PRESETS.transposed } }],
  ["one", "sharing", { k: { ...PRESETS.formula } }],
  ["dilation", "convolve", { k: { ...PRESETS.dilated } }],
  ["effective", "fields", { warm: true }],
  ["larger", "fields", {}],
  ["pointwise", "fields", {}],
  ["layers", "hubel", {}],
];
const ERRORS = ["tf_pad", "sides", "steps", "area", "around"];

/**
 * Fills an element with the view.
 * @param {HTMLElement} root @param {import("./network.js").Page} page
 */
export function questionsView(root, page) {
  const { word } = page, lang = page.state.get().lang;
  root.replaceChildren(make("h1", {}, word("questions_title")), make("ol", { class: "questions" }, QUESTIONS.map(([name, view, values]) =>
    make("li", {}, make("h3", {}, word(`ask_${name}`)), make("p", {}, word(`answer_${name}`)),
      make("a", { href: address(view, { ...values, lang }) }, word("see_it", { view: word(`view_${view}`) }))))),
  make("h2", {}, word("errors_title")), make("div", { class: "cards" }, ERRORS.map((name) =>
    make("details", {}, make("summary", {}, word(`error_${name}`)), make("p", {}, word(`truth_${name}`))))));
}
