// @ts-check
/** Numbers in a grid: a table whose cells light up, can be pointed at, and can be edited. */

import { make, short } from "./make.js";

/**
 * @param {{label: string, values: number[][], first?: Place, editable?: boolean, tone?: (value: number) => string,
 *   point?: (at: Place | null) => void, edit?: (at: Place, value: number) => void, ring?: (at: Place) => boolean,
 *   digits?: number}} given `first` is the place of the first cell; a cell of the `ring` is border, never edited
 */
export function numberGrid({ label, values, first = [0, 0], editable = false, tone, point, edit, ring, digits = 3 }) {
  /** @type {Map<string, HTMLElement>} */
  const cells = new Map();
  const body = values.map((row, y) => make("tr", {}, row.map((value, x) => {
    const at = /** @type {Place} */ ([y + first[0], x + first[1]]);
    const border = Boolean(ring?.(at));
    const cell = make("td", { class: border ? "ring" : null, tabindex: editable && !border ? null : -1,
      onpointerenter: point && (() => point(at)), onfocusin: point && (() => point(at)) },
    editable && !border ? field(at, value) : short(value, digits));
    if (tone && !border) cell.style.setProperty("--tone", tone(value));
    cells.set(String(at), cell);
    return cell;
  })));
  const element = make("table", { class: `grid${editable ? " edited" : ""}`, "aria-label": label,
    onpointerleave: point && (() => point(null)), onkeydown: walk }, make("tbody", {}, body));

  /** @param {Place} at @param {number} value */
  function field(at, value) {
    const input = /** @type {HTMLInputElement} */ (make("input", { value: short(value, digits), inputmode: "decimal", "aria-label": `${label} ${at}`,
      onfocus: () => input.select(),
      onchange: () => {
        const number = Number(input.value);
        if (input.value.trim() !== "" && Number.isFinite(number)) edit?.(at, number);
        else input.value = short(value, digits);
      } }));
    return input;
  }
  /** @param {KeyboardEvent} event */
  function walk(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const here = /** @type {HTMLElement} */ (event.target).closest("td");
    if (!step || !here) return;
    const place = [...cells].find(([, cell]) => cell === here)?.[0].split(",").map(Number);
    const next = place && cells.get(`${place[0] + step[0]},${place[1] + step[1]}`);
    if (!next) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (next.querySelector("input") ?? next).focus();
  }
  return {
    element,
    /**
     * Lights some cells, and no others, in a way.
     * @param {string} way a class @param {Iterable<Place>} places
     */
    light(way, places) {
      const wanted = new Set([...places].map(String));
      for (const [key, cell] of cells) cell.classList.toggle(way, wanted.has(key));
    },
  };
}

/**
 * Shades of a value between the least and the largest of some; around zero where they have both signs.
 * @param {number[]} values @returns {(value: number) => string}
 */
export function tones(values) {
  const most = Math.max(...values.map(Math.abs)) || 1;
  return (value) => `color-mix(in srgb, var(${value < 0 ? "--below" : "--above"}) ${Math.round((Math.abs(value) / most) * 60)}%, transparent)`;
}
