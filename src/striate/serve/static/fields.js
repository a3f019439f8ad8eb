// @ts-check
/** View Fields: which pixels a unit sees, which units a pixel changes, and how that grows with depth. */

import { hull, outside, reached, sidesOf, unclipped } from "./fieldtables.js";
import { lineChart } from "./charts.js";
import { copyButton, featureMap, viewed } from "./seen.js";
import { choice, draw, list, make, put, short, table } from "./make.js";
import { networkPanel, tail } from "./network.js";
import { board } from "./picture.js";

const FIELD = "#d97706", LOCKED = "#0284c7", BRANCHES = ["#15803d", "#be185d", "#7e22ce", "#a16207"];

/**
 * Fills an element with the view.
 * @param {HTMLElement} root @param {Page} page
 */
export async function fieldsView(root, page) {
  const found = await viewed(root, page, "fields"), { word } = page;
  if (!found) return;
  const { net, photo, held, head: title } = found;
  let local = Boolean(page.state.get().local), warm = Boolean(page.state.get().warm);
  const readout = make("div", { class: "nv-read" }), chain = make("div", { class: "nv-chain" });
  const more = make("div", { class: "nv-more" }), chart = make("div", {});
  const panel = networkPanel(page, net, (layer) => { held.choose(layer); settle(); });
  const picture = board({ label: word("nv_picture_label"), size: net.picture, canvas: photo,
    point: (pixel) => pixel ? hoverPixel(pixel) : rest(), pick: (pixel) => { pinned = null; pinPixel(pixel); },
    start: () => (list(net.picture).map((n) => n >> 1)) });
  const map = featureMap(page, net, held, { point: (at) => at ? hoverUnit(at) : rest(), pick: (at) => { held.at = at; settle(); } });
  const scope = choice(word("nv_paths"), [["all", word("nv_all_paths")], ["local", word("nv_local_paths")]],
    local ? "local" : "all", (value) => { local = value === "local"; page.state.set({ local }); settle(); });
  const heat = choice(word("nv_weight"), [["no", word("nv_field_only")], ["yes", word("nv_effective")]], warm ? "yes" : "no",
    (value) => { warm = value === "yes"; page.state.set({ warm }); settle(); });
  const lock = make("button", { type: "button", onclick: toggleLock });
  put(root, ...title, make("div", { class: "nv-three" }, panel.element,
    make("section", { class: "nv-middle" }, make("div", { class: "nv-bar" }, scope, heat, lock), picture.element, map.element),
    make("section", { class: "nv-side" }, readout, more, make("h2", {}, word("nv_chain")), chain,
      make("h2", {}, word("nv_depth")), chart, copyButton(page, () => ({ view: "fields", layer: held.layer, at: held.at, local })))));
  let asked = 0;
  /** @type {(() => void) | null} */
  let pinned = null;

  /** @param {Side} at */
  function known(at) {
    const { map: plane, layer } = held.table(), sides = plane && sidesOf(plane, local);
    if (!sides) return null;
    const box = hull(sides, at), free = list(layer.axes).map((axis, k) => unclipped(axis, at[k], local));
    return { box, free: free.length && free.every(Boolean) ? free : null };
  }
  function lockedMark() {
    const locked = page.state.get().locked;
    return locked ? [{ box: locked.box, free: null, hue: LOCKED, dash: true }] : [];
  }
  /** @param {Side} at */
  function hoverUnit(at) {
    const found = known(at);
    map.mark([{ box: cell(at), hue: FIELD }]);
    if (!found) return;
    picture.mark([{ ...found, hue: FIELD }, ...lockedMark()]);
    picture.warm(null);
    brief(at, found);
  }
  /** @param {Side} pixel */
  function hoverPixel(pixel) {
    const plane = held.table().map, sides = plane && sidesOf(plane, local);
    picture.mark(lockedMark(), pixel);
    if (!sides) return;
    const [rows, columns] = reached(sides, pixel);
    map.mark([{ box: [rows, columns], hue: "#e11d8f" }]);
    put(readout, make("p", { class: "nv-head" }, word("nv_pixel", { at: pixel.join(", ") })),
      make("p", {}, rows[0] < rows[1] ? word("nv_reached_box", { rows: rows[1] - rows[0], columns: columns[1] - columns[0], layer: tail(held.layer) })
        : word("nv_reached_none", { layer: tail(held.layer) })), make("p", { class: "nv-soft" }, word("nv_click_pixel")));
  }
  /**
   * What is known of a unit at once.
   * @param {Side} at @param {{box: Side[], free: any}} found
   */
  function brief(at, { box, free }) {
    const size = box.map(([start, stop]) => stop - start);
    const share = free ? outside((free), net.picture) : 0;
    put(readout, make("p", { class: "nv-head" }, word("nv_unit", { layer: tail(held.layer), at: at.join(", ") })),
      make("p", {}, word("nv_sees", { rows: size[0], columns: size[1], from: box.map(([start]) => start).join(", "), to: box.map(([, stop]) => stop).join(", ") })),
      share ? make("p", {}, word("nv_outside", { share: percent(share) })) : null);
  }
  function rest() {
    if (pinned) pinned();
    else settle(false);
  }

  /** @param {boolean} [ask] */
  async function settle(ask = true) {
    const at = held.at, mine = ++asked;
    panel.choose(held.layer);
    if (ask) {
      pinned = null;
      page.state.set({ layer: held.layer, at, pixel: null });
      panel.note(null);
      map.load();
      depth();
    }
    tellLock();
    if (!at) {
      picture.mark(lockedMark());
      put(readout, make("p", {}, word("nv_no_map", { layer: held.layer })));
      return;
    }
    map.mark([{ box: cell(at), hue: FIELD }]);
    const first = known(at);
    if (first) picture.mark([{ ...first, hue: FIELD }, ...lockedMark()]);
    const found = await held.ask("unit", { layer: held.layer, at, local });
    if (mine !== asked) return;
    tell(found);
    const effective = warm && found.pixels ? await held.ask("effective", { layer: held.layer, at, local }) : null;
    if (mine !== asked) return;
    picture.warm(effective?.heat, effective?.box);
    put(more, ...effective ? [weighed(effective)] : [], ...branches(found), ...compared(found));
    if (ask) page.say(found.lines[page.lang].join(". "));
  }
  /** @param {any} found */
  function tell(found) {
    const colours = list(found.branches).map((branch, k) => ({ box: branch.hull, free: null, hue: BRANCHES[k % BRANCHES.length], dash: true }));
    picture.mark([{ box: found.hull, free: found.unclipped, hue: FIELD, cover: found.cover }, ...colours, ...lockedMark()]);
    const share = found.padding && found.padding[0] / found.padding[1];
    put(readout, ...list(found.lines[page.lang]).map((line, k) => make("p", { class: k ? null : "nv-head" }, line)),
      share ? make("p", {}, word("nv_outside", { share: percent(share) })) : null);
    put(chain, ...chained(found));
  }
  /** @param {any} found */
  function weighed(found) {
    const rows = Object.keys(found.radii).map((share) => [percent(Number(share)), short(found.radii[share]), percent(found.ratios[share])]);
    return make("div", { class: "nv-card" }, make("h2", {}, word("nv_effective_title")),
      ...found.lines[page.lang].slice(1).map((/** @type {string} */ line) => make("p", {}, line)),
      make("p", { class: "nv-soft" }, word("nv_heat_is")),
      table(word("nv_table"), [word("nv_share"), word("nv_radius"), word("nv_of_half", { half: short(found.half_size) })], rows));
  }
  /** @param {any} found */
  function branches(found) {
    if (!found.branches.length) return [];
    return [make("div", { class: "nv-card" }, make("h2", {}, word("nv_misaligned")),
      ...list(found.branches).map((branch, k) => make("p", {}, make("i", { class: "nv-dot", style: `background:${BRANCHES[k % BRANCHES.length]}` }),
        `${tail(branch.tensor)}: ${list(branch.offsets).map((o) => o ? short(o[0] / o[1]) : "–").join(", ")} px`)))];
  }
  /** @param {any} found */
  function compared(found) {
    const locked = page.state.get().locked;
    if (!locked) return [];
    const both = list(found.hull).map((side, k) => Math.max(0, Math.min(side[1], locked.box[k][1]) - Math.max(side[0], locked.box[k][0])));
    const areas = [found.hull, locked.box].map((box) => list(box).reduce((product, [a, b]) => product * (b - a), 1));
    return [make("div", { class: "nv-card" }, make("h2", {}, word("nv_compare")),
      make("p", {}, make("i", { class: "nv-dot", style: `background:${LOCKED}` }), `${tail(locked.layer)} (${locked.at.join(", ")}): ${sized(locked.box)}`),
      make("p", {}, make("i", { class: "nv-dot", style: `background:${FIELD}` }), `${tail(found.layer)} (${found.at.join(", ")}): ${sized(found.hull)}`),
      make("p", {}, word("nv_overlap", { pixels: both[0] * both[1], share: percent((both[0] * both[1]) / Math.max(areas[0] + areas[1] - both[0] * both[1], 1)) })))];
  }
  /** @param {any} found */
  function chained(found) {
    const steps = distinct(found.path.slice().reverse());
    return [...steps.map((step) => {
      const [rows, columns] = step.size, [[top, bottom], [left, right]] = step.box;
      return make("button", { type: "button", class: "nv-step", title: step.layer, onclick: () => {
        held.choose(step.layer, ([(top + bottom) >> 1, (left + right) >> 1]));
        settle();
      } }, draw("svg", { viewBox: `0 0 ${columns} ${rows}`, class: "nv-mini" },
        draw("rect", { width: columns, height: rows, class: "nv-paper" }),
        draw("rect", { x: left, y: top, width: right - left, height: bottom - top, fill: FIELD, stroke: FIELD, class: "nv-line" })),
      make("b", {}, tail(step.layer)), make("small", {}, `${bottom - top}×${right - left} / ${rows}×${columns}`));
    }), table(word("nv_table"), [word("nv_layer"), word("nv_size"), word("nv_rows"), word("nv_columns")],
      list(found.path).map((step) => [step.layer, step.size.join("×"), `[${step.box[0].join(", ")})`, `[${step.box[1].join(", ")})`]))];
  }
  function depth() {
    const told = list(net.layers).map(({ layer }, k) => [k, layer.name, ...layer.axes.slice(0, 2).map((/** @type {any} */ axis) => (axis.local ?? axis).size)])
      .filter((/** @type {any[]} */ row) => row[2] !== null && row[2] !== undefined);
    const index = list(net.layers).findIndex(({ layer }) => layer.name === held.layer);
    const apart = list(told).some((row) => row[2] !== row[3]);
    const lines = (apart ? [2, 3] : [2]).map((k) => ({ points: list(told).map((row) => ([row[0], row[k] ?? 0])),
      hue: k === 2 ? FIELD : LOCKED, dash: k === 3 }));
    put(chart, lineChart({ lines, x: word("nv_layer_number"), y: word("nv_field_px"), mark: index, label: word("nv_depth"),
      pick: (x) => { held.choose(net.layers[Math.max(0, Math.min(net.layers.length - 1, Math.round(x)))].layer.name); settle(); } }),
    table(word("nv_table"), [word("nv_layer"), word("nv_rows"), word("nv_columns")], list(told).map((row) => [row[1], row[2], row[3] ?? "–"])));
  }
  /**
   * Asks what a pixel reaches: in the chosen layer, then in all others.
   * @param {Side} pixel
   */
  async function pinPixel(pixel) {
    const mine = ++asked, maps = list(net.layers).filter((entry) => entry.map).map((/** @type {any} */ entry) => entry.layer.name);
    page.state.set({ pixel });
    const notes = new Map();
    for (const layers of [[held.layer], ...parted(maps, 32)]) {
      const found = await held.ask("reach", { pixel, layers, local });
      if (mine !== asked) return;
      if (!pinned) tellPixel(pixel, found[0]);
      for (const { layer, units, box, cover } of found) notes.set(layer, units ? `${sized(box)}${cover ? "∘" : ""}` : "–");
      panel.note(notes);
    }
  }
  /** @param {Side} pixel @param {any} here */
  function tellPixel(pixel, here) {
    pinned = () => {
      picture.mark(lockedMark(), pixel);
      picture.warm(null);
      map.mark(here ? [{ box: here.box, hue: "#e11d8f", cover: here.cover }] : []);
      put(readout, ...here ? list(here.lines[page.lang]).map((line, k) => make("p", { class: k ? null : "nv-head" }, line)) : [],
        make("p", { class: "nv-soft" }, word("nv_reach_list")));
    };
    pinned();
    if (here) page.say(here.lines[page.lang].join(". "));
  }
  function tellLock() {
    lock.textContent = page.state.get().locked ? word("nv_unlock") : word("nv_lock");
    /** @type {HTMLButtonElement} */ (lock).disabled = !held.at;
  }
  function toggleLock() {
    const found = held.at && known(held.at);
    page.state.set({ locked: page.state.get().locked || !found ? null : { layer: held.layer, at: held.at, box: found.box } });
    settle();
  }
  const pixel = page.state.get().pixel;
  settle().then(() => pixel && pinPixel(pixel));
}

/**
 * @param {Side} at @returns {Side[]}
 */
function cell([row, column]) {
  return [[row, row + 1], [column, column + 1]];
}

/**
 * Steps of which no two that follow each other have the same size and box; at most a dozen, evenly spread.
 * @param {any[]} steps
 */
function distinct(steps) {
  const kept = steps.filter((step, k) => !k || k === steps.length - 1 || JSON.stringify([step.size, step.box]) !== JSON.stringify([steps[k - 1].size, steps[k - 1].box]));
  const most = 12, last = kept.length - 1;
  return kept.length <= most ? kept : Array.from({ length: most }, (_, k) => kept[Math.round((k * last) / (most - 1))]);
}

/**
 * @param {string[]} all @param {number} most
 */
function parted(all, most) {
  return Array.from({ length: Math.ceil(all.length / most) }, (_, k) => all.slice(k * most, (k + 1) * most));
}

/**
 * @param {Side[]} box
 */
function sized(box) {
  return box.map(([start, stop]) => stop - start).join("×");
}

/**
 * @param {number} share
 */
export function percent(share) {
  return `${short(share * 100, 3)} %`;
}
