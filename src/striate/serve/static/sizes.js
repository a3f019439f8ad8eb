// @ts-check
/** What each framework makes of the window: padding, pixels never read, shifts, side by side. */

import { make } from "./make.js";

/**
 * @typedef {{convention: string, output: number, pads: number[], never: number[], why: string,
 *   starts: number[]}} Convention
 */

/**
 * @param {Page} page @param {Kernel} k
 */
export async function sizesPanel(page, k) {
  const n = [k.x[0].length, k.x[0][0].length], kernel = [k.weight[0][0].length, k.weight[0][0][0].length];
  /** @type {Convention[][]} */
  const axes = await page.ask("sizes", { n, kernel, stride: k.stride, dilation: k.dilation, padding: k.padding });
  const alike = JSON.stringify(axes[0]) === JSON.stringify(axes[1]);
  return make("section", { class: "frameworks" }, make("h2", {}, page.word("frameworks")), make("p", { class: "soft" }, page.word("frameworks_told")),
    axes.slice(0, alike ? 1 : 2).map((answers, axis) => make("div", { class: "scroll", tabindex: 0 }, make("table", {},
      make("thead", {}, make("tr", {}, [alike ? page.word("both_axes") : page.word(axis ? "columns" : "rows"), page.word("output"), page.word("pads_around"), page.word("axis_drawn"), page.word("why")]
        .map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, answers.map((answer) => make("tr", {}, make("th", { scope: "row" }, answer.convention), make("td", {}, answer.output),
        make("td", {}, answer.pads.join(" + ")), make("td", {}, strip(page, answer, n[axis])), make("td", { class: "why" }, answer.why))))))));
}

/** The pixels of an axis with their padding, and the first tap of every window beneath. @param {Page} page
 * @param {Convention} answer @param {number} n
 */
function strip(page, answer, n) {
  const starts = new Set(answer.starts), never = new Set(answer.never);
  const cells = Array.from({ length: answer.pads[0] + n + answer.pads[1] }, (_, i) => i - answer.pads[0]);
  const told = answer.never.length ? page.word("dropped", { pixels: answer.never.join(", ") }) : page.word("none_dropped");
  return make("span", { class: "strip", role: "img", "aria-label": told, title: told }, cells.map((pixel) =>
    make("i", { class: [pixel < 0 || pixel >= n ? "ring" : never.has(pixel) ? "never" : "", starts.has(pixel) ? "start" : ""].join(" ") }, pixel < 0 || pixel >= n ? "0" : pixel)));
}
