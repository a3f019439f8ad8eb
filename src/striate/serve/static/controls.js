// @ts-check
/** The arguments of a convolution as controls, each within what is valid while the others stay. */

import { make } from "./make.js";
import { filters, flipped, shaped } from "./kernels.js";

const MODES = ["zeros", "reflect", "replicate", "circular"];
const MOST = { side: 16, kernel: 7, channels: 4 };

/**
 * Controls for a kernel.
 * @param {Page} page @param {Kernel} k @param {Record<string, number[]>} bounds @param {Changed} changed
 */
export function controls(page, k, bounds, changed) {
  const { word } = page;
  /**
   * @param {string} name @param {number} value @param {number[]} range @param {(k: Kernel, value: number) => Kernel} become
   */
  const number = (name, value, [least, most], become) => {
    const input = /** @type {HTMLInputElement} */ (make("input", { type: "number", min: least, max: most, value, disabled: least === most, "aria-label": name,
      onchange: () => changed((k) => become(k, Math.round(Math.min(most, Math.max(least, Number(input.value) || least))))) }));
    return input;
  };
  /** @param {"stride" | "padding" | "dilation" | "output_padding"} name */
  const pair = (name) => labelled(word(`arg_${name}`), ...[0, 1].map((axis) =>
    number(`${word(`arg_${name}`)} ${word(axis ? "columns" : "rows")}`, k[name][axis], bounds[`${name}${axis}`] ?? [k[name][axis], k[name][axis]],
      (k, value) => ({ ...k, [name]: k[name].map((old, i) => (i === axis ? value : old)) }))));
  /** @param {string} text @param {...Node} inputs */
  const labelled = (text, ...inputs) => make("label", { class: "arg" }, make("span", {}, text), make("span", { class: "pair" }, inputs));
  /** @param {string} name @param {boolean} on @param {(k: Kernel) => Kernel} become */
  const check = (name, on, become) => make("label", { class: "check" },
    make("input", { type: "checkbox", checked: on, onchange: () => changed(become) }), word(name));
  const preset = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": word("presets"), onchange: () => changed(() => page.examples[preset.value]) },
    make("option", { value: "" }, word("presets")),
    Object.keys(page.examples).map((name) => make("option", { value: name }, word(`preset_${name}`)))));
  const mode = /** @type {HTMLSelectElement} */ (make("select", { disabled: k.transposed, "aria-label": word("arg_padding_mode"),
    onchange: () => changed((k) => ({ ...k, padding_mode: mode.value })) },
  MODES.map((name) => make("option", { value: name, selected: name === k.padding_mode }, name))));
  const divisors = [1, 2, 3, 4].filter((n) => k.x.length % n === 0 && filters(k) % n === 0);
  const groups = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": word("arg_groups"), disabled: divisors.length < 2,
    onchange: () => changed((k) => shaped(k, { groups: Number(groups.value) })) },
  divisors.map((n) => make("option", { value: n, selected: n === k.groups }, n))));
  return make("form", { class: "controls", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
    preset,
    labelled(word("arg_input"),
      number(`${word("arg_input")} ${word("rows")}`, k.x[0].length, [1, MOST.side], (k, height) => shaped(k, { height })),
      number(`${word("arg_input")} ${word("columns")}`, k.x[0][0].length, [1, MOST.side], (k, width) => shaped(k, { width }))),
    labelled(word("arg_kernel"),
      number(`${word("arg_kernel")} ${word("rows")}`, k.weight[0][0].length, [1, MOST.kernel], (k, tall) => shaped(k, { tall })),
      number(`${word("arg_kernel")} ${word("columns")}`, k.weight[0][0][0].length, [1, MOST.kernel], (k, wide) => shaped(k, { wide }))),
    labelled(word("arg_channels"),
      number(word("arg_in_channels"), k.x.length, [k.groups, MOST.channels], (k, channels) => shaped(k, { channels })),
      number(word("arg_out_channels"), filters(k), [k.groups, MOST.channels], (k, count) => shaped(k, { filters: count }))),
    pair("stride"), pair("padding"), pair("dilation"),
    k.transposed ? pair("output_padding") : labelled(word("arg_padding_mode"), mode),
    labelled(word("arg_groups"), groups),
    check("arg_bias", k.bias !== null, (k) => ({ ...k, bias: k.bias ? null : Array(filters(k)).fill(1) })),
    check("arg_transposed", k.transposed, (k) => shaped({ ...k, padding_mode: "zeros", output_padding: [0, 0] }, { transposed: !k.transposed })),
    make("button", { type: "button", title: word("flip_told"), onclick: () => changed(flipped) }, word("flip")),
    page.photo && make("button", { type: "button", title: word("patch_told"), onclick: () => changed((k) => patched(page, k)) }, word("patch")));
}

/** The kernel on a patch of the picture, from the middle of what is shown: red, green and blue, or grey for one channel.
 * @param {Page} page @param {Kernel} k @returns {Kernel}
 */
function patched(page, k) {
  const photo = /** @type {HTMLCanvasElement} */ (page.photo), height = k.x[0].length, width = k.x[0][0].length;
  const [top, left] = page.state.get().pixel ?? [photo.height >> 1, photo.width >> 1];
  const y = Math.max(0, Math.min(photo.height - height, top - (height >> 1)));
  const x = Math.max(0, Math.min(photo.width - width, left - (width >> 1)));
  const { data } = /** @type {CanvasRenderingContext2D} */ (photo.getContext("2d")).getImageData(x, y, width, height);
  const read = (/** @type {number} */ c) => Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (__, column) => data[4 * (row * width + column) + c]));
  return { ...k, x: k.x.map((_, c) => read(c % 3)) };
}
