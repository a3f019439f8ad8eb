// @ts-check
/** View Questions: what learners ask, each answered by a view in a state; and wrong answers to find the error in. */

import { make } from "./make.js";
import { address } from "./state.js";

/** Where each question is answered: a view, and what it shows; `k` is an example's name. @type {[string, string, Record<string, any>][]} */
const QUESTIONS = [
  ["growth", "fields", {}],
  ["divide", "convolve", { k: "overrun" }],
  ["same", "convolve", { k: "same" }],
  ["two", "fields", {}],
  ["rgb", "convolve", { k: "rgb" }],
  ["flip", "convolve", { k: "slanted" }],
  ["padding", "fields", {}],
  ["matrix", "matrix", { k: "seed" }],
  ["transposed", "matrix", { k: "transposed" }],
  ["one", "sharing", { k: "formula" }],
  ["dilation", "convolve", { k: "dilated" }],
  ["effective", "fields", { warm: true }],
  ["larger", "fields", {}],
  ["pointwise", "fields", {}],
  ["layers", "hubel", {}],
];
/** Wrong answers, and where each is seen to be wrong. @type {[string, string, Record<string, any>][]} */
const ERRORS = [
  ["tf_pad", "convolve", { k: "overrun" }],
  ["sides", "convolve", { k: "overrun" }],
  ["steps", "convolve", { k: "slides" }],
  ["area", "convolve", { k: "seed" }],
  ["around", "convolve", { k: "overrun" }],
];

/** @param {HTMLElement} root @param {Page} page */
export function questionsView(root, page) {
  const { word } = page, lang = page.state.get().lang;
  /** @param {string} view @param {Record<string, any>} values */
  const see = (view, values) => make("a", { href: address(view, { ...values, k: values.k && page.examples[values.k], lang }) }, word("see_it", { view: word(`view_${view}`) }));
  root.replaceChildren(make("h1", {}, word("questions_title")), make("ol", { class: "cards" }, QUESTIONS.map(([name, view, values]) =>
    make("li", {}, make("h2", {}, word(`ask_${name}`)), make("p", {}, word(`answer_${name}`)), see(view, values)))),
  make("h2", {}, word("errors_title")), make("div", { class: "cards" }, ERRORS.map(([name, view, values]) =>
    make("details", {}, make("summary", {}, word(`error_${name}`)), make("p", {}, word(`truth_${name}`)), see(view, values)))));
}
