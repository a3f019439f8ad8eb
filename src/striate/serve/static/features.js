// @ts-check
/** View Features: the maps of any layer on the picture, on one scale, and the strongest patches of a channel. */

import { hull, sidesOf } from "./fieldtables.js";
import { canvas, choice, make, put, short, table } from "./make.js";
import { networkPanel, tail } from "./network.js";
import { patches } from "./patches.js";
import { board } from "./picture.js";
import { copyButton, viewed } from "./seen.js";
import { legend, paint, unpacked } from "./values.js";

const FIELD = "#d97706", PER_PAGE = 24, MOST_VALUES = 1 << 19;

/**
 * Fills an element with the view.
 * @param {HTMLElement} root @param {Page} page
 */
export async function featuresView(root, page) {
  const found = await viewed(root, page, "features"), { word } = page;
  if (!found) return;
  const { net, photo, held, head: title } = found;
  const kept = page.state.get();
  let order = kept.order ?? "strength", own = Boolean(kept.own), whole = Boolean(kept.whole), first = 0, turn = 0;
  const panel = networkPanel(page, net, (layer) => { held.choose(layer); first = 0; load(); });
  const head = make("div", { class: "nv-read" }), grid = make("div", { class: "nv-maps" }), pager = make("div", { class: "nv-bar" });
  const strong = make("div", {}), scale = make("div", {}), behind = make("div", {});
  const picture = board({ label: word("nv_picture_label"), size: net.picture, canvas: photo, point: () => undefined, pick: () => undefined,
    start: () => [0, 0] });
  const orders = choice(word("nv_order"), [["strength", word("nv_by_strength")], ["sparse", word("nv_by_zeros")], ["number", word("nv_by_number")]], order,
    (value) => { order = value; first = 0; page.state.set({ order }); load(); });
  const scales = choice(word("nv_scales"), [["one", word("nv_one_scale")], ["own", word("nv_own_scale")]], own ? "own" : "one",
    (value) => { own = value === "own"; page.state.set({ own }); load(); });
  const wholes = choice(word("nv_patch_key"), [["all", word("nv_all")], ["whole", word("nv_whole_only")]], whole ? "whole" : "all",
    (value) => { whole = value === "whole"; page.state.set({ whole }); best(); });
  put(root, ...title, make("div", { class: "nv-three" }, panel.element,
    make("section", { class: "nv-middle" }, head, make("div", { class: "nv-bar" }, orders, scales, scale), pager, grid, behind),
    make("section", { class: "nv-side" }, picture.element, make("div", { class: "nv-bar" }, wholes), strong,
      copyButton(page, () => ({ view: "features", layer: held.layer, channel: Math.max(held.channel, 0), whole })))));

  async function load() {
    const mine = ++turn, layer = held.layer;
    panel.choose(layer);
    page.state.set({ layer, at: held.at, channel: held.channel });
    grid.setAttribute("aria-busy", "true");
    try {
      const found = await held.ask("maps", { layer });
      if (mine !== turn) return;
      if (held.channel < 0 || held.channel >= found.count) held.channel = found.channels[0];
      const channels = ordered(found, order), area = found.size[0] * found.size[1];
      const count = Math.max(1, Math.min(PER_PAGE, Math.floor(MOST_VALUES / area)));
      const shown = channels.slice(first, first + count);
      const packed = await held.ask("planes", { layer, channels: shown });
      if (mine !== turn) return;
      tell(found, shown, unpacked(packed), channels.length, count);
    } catch (error) {
      if (mine !== turn) return;
      put(head, make("p", { class: "nv-note" }, String(/** @type {Error} */ (error).message)));
      for (const part of [grid, pager, strong, behind, scale]) put(part);
      picture.mark([]);
    } finally {
      grid.removeAttribute("aria-busy");
    }
  }
  /**
   * @param {any} found @param {number[]} shown @param {ArrayLike<number>} values @param {number} all @param {number} count
   */
  function tell(found, shown, values, all, count) {
    const area = found.size[0] * found.size[1];
    put(head, make("p", { class: "nv-head" }, word("nv_maps_title", { count: found.count, layer: tail(found.layer), dead: found.dead.length, silent: found.unresponsive.length })),
      make("p", { class: "nv-soft" }, `${found.size.join("×")} · ${word(found.signed ? "nv_signed" : "nv_positive")}`));
    put(scale, ...own ? [] : [legend(found.scale, found.signed, word("nv_scale"))]);
    const more = (/** @type {string} */ key, /** @type {number} */ step, /** @type {boolean} */ off) => make("button", { type: "button", disabled: off, onclick: () => { first += step; load(); } }, word(key));
    put(pager, ...all > count ? [more("nv_earlier", -count, first === 0), make("span", { class: "nv-soft" },
      word("nv_shown_of", { from: first + 1, to: first + shown.length, count: all })), more("nv_later", count, first + count >= all)] : []);
    put(grid, ...shown.map((channel, k) => {
      const plane = Array.prototype.slice.call(values, k * area, (k + 1) * area);
      return tile(found, channel, plane);
    }));
    put(behind, table(word("nv_table"), [word("nv_channel"), word("nv_least"), word("nv_most"), word("nv_mean"), word("nv_zero")],
      ordered(found, order).map((k) => [`${k}${state(found, k)}`, short(found.least[k]), short(found.most[k]), short(found.mean[k]), `${short(found.zero[k] * 100, 3)} %`])));
    best();
  }
  /**
   * @param {any} found @param {number} channel @param {number[]} plane
   */
  function tile(found, channel, plane) {
    const image = canvas(), said = make("small", {});
    const most = Math.max(Math.abs(found.least[channel]), Math.abs(found.most[channel]));
    const range = own ? [found.signed ? -most : 0, most] : found.scale;
    paint(image, plane, found.size, range, found.signed);
    const still = `${short(found.least[channel], 3)} … ${short(found.most[channel], 3)}`;
    said.textContent = still;
    const under = (/** @type {PointerEvent} */ event) => {
      const box = image.getBoundingClientRect(), [rows, columns] = found.size;
      return ([Math.max(0, Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows))),
        Math.max(0, Math.min(columns - 1, Math.floor(((event.clientX - box.left) / box.width) * columns)))]);
    };
    return make("button", { type: "button", class: `nv-tile${found.dead.includes(channel) ? " nv-deadtile" : ""}`, "aria-pressed": String(channel === held.channel),
      "data-channel": channel, title: word("nv_channel"),
      onpointermove: (/** @type {PointerEvent} */ event) => {
        const at = under(event);
        said.textContent = `(${at.join(", ")}) = ${short(plane[at[0] * found.size[1] + at[1]], 5)}`;
        field(at);
      },
      onpointerleave: () => { said.textContent = still; field(held.at); },
      onclick: (/** @type {PointerEvent} */ event) => {
        if (event.detail) held.at = under(event);
        held.channel = channel;
        page.state.set({ channel, at: held.at });
        for (const other of grid.children) other.setAttribute("aria-pressed", String(other.getAttribute("data-channel") === String(channel)));
        best();
      } },
    image, make("b", {}, `${channel}${state(found, channel)}`), said);
  }
  /** @param {any} found @param {number} channel */
  function state(found, channel) {
    return found.dead.includes(channel) ? ` · ${word("nv_dead")}` : found.unresponsive.includes(channel) ? ` · ${word("nv_silent")}` : "";
  }
  /** @param {Side | null} at */
  function field(at) {
    const plane = held.table().map, sides = plane && sidesOf(plane, false);
    picture.mark(sides && at ? [{ box: hull(sides, at), hue: FIELD }] : []);
  }
  async function best() {
    const mine = turn, channel = held.channel, asked = whole;
    field(held.at);
    put(strong, make("p", { class: "nv-soft" }, word("nv_working")));
    try {
      const units = await held.ask("strongest", { layer: held.layer, channel, whole });
      if (mine !== turn || channel !== held.channel || asked !== whole) return;
      put(strong, make("h2", {}, word("nv_strongest", { channel })), patches(page, units, (at) => {
        held.at = at;
        page.state.set({ at });
        field(at);
      }), make("p", { class: "nv-soft" }, word("nv_patch_key")));
      page.say(word("nv_strongest", { channel }));
    } catch (error) {
      if (mine === turn) put(strong, make("p", { class: "nv-note" }, String(/** @type {Error} */ (error).message)));
    }
  }
  load();
}

/**
 * Channels in an order, the silent and then the dead last.
 * @param {any} found @param {string} order @returns {number[]}
 */
function ordered(found, order) {
  const last = (/** @type {number} */ k) => found.dead.includes(k) ? 2 : found.unresponsive.includes(k) ? 1 : 0;
  const by = (/** @type {number} */ k) => order === "number" ? k : -found.zero[k];
  return order === "strength" ? found.channels : found.channels.slice().sort((/** @type {number} */ a, /** @type {number} */ b) => last(a) - last(b) || by(a) - by(b) || a - b);
}
