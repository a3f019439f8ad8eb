// @ts-check
/** View Convolve: a kernel slides over an input; every product, every sum, and what each number depends on. */

import { codePanel } from "./code.js";
import { controls } from "./controls.js";
import { sizeFormula } from "./formula.js";
import { numberGrid, tones } from "./grid.js";
import { answered, editing, filters } from "./kernels.js";
import { make, replace, short } from "./make.js";
import { sizesPanel } from "./sizes.js";

/**
 * @typedef {(number | null)[][]} Taps
 * @typedef {{output: number[][][], channel: number, channels: number[], rows: Taps, columns: Taps, row_pixels: Taps,
 *   column_pixels: Taps, products: number[][][][][], sums: number[][][], bias: number, formulas: string[][],
 *   bounds: Record<string, number[]>, code: Record<string, string[]>}} Answer
 */

/** Places a second. */
const SPEEDS = [0.5, 1, 2, 4, 8, 16];

/** @param {HTMLElement} root @param {Page} page */
export async function convolveView(root, page) {
  const { k, bounds, answer, wrong } = await answered(page, async (k, convolution) => ({ ...convolution, panel: !k.transposed && await sizesPanel(page, k) }));
  const changed = editing(page, () => convolveView(root, page));
  replace(root, make("h1", {}, page.word("convolve_title")), make("p", { class: "lead" }, page.word("convolve_lead")), controls(page, k, bounds, changed),
    ...(answer ? [stage(page, k, answer, changed), ...formulas(page, k, answer), answer.panel, codePanel(page, answer.code)] :
      [make("p", { class: "wrong", role: "alert" }, wrong), editable(page, k, changed)]));
}

/**
 * What can still be changed where the arguments do not fit.
 * @param {Page} page @param {Kernel} k @param {Changed} changed
 */
function editable(page, k, changed) {
  return make("div", { class: "stage" }, inputs(page, k, null, changed).element, weights(page, k, [...k.x.keys()].slice(0, k.weight[0].length), changed).element);
}

/**
 * The input, channel by channel, with its border.
 * @param {Page} page @param {Kernel} k @param {Answer | null} answer @param {Changed} changed
 * @param {(c: number, at: Place | null) => void} [point]
 */
function inputs(page, k, answer, changed, point) {
  const border = !answer || k.transposed ? [0, 0] : k.padding, height = k.x[0].length, width = k.x[0][0].length;
  const pixels = [places(answer?.rows, answer?.row_pixels), places(answer?.columns, answer?.column_pixels)];
  const tone = tones(k.x.flat(2));
  const grids = k.x.map((plane, c) => numberGrid({
    label: k.x.length > 1 ? page.word("input_channel", { c }) : page.word("one_input"), editable: true, tone,
    first: [-border[0], -border[1]],
    ring: ([y, x]) => y < 0 || x < 0 || y >= height || x >= width,
    values: Array.from({ length: height + 2 * border[0] }, (_, i) => Array.from({ length: width + 2 * border[1] }, (__, j) => {
      const [y, x] = [i - border[0], j - border[1]];
      return plane[y]?.[x] ?? plane[pixels[0].get(y) ?? -1]?.[pixels[1].get(x) ?? -1] ?? 0;
    })),
    point: point && ((at) => point(c, at)),
    edit: ([y, x], value) => changed((k) => ({ ...k, x: k.x.map((old, i) => (i === c ? replaced(old, y, x, value) : old)) })),
  }));
  const element = make("section", { class: "block" }, grids.map((grid, c) =>
    make("figure", {}, make("figcaption", {}, k.x.length > 1 ? page.word("input_channel", { c }) : page.word("one_input")), grid.element)));
  return { element, grids };
}

/** Which pixel stands at each place of the padded axis. @param {Taps} [rows] @param {Taps} [pixels] */
function places(rows = [], pixels = []) {
  /** @type {Map<number, number>} */
  const found = new Map();
  rows.forEach((taps, i) => taps.forEach((place, t) => {
    const pixel = pixels[i][t];
    if (place !== null && pixel !== null) found.set(place, pixel);
  }));
  return found;
}

/**
 * The kernel of the shown output channel, one slice for each input channel that it reads.
 * @param {Page} page @param {Kernel} k @param {number[]} channels @param {Changed} changed
 * @param {(at: Place | null) => void} [point]
 */
function weights(page, k, channels, changed, point) {
  const per = filters(k) / k.groups, tone = tones(k.weight.flat(3));
  const slots = channels.map((c, i) => (k.transposed ? [c, k.channel % per] : [k.channel, i]));
  const grids = slots.map(([a, b], i) => numberGrid({ label: page.word("slice", { c: channels[i] }), values: k.weight[a][b], editable: true, tone, point,
    edit: ([y, x], value) => changed((k) => ({ ...k, weight: k.weight.map((row, p) => (p === a ? row.map((plane, q) => (q === b ? replaced(plane, y, x, value) : plane)) : row)) })) }));
  const caption = (/** @type {number} */ i) => (channels.length > 1 ? page.word("slice", { c: channels[i] }) : page.word("kernel"));
  return { element: make("section", { class: "block" }, grids.map((grid, i) => make("figure", {}, make("figcaption", {}, caption(i)), grid.element))), grids };
}

/** @param {number[][]} plane @param {number} y @param {number} x @param {number} value */
function replaced(plane, y, x, value) {
  return plane.map((row, i) => (i === y ? row.map((old, j) => (j === x ? value : old)) : row));
}

/**
 * Input, kernel, products and output, lit by what is pointed at, or by the place that plays.
 * @param {Page} page @param {Kernel} k @param {Answer} answer @param {Changed} changed
 */
function stage(page, k, answer, changed) {
  const { word } = page, out = answer.output[answer.channel], height = out.length, width = out[0].length;
  let at = /** @type {Place} */ (page.state.get().place ?? [0, 0]);
  at = [Math.min(at[0], height - 1), Math.min(at[1], width - 1)];
  const shown = inputs(page, k, answer, changed, (c, place) => (place ? fromPixel(c, place) : light()));
  const kernel = weights(page, k, answer.channels, changed, (tap) => (tap ? fromTap(tap) : light()));
  const products = make("section", { class: "block products" });
  const output = numberGrid({ label: word("output"), values: out, tone: tones(answer.output.flat(2)), digits: 4, point: (place) => { if (place) go(place); } });
  const sum = make("p", { class: "sum" });
  const scrub = /** @type {HTMLInputElement} */ (make("input", { type: "range", min: 0, max: height * width - 1, "aria-label": word("place"),
    oninput: () => go(placed(Number(scrub.value))) }));
  const { element: player } = play(page, () => go(placed((at[0] * width + at[1] + 1) % (height * width))));
  const channel = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": word("output_channel"), onchange: () => changed((k) => ({ ...k, channel: Number(channel.value) })) },
    answer.output.map((_, c) => make("option", { value: c, selected: c === answer.channel }, word("channel_of", { c })))));

  /** @param {number} index @returns {Place} */
  function placed(index) {
    return [Math.floor(index / width), index % width];
  }
  /** @param {Place} next */
  function go(next) {
    at = next;
    page.state.set({ place: at });
    light();
  }
  function light() {
    const [y, x] = at, rows = answer.rows[y], columns = answer.columns[x];
    const read = cross(rows, columns);
    shown.grids.forEach((grid, c) => grid.light("read", answer.channels.includes(c) ? read : []));
    for (const grid of [...shown.grids, ...kernel.grids, output]) grid.light("same", []);
    const used = k.transposed ? cross(taken(rows), taken(columns)) : [];
    kernel.grids.forEach((grid) => grid.light("read", used));
    output.light("here", [at]);
    products.replaceChildren(...answer.channels.map((c, i) => figure(c, i, y, x)));
    const sums = answer.sums[y][x].map((value) => short(value, 6));
    sum.replaceChildren(make("b", {}, `y[${answer.channel}, ${y}, ${x}]`), ` = ${sums.join(" + ")}${k.bias ? ` + ${short(answer.bias, 6)}` : ""} = `, make("b", {}, short(out[y][x], 6)));
    scrub.value = String(y * width + x);
    page.say(word("place_told", { y, x, value: short(out[y][x], 6) }));
  }
  /** The taps that read something. @param {(number | null)[]} taps */
  function taken(taps) {
    return taps.map((place, t) => (place === null ? null : t));
  }
  /** @param {number} c @param {number} i @param {number} y @param {number} x */
  function figure(c, i, y, x) {
    const values = answer.products[y][x][i];
    return make("figure", {}, make("figcaption", {}, answer.channels.length > 1 ? word("products_channel", { c, sum: short(answer.sums[y][x][i], 6) }) : word("products", { sum: short(answer.sums[y][x][i], 6) })),
      numberGrid({ label: word("products_of", { c }), values, tone: tones(answer.products.flat(4)) }).element);
  }
  /** What depends on a pixel, also where a border repeats it, and on what it is multiplied by; of the border, a place.
   * @param {number} c @param {Place} pixel
   */
  function fromPixel(c, [y, x]) {
    const inside = k.x[c][y]?.[x] !== undefined, read = answer.channels.includes(c);
    const rows = readers(inside ? answer.row_pixels : answer.rows, y), columns = readers(inside ? answer.column_pixels : answer.columns, x);
    output.light("same", read ? cross(rows.units, columns.units) : []);
    kernel.grids.forEach((grid, i) => grid.light("same", answer.channels[i] === c ? cross(rows.taps, columns.taps) : []));
    shown.grids.forEach((grid, i) => grid.light("same", i === c ? [[y, x]] : []));
    page.say(word("pixel_told", { y, x, count: read ? rows.units.length * columns.units.length : 0 }));
  }
  /** What a weight is multiplied by, over all places. @param {Place} tap */
  function fromTap([a, b]) {
    const places = cross(answer.rows.map((taps) => taps[a]), answer.columns.map((taps) => taps[b]));
    shown.grids.forEach((grid, c) => grid.light("same", answer.channels.includes(c) ? places : []));
    kernel.grids.forEach((grid) => grid.light("same", [[a, b]]));
    output.light("same", cross(answer.rows.map((taps, i) => (taps[a] === null ? null : i)), answer.columns.map((taps, i) => (taps[b] === null ? null : i))));
    page.say(word("tap_told", { y: a, x: b, count: places.length }));
  }
  light();
  return make("section", { class: "play" },
    make("div", { class: "player" }, player, scrub, answer.output.length > 1 && channel),
    make("div", { class: "stage" }, shown.element, make("span", { class: "sign" }, "∗"), kernel.element, make("span", { class: "sign" }, "→"), products, make("span", { class: "sign" }, "="),
      make("section", { class: "block" }, make("figure", {}, make("figcaption", {}, word("output_of", { c: answer.channel })), output.element))),
    sum, k.bias && biases(page, k, changed),
    make("p", { class: "soft" }, word("correlation_told")));
}

/** @param {Page} page @param {Kernel} k @param {Changed} changed */
function biases(page, k, changed) {
  const bias = /** @type {number[]} */ (k.bias);
  return make("div", { class: "biases" }, page.word("arg_bias"), numberGrid({ label: page.word("arg_bias"), values: [bias], editable: true,
    edit: ([, c], value) => changed((k) => ({ ...k, bias: k.bias && k.bias.map((old, i) => (i === c ? value : old)) })) }).element);
}

/** All places of some rows and some columns. @param {(number | null)[]} rows @param {(number | null)[]} columns */
function cross(rows, columns) {
  return /** @type {Place[]} */ (rows.flatMap((y) => columns.map((x) => [y, x])).filter(([y, x]) => y !== null && x !== null));
}

/** The units that read a place along an axis, and the taps by which they do. @param {Taps} axis @param {number} place */
function readers(axis, place) {
  const units = axis.flatMap((read, unit) => (read.includes(place) ? [unit] : []));
  const taps = new Set(axis.flatMap((read) => read.flatMap((at, tap) => (at === place ? [tap] : []))));
  return { units, taps: [...taps] };
}

/** Play, pause, step and speed. @param {Page} page @param {() => void} step */
function play(page, step) {
  const { word } = page;
  let timer = 0, speed = 2;
  const button = make("button", { type: "button", class: "main", onclick: toggle }, word("play"));
  function toggle() {
    if (timer) stop();
    else start();
  }
  function start() {
    timer = window.setInterval(() => (button.isConnected ? step() : stop()), 1000 / SPEEDS[speed]);
    button.textContent = word("pause");
  }
  function stop() {
    window.clearInterval(timer);
    timer = 0;
    button.textContent = word("play");
  }
  const pace = /** @type {HTMLInputElement} */ (make("input", { type: "range", min: 0, max: SPEEDS.length - 1, value: speed, "aria-label": word("speed"),
    oninput: () => {
      speed = Number(pace.value);
      if (timer) { stop(); start(); }
    } }));
  return { element: make("span", { class: "buttons" }, button, make("button", { type: "button", onclick: () => { stop(); step(); } }, word("step")),
    make("label", { class: "speed" }, word("speed"), pace)) };
}

/** @param {Page} page @param {Kernel} k @param {Answer} answer */
function formulas(page, k, answer) {
  const alike = answer.formulas[0].join() === answer.formulas[1].join();
  return [make("h2", {}, page.word("size_heading")), ...answer.formulas.slice(0, alike ? 1 : 2).map((numbers, axis) =>
    make("p", { class: "formula", tabindex: 0 }, make("span", {}, page.word(alike ? "both_axes" : axis ? "columns" : "rows")), sizeFormula(numbers, k.transposed)))];
}
