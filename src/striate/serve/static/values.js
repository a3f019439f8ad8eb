// @ts-check
/** Arrays from the server, colours for their values, and the legend that says what the colours mean. */

import { make, pixels, short } from "./make.js";

/**
 * The elements of an array that the server packed.
 * @param {Packed} packed @returns {Uint8Array | Float32Array}
 */
export function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  if (packed.kind === "f32") return new Float32Array(bytes.buffer);
  if (packed.kind === "u8") return bytes;
  const count = packed.shape.reduce((product, n) => product * n, 1);
  return Uint8Array.from({ length: count }, (_, k) => (bytes[k >> 3] >> (7 - (k & 7))) & 1);
}

const SIGNED = [[33, 84, 150], [122, 176, 216], [247, 247, 245], [236, 152, 106], [168, 40, 44]];
const RISING = [[16, 22, 38], [28, 76, 128], [52, 146, 150], [150, 206, 132], [253, 246, 190]];

/**
 * The colour of each step of a scale of 256.
 * @param {boolean} signed
 */
function ramp(signed) {
  const stops = signed ? SIGNED : RISING;
  return Array.from({ length: 256 }, (_, k) => {
    const at = (k / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2), part = at - low;
    return [...stops[low].map((value, c) => Math.round(value + (stops[low + 1][c] - value) * part)), 255];
  });
}

const RAMPS = { signed: ramp(true), rising: ramp(false) };

/**
 * Draws a plane of values on a canvas, one pixel a value.
 * @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} values @param {number[]} size rows and columns
 * @param {number[]} scale least and largest @param {boolean} signed
 */
export function paint(canvas, values, size, [least, most], signed) {
  const colours = signed ? RAMPS.signed : RAMPS.rising, span = most - least || 1;
  pixels(canvas, size, (k) => colours[Math.max(0, Math.min(255, Math.round(((values[k] - least) / span) * 255)))]);
}

/**
 * What the colours of a scale mean, in numbers.
 * @param {number[]} scale @param {boolean} signed @param {string} label
 */
export function legend([least, most], signed, label) {
  const colours = (signed ? SIGNED : RISING).map((colour) => `rgb(${colour})`).join(", ");
  return make("div", { class: "nv-legend", role: "img", "aria-label": `${label}: ${short(least)} – ${short(most)}` },
    make("span", {}, short(least)), make("i", { style: `background: linear-gradient(90deg, ${colours})` }),
    signed && make("span", {}, "0"), make("span", {}, short(most)));
}
