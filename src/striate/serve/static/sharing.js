// @ts-check
/** View Sharing: the same layer with its weights shared, local, or dense; what it costs, and whose map shifts. */

import { codePanel } from "./code.js";
import { controls } from "./controls.js";
import { numberGrid, tones } from "./grid.js";
import { answered, editing, kernelOf } from "./kernels.js";
import { make, replace } from "./make.js";

/**
 * @typedef {{way: string, map: number[][], moved: number[][], follows: (boolean | null)[][], parameters: number,
 *   multiply_adds: number}} Way
 * @typedef {{input: number[][], moved: number[][], stride: number[], ways: Way[], code: Record<string, string[]>}} Answer
 */

/** The kernel, or an example where it is transposed. @param {Page} page */
function untransposed(page) {
  const k = kernelOf(page);
  return k.transposed ? page.examples.formula : k;
}

/** @param {HTMLElement} root @param {Page} page */
export async function sharingView(root, page) {
  const { word } = page, changed = editing(page, () => sharingView(root, page), untransposed);
  const { k, bounds, answer, wrong } = await answered(page, async (k) => /** @type {Answer} */ (await page.ask("sharing", k)), untransposed);
  replace(root, make("h1", {}, word("page_sharing_title")), make("p", { class: "lead" }, word("sharing_lead")), controls(page, k, bounds, changed));
  if (!answer) {
    root.append(make("p", { class: "wrong", role: "alert" }, wrong));
    return;
  }
  const found = answer, ways = found.ways, maps = make("div", {}), names = ways.map((way) => way.way);
  const start = Math.max(0, names.indexOf(page.state.get().way));
  const slider = /** @type {HTMLInputElement} */ (make("input", { type: "range", min: 0, max: 2, value: start, "aria-label": word("sharing_slider"), oninput: () => show(Number(slider.value)) }));
  const rows = ways.map((way) => make("tr", {}, make("th", { scope: "row" }, word(`way_${way.way}`)), make("td", {}, way.parameters.toLocaleString("en")), make("td", {}, way.multiply_adds.toLocaleString("en")),
    make("td", {}, follows(way))));
  /** @param {Way} way */
  function follows(way) {
    const inner = way.follows.flat().filter((same) => same !== null);
    return inner.length ? word(inner.every(Boolean) ? "yes" : "no") : "n/a";
  }
  /** @param {number} i */
  function show(i) {
    const way = ways[i];
    page.state.set({ way: way.way });
    rows.forEach((row, r) => row.classList.toggle("here", r === i));
    slider.setAttribute("aria-valuetext", word(`way_${way.way}`));
    const inputs = tones([...found.input, ...found.moved].flat()), outputs = tones([...way.map, ...way.moved].flat());
    const after = numberGrid({ label: word("map_moved"), values: way.moved, tone: outputs });
    after.light("same", way.follows.flatMap((row, y) => row.flatMap((same, x) => (same ? [/** @type {[number, number]} */ ([y + 1, x + 1])] : []))));
    const figure = (/** @type {string} */ text, /** @type {HTMLElement} */ grid) => make("figure", {}, make("figcaption", {}, text), grid);
    maps.replaceChildren(make("h2", {}, word(`way_${way.way}`)), make("p", {}, word(`way_${way.way}_told`)),
      make("div", { class: "stage" }, figure(word("one_input"), numberGrid({ label: word("one_input"), values: found.input, tone: inputs }).element), make("span", { class: "sign" }, "→"), figure(word("map"), numberGrid({ label: word("map"), values: way.map, tone: outputs }).element)),
      make("div", { class: "stage" }, figure(word("input_moved", { y: found.stride[0], x: found.stride[1] }), numberGrid({ label: word("input_moved", { y: found.stride[0], x: found.stride[1] }), values: found.moved, tone: inputs }).element), make("span", { class: "sign" }, "→"), figure(word("map_moved"), after.element)),
      make("p", { class: "soft" }, word("follows_told")));
  }
  root.append(make("p", { class: "ways" }, names.map((name) => make("span", {}, word(`way_${name}`)))), make("div", { class: "ways" }, slider),
    make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ["way", "parameters", "multiply_adds", "follows"].map((name) => make("th", { scope: "col" }, word(`sharing_${name}`))))), make("tbody", {}, rows))), maps, codePanel(page, found.code));
  show(start);
}
