// @ts-check
/** View Matrix: the same convolution as a sparse matrix times the input laid out as a vector, and as im2col. */

import { codePanel } from "./code.js";
import { controls } from "./controls.js";
import { numberGrid, tones } from "./grid.js";
import { answered, editing } from "./kernels.js";
import { make, replace, short } from "./make.js";

/**
 * @typedef {{matrix: number[][], tap: number[][], pixels: number[], units: number[], unrolled: number[][] | null,
 *   shape: number[], code: Record<string, string[]>}} Answer
 */

/** @param {HTMLElement} root @param {Page} page */
export async function matrixView(root, page) {
  const { word } = page, changed = editing(page, () => matrixView(root, page));
  const { k, bounds, answer, wrong } = await answered(page, async (k) => /** @type {Answer} */ (await page.ask("matrix", k)));
  replace(root, make("h1", {}, word("matrix_title")), make("p", { class: "lead" }, word("matrix_lead")), controls(page, k, bounds, changed));
  if (!answer) {
    root.append(make("p", { class: "wrong", role: "alert" }, wrong));
    return;
  }
  const zeros = answer.tap.flat().filter((tap) => tap < 0).length, count = answer.units.length * answer.pixels.length;
  root.append(make("p", {}, word("matrix_told", { units: answer.units.length, pixels: answer.pixels.length, zeros, share: Math.round((100 * zeros) / count), weights: k.weight.flat(3).length })),
    product(page, k, answer), ...unrolled(page, answer, k), codePanel(page, answer.code));
}

/** @param {Page} page @param {Kernel} k @param {Answer} answer */
function product(page, k, answer) {
  const { word } = page, width = k.x[0][0].length, height = k.x[0].length, [, rows, columns] = answer.shape;
  const told = make("p", { class: "sum", role: "note" }, word("matrix_hint"));
  const matrix = numberGrid({ label: word("matrix"), values: answer.matrix, tone: tones(answer.matrix.flat()), point: (at) => (at ? entry(at) : none()) });
  const vector = numberGrid({ label: word("unrolled_input"), values: answer.pixels.map((value) => [value]), tone: tones(answer.pixels), point: (at) => (at ? pixel(at[0]) : none()) });
  const result = numberGrid({ label: word("output"), values: answer.units.map((value) => [value]), tone: tones(answer.units), digits: 4, point: (at) => (at ? unit(at[0]) : none()) });
  const input = k.x.map((plane, c) => numberGrid({ label: word("input_channel", { c }), values: plane, tone: tones(answer.pixels), point: (at) => (at ? pixel((c * height + at[0]) * width + at[1]) : none()) }));
  const units = Array.from({ length: answer.shape[0] }, (_, c) => numberGrid({ label: word("output_of", { c }), digits: 4, tone: tones(answer.units),
    values: Array.from({ length: rows }, (__, y) => answer.units.slice((c * rows + y) * columns, (c * rows + y + 1) * columns)), point: (at) => (at ? unit((c * rows + at[0]) * columns + at[1]) : none()) }));
  const weight = k.weight.flat().map((plane, i) => numberGrid({ label: word("slice", { c: i }), values: plane, tone: tones(k.weight.flat(3)), point: (at) => (at ? tap(i * plane.length * plane[0].length + at[0] * plane[0].length + at[1]) : none()) }));
  matrix.element.classList.add("sparse");
  for (const [y, row] of answer.tap.entries()) for (const [x, number] of row.entries()) if (number < 0) blank(y, x);

  /** @param {number} y @param {number} x */
  function blank(y, x) {
    matrix.element.querySelectorAll("tr")[y].children[x].classList.add("zero");
  }
  function none() {
    for (const grid of [matrix, vector, result, ...input, ...units, ...weight]) for (const way of ["read", "same"]) grid.light(way, []);
    told.textContent = word("matrix_hint");
  }
  /** @param {number[]} pixels @param {number[]} found @param {Place[]} entries @param {number[]} taps */
  function light(pixels, found, entries, taps) {
    none();
    matrix.light("read", entries);
    vector.light("read", pixels.map((i) => [i, 0]));
    result.light("read", found.map((i) => [i, 0]));
    input.forEach((grid, c) => grid.light("read", pixels.filter((i) => Math.floor(i / (height * width)) === c).map((i) => [Math.floor(i / width) % height, i % width])));
    units.forEach((grid, c) => grid.light("read", found.filter((i) => Math.floor(i / (rows * columns)) === c).map((i) => [Math.floor(i / columns) % rows, i % columns])));
    const area = k.weight[0][0].length * k.weight[0][0][0].length, wide = k.weight[0][0][0].length;
    weight.forEach((grid, i) => grid.light("read", taps.filter((t) => Math.floor(t / area) === i).map((t) => [Math.floor((t % area) / wide), t % wide])));
  }
  /** @param {number} y */
  function unit(y) {
    const pixels = indices(answer.tap[y], (t) => t >= 0);
    light(pixels, [y], answer.matrix[y].map((_, x) => [y, x]), answer.tap[y].filter((t) => t >= 0));
    told.textContent = word("row_told", { y, terms: pixels.map((x) => `${short(answer.matrix[y][x])}·${short(answer.pixels[x])}`).join(" + "), value: short(answer.units[y], 6) });
  }
  /** @param {number} x */
  function pixel(x) {
    const found = indices(answer.tap.map((row) => row[x]), (t) => t >= 0);
    light([x], found, answer.matrix.map((_, y) => [y, x]), found.map((y) => answer.tap[y][x]));
    told.textContent = word("column_told", { x, count: found.length });
  }
  /** @param {Place} at */
  function entry([y, x]) {
    const number = answer.tap[y][x];
    if (number < 0) {
      unit(y);
      return;
    }
    tap(number);
    vector.light("same", [[x, 0]]);
    result.light("same", [[y, 0]]);
    matrix.light("same", [[y, x]]);
  }
  /** @param {number} number */
  function tap(number) {
    const entries = /** @type {Place[]} */ (answer.tap.flatMap((row, y) => row.flatMap((t, x) => (t === number ? [[y, x]] : []))));
    light(entries.map(([, x]) => x), entries.map(([y]) => y), entries, [number]);
    told.textContent = word("entry_told", { weight: number, count: entries.length });
  }
  /** @param {string} caption @param {...HTMLElement} grids */
  const figure = (caption, ...grids) => make("figure", {}, make("figcaption", {}, caption), grids);
  return make("section", { class: "play" }, told, make("div", { class: "stage" }, figure(word("one_input"), ...input.map((grid) => grid.element)), figure(word("kernel"), ...weight.map((grid) => grid.element)),
    make("span", { class: "sign" }, "→"), figure(word("output"), ...units.map((grid) => grid.element))),
  make("div", { class: "stage scroll", tabindex: 0 }, figure(word("matrix"), matrix.element), make("span", { class: "sign" }, "×"), figure(word("unrolled_input"), vector.element),
    make("span", { class: "sign" }, "="), figure(word("output"), result.element)));
}

/** @param {number[]} values @param {(value: number) => boolean} wanted */
function indices(values, wanted) {
  return values.flatMap((value, i) => (wanted(value) ? [i] : []));
}

/** @param {Page} page @param {Answer} answer @param {Kernel} k */
function unrolled(page, answer, k) {
  const { word } = page;
  if (!answer.unrolled) return [];
  const grid = numberGrid({ label: "im2col", values: answer.unrolled, tone: tones(answer.pixels) });
  return [make("h2", {}, "im2col"), make("p", { class: "soft" }, word(k.transposed ? "im2col_transposed" : "im2col_told", { rows: answer.unrolled.length, columns: answer.unrolled[0].length })),
    make("div", { class: "stage scroll", tabindex: 0 }, grid.element)];
}
