// @ts-check
/** The convolution that three views share: what the user set, kept in the address, and the examples to begin with. */

/**
 * @typedef {{x: number[][][], weight: number[][][][], bias: number[] | null, stride: number[], padding: number[],
 *   dilation: number[], groups: number, padding_mode: string, transposed: boolean, output_padding: number[],
 *   channel: number}} Kernel
 * @typedef {import("./network.js").Page} Page
 */

/** @param {number} rows @param {number} columns @param {(y: number, x: number) => number} value */
export function filled(rows, columns, value) {
  return Array.from({ length: rows }, (_, y) => Array.from({ length: columns }, (__, x) => value(y, x)));
}

/** @param {Partial<Kernel>} given @returns {Kernel} */
function kernel(given) {
  return { x: [counting(4, 4)], weight: [[COUNTED]], bias: null, stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1,
    padding_mode: "zeros", transposed: false, output_padding: [0, 0], channel: 0, ...given };
}

/** @param {number} rows @param {number} columns */
function counting(rows, columns) {
  return filled(rows, columns, (y, x) => y * columns + x + 1);
}

/** A step from dark to light, with a bright spot, in which edges show. */
const STEP = filled(7, 7, (y, x) => (x > 3 ? 9 : 1) + (y === 1 && x === 1 ? 6 : 0));
const COUNTED = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
const MEAN = filled(3, 3, () => 0.125);
MEAN[1][1] = 0;

/** @type {Record<string, Kernel>} */
export const PRESETS = {
  seed: kernel({}),
  formula: kernel({ x: [counting(6, 6)], weight: [[filled(3, 3, () => 1)]] }),
  overrun: kernel({ stride: [2, 2] }),
  corner: kernel({ x: [filled(4, 4, (y, x) => (y && x ? y + x : 0))], bias: [0.9862], padding: [1, 1], stride: [2, 2] }),
  rgb: kernel({ x: [counting(5, 5), filled(5, 5, (y, x) => (x === y ? 9 : 0)), filled(5, 5, (y) => 4 - y)],
    weight: [[filled(3, 3, () => 1), filled(3, 3, (y, x) => (x === y ? 1 : 0)), filled(3, 3, (y) => y - 1)],
      [filled(3, 3, (y, x) => x - 1), filled(3, 3, () => 0), filled(3, 3, () => 1)]], bias: [1, -2] }),
  identity: kernel({ x: [STEP], weight: [[filled(3, 3, (y, x) => (y === 1 && x === 1 ? 1 : 0))]], padding: [1, 1] }),
  upright: kernel({ x: [STEP], weight: [[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]] }),
  lying: kernel({ x: [STEP], weight: [[[[-1, -2, -1], [0, 0, 0], [1, 2, 1]]]] }),
  slanted: kernel({ x: [STEP], weight: [[[[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]]] }),
  sharpen: kernel({ x: [STEP], weight: [[[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]]] }),
  blur: kernel({ x: [STEP], weight: [[MEAN]] }),
  same: kernel({ x: [counting(5, 5)], stride: [2, 2], padding: [1, 1] }),
  dilated: kernel({ x: [counting(7, 7)], dilation: [2, 2] }),
  reflected: kernel({ padding: [1, 1], padding_mode: "reflect" }),
  depthwise: kernel({ x: [counting(4, 4), filled(4, 4, (y, x) => y - x)], weight: [[COUNTED], [filled(3, 3, () => 1)]], groups: 2 }),
  transposed: kernel({ x: [[[1, 2], [3, 4]]], stride: [2, 2], transposed: true }),
};

/** @param {Page} page @returns {Kernel} */
export function kernelOf(page) {
  return { ...PRESETS.seed, ...page.state.get().k };
}

/** How many output channels a kernel has. @param {Kernel} k */
export function filters(k) {
  return k.transposed ? k.weight[0].length * k.groups : k.weight.length;
}

/** @param {number} rows @param {number} columns @param {number[][]} old */
function resized(rows, columns, old) {
  return filled(rows, columns, (y, x) => old[y]?.[x] ?? 0);
}

/**
 * The same with another size of the input, of the kernel, or other numbers of channels; new numbers are zero, new
 * channels copies of the last.
 * @param {Kernel} k @param {{height?: number, width?: number, channels?: number, filters?: number, tall?: number,
 *   wide?: number, groups?: number, transposed?: boolean}} to @returns {Kernel}
 */
export function shaped(k, to) {
  const transposed = to.transposed ?? k.transposed, groups = to.groups ?? k.groups;
  const height = to.height ?? k.x[0].length, width = to.width ?? k.x[0][0].length;
  const channels = roundUp(to.channels ?? k.x.length, groups), count = roundUp(to.filters ?? filters(k), groups);
  const tall = to.tall ?? k.weight[0][0].length, wide = to.wide ?? k.weight[0][0][0].length;
  const [outer, inner] = transposed ? [channels, count / groups] : [count, channels / groups];
  const x = Array.from({ length: channels }, (_, c) => resized(height, width, k.x[Math.min(c, k.x.length - 1)]));
  const weight = Array.from({ length: outer }, (_, a) => Array.from({ length: inner }, (__, b) => {
    const row = k.weight[Math.min(a, k.weight.length - 1)];
    return resized(tall, wide, row[Math.min(b, row.length - 1)]);
  }));
  const bias = k.bias && Array.from({ length: count }, (_, c) => k.bias?.[c] ?? 0);
  return { ...k, x, weight, bias, groups, transposed, channel: Math.min(k.channel, count - 1) };
}

/** @param {number} count @param {number} groups */
function roundUp(count, groups) {
  return Math.ceil(count / groups) * groups;
}

/** The kernel turned by half a turn: what mathematics calls convolution. @param {Kernel} k @returns {Kernel} */
export function flipped(k) {
  return { ...k, weight: k.weight.map((row) => row.map((plane) => plane.map((line) => [...line].reverse()).reverse())) };
}
