// @ts-check
/** The picture on the desk as a canvas. */

import { make } from "./make.js";
import { unpacked } from "./values.js";

/**
 * @param {Packed | null} packed (height, width, 3) bytes
 * @returns {HTMLCanvasElement | null}
 */
export function photoCanvas(packed) {
  if (!packed) return null;
  const [height, width] = packed.shape, colours = unpacked(packed);
  const canvas = /** @type {HTMLCanvasElement} */ (make("canvas", { width, height }));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  for (let k = 0; k < width * height; k++) {
    image.data.set([colours[3 * k], colours[3 * k + 1], colours[3 * k + 2], 255], 4 * k);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
