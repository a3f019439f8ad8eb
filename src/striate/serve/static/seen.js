// @ts-check
/** What the views of a network share: the chosen unit, the map of its layer, and the button that copies code. */

import { canvas, list, make, put, short } from "./make.js";
import { network } from "./network.js";
import { board } from "./picture.js";
import { legend, paint, unpacked } from "./values.js";

/**
 * The network of a page and its chosen unit, where it can be viewed; else an element is filled with what is needed.
 * @param {HTMLElement} root @param {Page} page @param {string} view
 */
export async function viewed(root, page, view) {
  const net = await network(page);
  const head = [make("h1", {}, page.word(`view_${view}`)), make("p", { class: "lead" }, page.word(`nv_${view}_lead`))];
  if (net.picture && page.photo) return { net, photo: page.photo, held: selection(page, net), head };
  put(root, ...head, make("p", { class: "nv-note" }, page.word("nv_no_picture")));
  return null;
}

/**
 * The layer and the unit that all views speak of, kept in the page's state, and answers that were asked for before.
 * @param {Page} page @param {any} net
 */
function selection(page, net) {
  /** @type {Map<string, Table>} */
  const tables = new Map(list(net.layers).map((table) => [table.layer.name, table]));
  const kept = page.state.get();
  /** @type {Map<string, Promise<any>>} */
  const answers = new Map();
  const held = {
    layer: tables.has(kept.layer) ? kept.layer : net.first || net.layers[0].layer.name,
    /** @type {Side | null} */
    at: null,
    channel: kept.channel ?? -1,
    table: () => /** @type {Table} */ (tables.get(held.layer)),
    /** @param {string} layer @param {Side} [at] */
    choose(layer, at) {
      const before = held.table().map?.size, now = tables.get(layer)?.map?.size;
      held.at = !now ? null : at ?? (now.map((n, k) => {
        const part = held.at && before ? (held.at[k] + 0.5) / before[k] : 0.5;
        return Math.min(n - 1, Math.floor(part * n));
      }));
      if (layer !== held.layer) held.channel = -1;
      held.layer = layer;
    },
    /**
     * An answer of the server, asked for once.
     * @param {string} question @param {object} given
     */
    ask(question, given) {
      const key = JSON.stringify([question, given]);
      let found = answers.get(key);
      if (!found) {
        found = page.ask(question, given);
        answers.set(key, found);
        found.catch(() => answers.delete(key));
        if (answers.size > 300) answers.delete(/** @type {string} */ (answers.keys().next().value));
      }
      return found;
    },
  };
  const size = held.table().map?.size;
  const fits = size && Array.isArray(kept.at) && kept.at.length === 2 && list(kept.at).every((i, k) => i >= 0 && i < size[k]);
  held.at = fits ? kept.at : size ? (size.map((n) => n >> 1)) : null;
  return held;
}

/**
 * The map of one channel of the chosen layer, with its legend and the value that is pointed at.
 * @param {Page} page @param {any} net @param {ReturnType<typeof selection>} held
 * @param {{point: (at: Side | null) => void, pick: (at: Side) => void, changed?: () => void}} heed
 */
export function featureMap(page, net, held, heed) {
  const { word } = page, plane = canvas();
  const value = make("output", { class: "nv-soft" }), scale = make("div", {});
  const channels = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": word("nv_channel"), onchange: () => {
    held.channel = Number(channels.value);
    page.state.set({ channel: held.channel });
    load();
    heed.changed?.();
  } }));
  /** @type {{values: ArrayLike<number>, size: number[]} | null} */
  let shown = null;
  const pane = board({ label: word("nv_map_label"), size: [1, 1], canvas: plane, point: (at) => { tell(at); heed.point(at); },
    pick: heed.pick, start: () => held.at ?? [0, 0] });
  /** @param {Side | null} at */
  function tell(at) {
    value.textContent = at && shown ? `(${at.join(", ")}) = ${short(shown.values[at[0] * shown.size[1] + at[1]], 6)}` : "";
  }
  let loading = "", filled = "";
  async function load() {
    const map = held.table().map, layer = held.layer;
    pane.element.hidden = !map;
    if (!map) return;
    if (loading !== layer) {
      pane.resize(map.size);
      shown = null;
    }
    loading = layer;
    try {
      const found = await held.ask("maps", { layer });
      if (held.channel < 0 || held.channel >= found.count) held.channel = found.channels[0];
      const channel = held.channel, packed = await held.ask("planes", { layer, channels: [channel] });
      if (layer !== held.layer || channel !== held.channel) return;
      shown = { values: unpacked(packed), size: found.size };
      paint(plane, shown.values, found.size, found.scale, found.signed);
      put(scale, legend(found.scale, found.signed, word("nv_scale")));
      if (filled !== layer) {
        put(channels, ...list(found.channels).map((k) => make("option", { value: k },
          `${k}${found.dead.includes(k) ? ` · ${word("nv_dead")}` : found.unresponsive.includes(k) ? ` · ${word("nv_silent")}` : ""}`)));
        filled = layer;
      }
      channels.value = String(channel);
      tell(held.at);
    } catch (error) {
      paint(plane, new Float32Array(map.size[0] * map.size[1]), map.size, [0, 1], false);
      put(scale, make("span", { class: "nv-soft" }, String(/** @type {Error} */ (error).message)));
    }
  }
  return {
    element: make("div", { class: "nv-map" }, make("div", { class: "nv-bar" }, make("label", {}, word("nv_channel"), " ", channels), value, scale), pane.element),
    load, mark: pane.mark,
  };
}

/**
 * A button that copies striate's lines for what is shown, and shows them.
 * @param {Page} page @param {() => object} given
 */
export function copyButton(page, given) {
  const text = make("pre", { hidden: true, tabindex: 0 });
  return make("div", { class: "nv-copy" }, make("button", { type: "button", onclick: async () => {
    const { code } = await page.ask("code", given());
    text.textContent = code;
    text.hidden = false;
    await navigator.clipboard?.writeText(code).catch(() => undefined);
    page.say(page.word("nv_copied"));
  } }, page.word("nv_copy")), text);
}
