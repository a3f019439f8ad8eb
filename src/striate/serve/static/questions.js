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
/** Wrong answers, and where each is seen to be wrong. @type {[string, string, Record<string, any>][]} */
const ERRORS = [
  ["tf_pad", "convolve", { k: { ...PRESETS.overrun } }],
  ["sides", "convolve", { k: { ...PRESETS.overrun } }],
  ["steps", "convolve", { k: { ...PRESETS.same, stride: [1, 1], padding: [0, 0] } }],
  ["area", "convolve", { k: { ...PRESETS.seed } }],
  ["around", "convolve", { k: { ...PRESETS.overrun } }],
];

/**
 * Fills an element with the view.
 * @param {HTMLElement} root @param {import("./network.js").Page} page
 */
export function questionsView(root, page) {
  const { word } = page, lang = page.state.get().lang;
  /** @param {string} view @param {Record<string, any>} values */
  const see = (view, values) => make("a", { href: address(view, { ...values, lang }) }, word("see_it", { view: word(`view_${view}`) }));
  root.replaceChildren(make("h1", {}, word("questions_title")), make("ol", { class: "cards" }, QUESTIONS.map(([name, view, values]) =>
    make("li", {}, make("h3", {}, word(`ask_${name}`)), make("p", {}, word(`answer_${name}`)), see(view, values)))),
  make("h2", {}, word("errors_title")), make("div", { class: "cards" }, ERRORS.map(([name, view, values]) =>
    make("details", {}, make("summary", {}, word(`error_${name}`)), make("p", {}, word(`truth_${name}`)), see(view, values)))));
}
