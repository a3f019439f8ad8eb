// @ts-check
/** Small charts: a line over places, a ring of angles, a histogram; each with its axes in numbers. */

import { draw, short } from "./make.js";

/**
 * @typedef {{points: number[][], hue: string, dash?: boolean, dots?: boolean}} Line
 */

/**
 * Lines over numbers; `mark` is a place to point out, `pick` is told the x of what is clicked.
 * @param {{lines: Line[], x: string, y: string, label: string, mark?: number | null, height?: number,
 *   pick?: (x: number) => void}} given
 */
export function lineChart({ lines, x, y, label, mark = null, height = 150, pick }) {
  const width = 340, left = 40, bottom = 26, top = 10, right = 8;
  const points = lines.flatMap((line) => line.points);
  const [x0, x1] = range(points.map((point) => point[0])), [y0, y1] = range([0, ...points.map((point) => point[1])]);
  const across = (/** @type {number} */ value) => left + ((value - x0) / (x1 - x0 || 1)) * (width - left - right);
  const down = (/** @type {number} */ value) => height - bottom - ((value - y0) / (y1 - y0 || 1)) * (height - bottom - top);
  const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "nv-chart", role: "img", "aria-label": label });
  for (const value of [y0, (y0 + y1) / 2, y1]) {
    chart.append(draw("line", { x1: left, x2: width - right, y1: down(value), y2: down(value), class: "nv-grid" }),
      draw("text", { x: left - 5, y: down(value) + 4, "text-anchor": "end" }, short(value, 3)));
  }
  chart.append(draw("text", { x: left, y: height - 8 }, short(x0, 3)),
    draw("text", { x: width - right, y: height - 8, "text-anchor": "end" }, short(x1, 3)),
    draw("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle", class: "nv-soft" }, `${x} · ${y}`));
  if (mark !== null) {
    chart.append(draw("line", { x1: across(mark), x2: across(mark), y1: top, y2: height - bottom, class: "nv-mark" }));
  }
  for (const { points: own, hue, dash, dots } of lines) {
    chart.append(draw("polyline", { points: own.map(([a, b]) => `${across(a)},${down(b)}`).join(" "), fill: "none",
      stroke: hue, "stroke-width": 1.8, "stroke-dasharray": dash ? "4 3" : null, "stroke-linejoin": "round" }));
    if (dots) chart.append(...own.map(([a, b]) => draw("circle", { cx: across(a), cy: down(b), r: 3, fill: hue })));
  }
  if (pick) {
    chart.classList.add("nv-live");
    chart.addEventListener("click", (event) => {
      const box = chart.getBoundingClientRect();
      const at = ((/** @type {MouseEvent} */ (event).clientX - box.left) / box.width) * width;
      pick(x0 + ((at - left) / (width - left - right)) * (x1 - x0));
    });
  }
  return chart;
}

/**
 * A curve over angles of a bar, in [0, 180), drawn all the way round: a bar is the same half a turn on.
 * @param {{curve: ArrayLike<number>, angles: number[], preferred: number | null, label: string, hue: string}} given
 */
export function ring({ curve, angles, preferred, label, hue }) {
  const size = 150, middle = size / 2, far = middle - 18, most = Math.max(...Array.from(curve), 1e-12);
  const chart = draw("svg", { viewBox: `0 0 ${size} ${size}`, class: "nv-ring", role: "img", "aria-label": label });
  const at = (/** @type {number} */ angle, /** @type {number} */ part) => {
    const turn = (angle * Math.PI) / 180;
    return [middle + Math.cos(turn) * far * part, middle - Math.sin(turn) * far * part];
  };
  for (const part of [0.5, 1]) {
    chart.append(draw("circle", { cx: middle, cy: middle, r: far * part, class: "nv-grid", fill: "none" }));
  }
  for (const angle of [0, 45, 90, 135]) {
    const [x, y] = at(angle, 1.17);
    chart.append(draw("text", { x, y: y + 4, "text-anchor": "middle" }, `${angle}°`));
  }
  const turns = [...angles, ...angles.map((angle) => angle + 180)];
  const points = turns.map((angle, k) => at(angle, curve[k % angles.length] / most).join(","));
  chart.append(draw("polygon", { points: points.join(" "), fill: hue, "fill-opacity": 0.22, stroke: hue,
    "stroke-width": 1.8, "stroke-linejoin": "round" }));
  if (preferred !== null) {
    const [[x1, y1], [x2, y2]] = [at(preferred, 1), at(preferred + 180, 1)];
    chart.append(draw("line", { x1, y1, x2, y2, stroke: hue, "stroke-width": 2.5, "stroke-dasharray": "2 3" }));
  }
  return chart;
}

/**
 * Counts in equal bins, the control's beside them as outlines; `mark` is the value of one unit.
 * @param {{range: number[], counts: number[], control: number[] | null, mark: number | null, label: string, x: string,
 *   hue: string}} given
 */
export function histogram({ range: [from, to], counts, control, mark, label, x, hue }) {
  const width = 250, height = 104, left = 24, bottom = 24, top = 8;
  const most = Math.max(1, ...counts, ...(control ?? []));
  const wide = (width - left - 4) / counts.length, tall = (/** @type {number} */ n) => ((height - bottom - top) * n) / most;
  const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "nv-chart", role: "img", "aria-label": label });
  counts.forEach((count, k) => {
    const place = left + k * wide, base = height - bottom;
    chart.append(draw("rect", { x: place + 1, y: base - tall(count), width: wide - 2, height: tall(count), fill: hue }));
    if (control) {
      chart.append(draw("rect", { x: place + 1, y: base - tall(control[k]), width: wide - 2, height: tall(control[k]),
        class: "nv-control" }));
    }
  });
  if (mark !== null && !Number.isNaN(mark)) {
    const at = left + (Math.min(Math.max(mark, from), to) / (to - from)) * (width - left - 4);
    chart.append(draw("line", { x1: at, x2: at, y1: 2, y2: height - bottom, class: "nv-mark" }));
  }
  chart.append(draw("text", { x: left - 4, y: top + 8, "text-anchor": "end" }, most),
    draw("text", { x: left, y: height - 8 }, short(from)),
    draw("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle", class: "nv-soft" }, x),
    draw("text", { x: width - 4, y: height - 8, "text-anchor": "end" }, short(to)));
  return chart;
}

/**
 * @param {number[]} values @returns {number[]}
 */
function range(values) {
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
}
