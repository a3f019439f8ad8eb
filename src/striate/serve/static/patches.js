// @ts-check
/** The strongest patches of a channel: what its strongest units saw, each cut to the unit's field. */

import { percent } from "./fields.js";
import { canvas, make, short } from "./make.js";

/**
 * @typedef {{at: number[], value: number, hull: number[][], inside: number | null}} Strong
 */

/**
 * A patch for each unit; `pick` is told the unit that is chosen.
 * @param {Page} page @param {Strong[]} units @param {(at: number[]) => void} pick
 */
export function patches(page, units, pick) {
  return make("div", { class: "nv-patches" }, units.map((unit) => {
    const image = canvas();
    cut(image, /** @type {HTMLCanvasElement} */ (page.photo), unit.hull);
    const inside = unit.inside === null ? "" : page.word("nv_inside", { share: percent(unit.inside) });
    const label = `(${unit.at.join(", ")}) ${short(unit.value)} ${inside}`;
    return make("button", { type: "button", class: "nv-patch", title: label, onclick: () => pick(unit.at) },
      image, make("b", {}, short(unit.value)), make("small", {}, `(${unit.at.join(", ")})`),
      unit.inside !== null && unit.inside < 1 ? make("small", {}, inside) : null);
  }));
}

/**
 * Draws a box of the picture, stripes where it lies outside.
 * @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} photo @param {number[][]} box
 */
function cut(canvas, photo, [[top, bottom], [left, right]]) {
  const scale = Math.max(1, Math.ceil(96 / Math.max(bottom - top, right - left, 1)));
  canvas.width = Math.max(1, (right - left) * scale);
  canvas.height = Math.max(1, (bottom - top) * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#dfe3ea";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = "#b6bdca";
  context.lineWidth = 3;
  for (let x = -canvas.height; x < canvas.width; x += 10) {
    context.beginPath();
    context.moveTo(x, canvas.height);
    context.lineTo(x + canvas.height, 0);
    context.stroke();
  }
  context.drawImage(photo, -left * scale, -top * scale, photo.width * scale, photo.height * scale);
}
