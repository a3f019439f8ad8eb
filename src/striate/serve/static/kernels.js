// @ts-check
/** The convolution that three views share: what the user set, kept in the address. */

/** @param {number} rows @param {number} columns @param {(y: number, x: number) => number} value */
function filled(rows, columns, value) {
  return Array.from({ length: rows }, (_, y) => Array.from({ length: columns }, (__, x) => value(y, x)));
}

/** @param {Page} page @returns {Kernel} */
export function kernelOf(page) {
  return { ...page.examples.seed, ...page.state.get().k };
}

/**
 * The kernel, its bounds and what is answered of it, or what is wrong; asked again where the user changed it meanwhile.
 * `ask` is given the convolution too.
 * @template T @param {Page} page @param {(k: Kernel, convolution: any) => Promise<T>} ask @param {(page: Page) => Kernel} [of]
 * @returns {Promise<{k: Kernel, bounds: Record<string, number[]>, answer: T | null, wrong: string}>}
 */
export async function answered(page, ask, of = kernelOf) {
  const k = of(page);
  let bounds = /** @type {Record<string, number[]>} */ ({}), answer = null, wrong = "";
  try {
    const convolution = await page.ask("convolve", k);
    ({ bounds } = convolution);
    answer = await ask(k, convolution);
  } catch (error) {
    wrong = /** @type {Error} */ (error).message;
  }
  return JSON.stringify(k) === JSON.stringify(of(page)) ? { k, bounds, answer, wrong } : answered(page, ask, of);
}

/** What makes an edit of the kernel and draws its view anew. @param {Page} page @param {() => void} draw
 * @param {(page: Page) => Kernel} [of] @returns {Changed}
 */
export function editing(page, draw, of = kernelOf) {
  return (edit) => {
    page.state.set({ k: edit(of(page)) });
    draw();
  };
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
