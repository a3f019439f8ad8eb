// @ts-check
/** The picture with fields drawn on it, and a map of a layer beside it; both say which place is pointed at. */

import { draw, make, pixels } from "./make.js";
import { unpacked } from "./values.js";

/**
 * Something drawn in pixels with marks above it. Pointing at a place calls `point` (null when it ends), a click or
 * Enter `pick`; arrow keys move from place to place.
 * @param {{label: string, size: Side, canvas: HTMLCanvasElement, point: (at: Side | null) => void,
 *   pick: (at: Side) => void, start: () => Side}} given
 */
export function board({ label, size, canvas, point, pick, start }) {
  let [rows, columns] = size;
  const holes = make("canvas", { class: "nv-over", hidden: true });
  const heat = make("canvas", { class: "nv-over", hidden: true });
  const marks = draw("svg", { class: "nv-over", "aria-hidden": "true" });
  const element = make("div", { class: "nv-board", tabindex: 0, role: "application", "aria-label": label,
    onpointermove: (/** @type {PointerEvent} */ event) => point(under(event)),
    onpointerleave: () => point(null),
    onclick: (/** @type {PointerEvent} */ event) => pick(under(event)),
    onkeydown: keys }, canvas, holes, heat, marks);
  /** @type {Side | null} */
  let held = null;
  resize(size);

  /** @param {Side} next */
  function resize(next) {
    [rows, columns] = next;
    element.style.aspectRatio = `${columns} / ${rows}`;
    element.style.setProperty("--ratio", String(columns / rows));
    marks.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    held = null;
  }
  /** @param {PointerEvent} event @returns {Side} */
  function under(event) {
    const box = canvas.getBoundingClientRect();
    const part = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    held = inside([Math.floor(part[0] * rows), Math.floor(part[1] * columns)]);
    return held;
  }
  /** @param {Side} at @returns {Side} */
  function inside(at) {
    return [Math.max(0, Math.min(rows - 1, at[0])), Math.max(0, Math.min(columns - 1, at[1]))];
  }
  /** @param {KeyboardEvent} event */
  function keys(event) {
    const steps = /** @type {Record<string, Side>} */ ({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] });
    const step = steps[event.key], far = event.shiftKey ? 8 : 1, from = held ?? start();
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    if (!step) return pick(from);
    held = inside([from[0] + step[0] * far, from[1] + step[1] * far]);
    point(held);
  }
  return {
    element, resize,
    /**
     * Boxes and crosses above what is drawn; what the first mark with a cover does not read is darkened.
     * @param {Mark[]} list @param {Side | null} cross
     */
    mark(list, cross = null) {
      marks.replaceChildren(...list.flatMap((mark) => outlines(mark, rows, columns)), ...(cross ? [crossed(cross)] : []));
      const covered = list.find((mark) => mark.cover);
      shade(/** @type {HTMLCanvasElement} */ (holes), covered ? covered.cover : null, covered?.box, (value) => value ? 0 : 150, [8, 12, 22]);
      place(holes, covered?.box, rows, columns);
    },
    /**
     * How much each pixel of a box weighs, or nothing.
     * @param {any} packed @param {Side[]} [box]
     */
    warm(packed, box) {
      shade(/** @type {HTMLCanvasElement} */ (heat), packed, box, (value) => value * 0.85, [255, 122, 24]);
      place(heat, packed ? box : undefined, rows, columns);
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas @param {any} packed @param {Side[] | undefined} box
 * @param {(value: number) => number} alpha @param {number[]} colour
 */
function shade(canvas, packed, box, alpha, colour) {
  canvas.hidden = !packed;
  if (!packed || !box) return;
  const values = unpacked(packed);
  pixels(canvas, packed.shape, (k) => [...colour, alpha(values[k])]);
}

/**
 * @param {HTMLElement} canvas @param {Side[] | undefined} box @param {number} rows @param {number} columns
 */
function place(canvas, box, rows, columns) {
  if (!box) return;
  const [[top, bottom], [left, right]] = box;
  Object.assign(canvas.style, { left: `${(left / columns) * 100}%`, top: `${(top / rows) * 100}%`,
    width: `${((right - left) / columns) * 100}%`, height: `${((bottom - top) / rows) * 100}%` });
}

/**
 * @param {Mark} mark @param {number} rows @param {number} columns
 */
function outlines({ box, free, hue, dash }, rows, columns) {
  const [[top, bottom], [left, right]] = box;
  if (top >= bottom) return [];
  const found = [draw("rect", { x: left, y: top, width: right - left, height: bottom - top, fill: "none", stroke: "#fff",
    "stroke-opacity": 0.85, class: "nv-halo" }), draw("rect", { x: left, y: top, width: right - left, height: bottom - top,
    fill: hue, "fill-opacity": dash ? 0 : 0.16, stroke: hue, class: "nv-line", "stroke-dasharray": dash ? "5 3" : null })];
  const [down, across] = free ?? [];
  if (down && across && (down[0] < 0 || across[0] < 0 || down[1] > rows || across[1] > columns)) {
    found.push(draw("rect", { x: across[0], y: down[0], width: across[1] - across[0], height: down[1] - down[0],
      fill: "none", stroke: hue, class: "nv-line", "stroke-dasharray": "2 3" }));
  }
  return found;
}

/**
 * @param {Side} cross
 */
function crossed([row, column]) {
  return draw("rect", { x: column, y: row, width: 1, height: 1, fill: "#e11d8f", stroke: "#e11d8f", class: "nv-line" });
}
