// @ts-check
/**
 * What a unit of a map sees and what a pixel reaches, told by tables that the server sends once.
 *
 * A run is [units, start, stop, move]: unit i of it sees pixels [start + i*move, stop + i*move).
 */

const EMPTY = [0, 0];

/**
 * The pixels that one unit sees along an axis.
 * @param {Run[]} runs @param {number} unit @returns {Side}
 */
export function side(runs, unit) {
  let left = unit;
  for (const [units, start, stop, move] of runs) {
    if (left < units) return start < stop ? [start + left * move, stop + left * move] : EMPTY;
    left -= units;
  }
  return EMPTY;
}

/**
 * The sides of a map's units, without global paths where asked for; null where the server must be asked.
 * @param {Plane} plane @param {boolean} local @returns {Sides | null}
 */
export function sidesOf(plane, local) {
  return local && plane.reaching ? plane.local : plane.hulls;
}

/**
 * The smallest box of pixels, rows and columns, that holds all a unit sees; empty along both where along one.
 * @param {Sides} sides @param {Side} at @returns {Side[]}
 */
export function hull(sides, at) {
  const rows = side(sides.rows, at[0]);
  const columns = side(sides.columns, at[1]);
  return rows[0] < rows[1] && columns[0] < columns[1] ? [rows, columns] : [EMPTY, EMPTY];
}

/**
 * The first and the last of the units that see a pixel along an axis, and how many of those between do.
 * @param {Run[]} runs @param {number} pixel @returns {{box: Side, units: number}}
 */
export function seers(runs, pixel) {
  let first = 0, low = Infinity, high = -Infinity, units = 0;
  for (const [count, start, stop, move] of runs) {
    const [from, to] = within(count, start, stop, move, pixel);
    if (from < to) {
      low = Math.min(low, first + from);
      high = Math.max(high, first + to);
      units += to - from;
    }
    first += count;
  }
  return units ? { box: [low, high], units } : { box: EMPTY, units: 0 };
}

/**
 * The units of a run that see a pixel: i with start + i*move <= pixel < stop + i*move.
 * @param {number} count @param {number} start @param {number} stop @param {number} move @param {number} pixel
 * @returns {Side}
 */
function within(count, start, stop, move, pixel) {
  if (start >= stop) return EMPTY;
  if (move === 0) return start <= pixel && pixel < stop ? [0, count] : EMPTY;
  const [far, near] = move > 0 ? [pixel - stop, pixel - start] : [start - pixel, stop - pixel];
  const step = Math.abs(move);
  const from = move > 0 ? Math.floor(far / step) + 1 : Math.ceil(far / step);
  const to = move > 0 ? Math.floor(near / step) + 1 : Math.ceil(near / step);
  return [Math.max(from, 0), Math.min(to, count)];
}

/**
 * The box of units of a map whose fields' boxes hold a pixel.
 * @param {Sides} sides @param {Side} pixel @returns {Side[]}
 */
export function reached(sides, pixel) {
  const rows = seers(sides.rows, pixel[0]), columns = seers(sides.columns, pixel[1]);
  return rows.units && columns.units ? [rows.box, columns.box] : [EMPTY, EMPTY];
}

/**
 * What a unit would see of a picture without a border: null for everything, or where no rule tells.
 * @param {Axis} axis @param {number} unit @param {boolean} local @returns {Side | null}
 */
export function unclipped(axis, unit, local) {
  const span = local && axis.local ? axis.local : axis;
  if (span.status === "whole" || span.status === "irregular" || span.size === null || span.start === null) return null;
  const [over, under] = span.stride ?? [0, 1];
  const phases = span.phases ?? [[span.start, span.start + span.size]];
  const turn = Math.floor(unit / phases.length), [start, stop] = phases[unit % phases.length];
  const move = (turn * over * phases.length) / under;
  return [start + move, stop + move];
}

/**
 * The share of a box outside a picture of some size.
 * @param {Side[]} box @param {Side} size
 */
export function outside(box, size) {
  const whole = box.reduce((product, [start, stop]) => product * (stop - start), 1);
  const inside = box.reduce(
    (product, [start, stop], k) => product * Math.max(0, Math.min(stop, size[k]) - Math.max(start, 0)), 1);
  return whole ? 1 - inside / whole : 0;
}
