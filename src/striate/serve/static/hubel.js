// @ts-check
/** View Hubel and Wiesel: a unit on the picture, its channel's card, and a stimulus to drag over its field. */

import { histogram, lineChart, ring } from "./charts.js";
import { hull, reached, sidesOf, unclipped } from "./fieldtables.js";
import { canvas, choice, list, make, pixels, put, short, table } from "./make.js";
import { networkPanel, tail } from "./network.js";
import { patches } from "./patches.js";
import { board } from "./picture.js";
import { copyButton, featureMap, viewed } from "./seen.js";
import { legend, paint, unpacked } from "./values.js";

const FIELD = "#d97706", CURVE = "#0284c7", STEPS = 25, AT_ONCE = 31;

/**
 * Fills an element with the view.
 * @param {HTMLElement} root @param {Page} page
 */
export async function hubelView(root, page) {
  const found = await viewed(root, page, "hubel"), { word } = page;
  if (!found) return;
  const { net, photo, held, head: title } = found;
  const live = stimulus(page, held), card = make("div", { class: "nv-cards" });
  const panel = networkPanel(page, net, (layer) => { held.choose(layer); load(); });
  const picture = board({ label: word("nv_picture_label"), size: net.picture, canvas: photo,
    point: (pixel) => { field(pixel ? nearest(pixel) : held.at); }, pick: (pixel) => pick(nearest(pixel)),
    start: () => (list(net.picture).map((n) => n >> 1)) });
  const map = featureMap(page, net, held, { point: (at) => field(at ?? held.at), pick, changed: channel });
  put(root, ...title, make("div", { class: "nv-three" }, panel.element,
    make("section", { class: "nv-middle" }, picture.element, map.element, live.element),
    make("section", { class: "nv-side" }, card, copyButton(page, () => ({ view: "tuning", layer: held.layer, channel: Math.max(held.channel, 0) })))));
  let turn = 0;

  /**
   * The unit in the middle of those whose fields hold a pixel.
   * @param {Side} pixel @returns {Side | null}
   */
  function nearest(pixel) {
    const plane = held.table().map, sides = plane && sidesOf(plane, false);
    if (!sides) return null;
    const [[top, bottom], [left, right]] = reached(sides, pixel);
    return top < bottom ? [(top + bottom - 1) >> 1, (left + right - 1) >> 1] : null;
  }
  /** @param {Side | null} at */
  function field(at) {
    const { map: plane, layer } = held.table(), sides = plane && sidesOf(plane, false);
    if (!sides || !at) return picture.mark([]);
    const free = list(layer.axes).map((axis, k) => unclipped(axis, at[k], false));
    picture.mark([{ box: hull(sides, at), free: free.every(Boolean) ? free : null, hue: FIELD }]);
    map.mark([{ box: [[at[0], at[0] + 1], [at[1], at[1] + 1]], hue: FIELD }]);
  }
  /** @param {Side | null} at */
  function pick(at) {
    if (!at) return;
    held.at = at;
    page.state.set({ at });
    field(at);
  }
  async function load() {
    panel.choose(held.layer);
    page.state.set({ layer: held.layer, at: held.at, channel: held.channel });
    field(held.at);
    put(card, make("p", { class: "nv-soft" }, word("nv_working")));
    live.close();
    await map.load();
    live.load();
    channel();
  }
  async function channel() {
    const mine = ++turn, layer = held.layer, chosen = Math.max(held.channel, 0);
    page.state.set({ channel: chosen });
    const parts = { kernel: make("div", { class: "nv-card" }), strong: make("div", { class: "nv-card" }), tuned: make("div", { class: "nv-card" }) };
    put(card, make("h2", {}, `${tail(layer)} · ${word("nv_channel")} ${chosen}`), parts.tuned, parts.kernel, parts.strong);
    const wait = (/** @type {HTMLElement} */ place, /** @type {string} */ title) => put(place, make("h2", {}, title), make("p", { class: "nv-soft" }, word("nv_working")));
    const titles = { tuned: word("nv_tuning"), kernel: word("nv_kernel"), strong: word("nv_strongest", { channel: chosen }) };
    for (const [name, place] of Object.entries(parts)) wait(place, titles[/** @type {keyof typeof titles} */ (name)]);
    /**
     * @param {HTMLElement} place @param {string} title @param {() => Promise<(Node | null)[]>} show
     */
    async function fill(place, title, show) {
      let shown;
      try {
        shown = await show();
      } catch (error) {
        shown = [make("p", { class: "nv-note" }, String(/** @type {Error} */ (error).message))];
      }
      if (mine === turn) put(place, make("h2", {}, title), .../** @type {Node[]} */ (shown.filter(Boolean)));
    }
    await fill(parts.strong, titles.strong, async () => [patches(page, await held.ask("strongest", { layer, channel: chosen, whole: true }).catch(() =>
      held.ask("strongest", { layer, channel: chosen, whole: false })), pick)]);
    await new Promise((done) => setTimeout(done, 400));
    if (mine !== turn) return;
    await fill(parts.tuned, titles.tuned, async () => tuned(await held.ask("tuning", { layer, stimulus: "grating" }), chosen));
    if (mine !== turn) return;
    const measure = () => fill(parts.kernel, titles.kernel, async () => spots(await held.ask("spots", { layer, channel: chosen })));
    const wide = Math.max(...list(held.table().layer.axes).map((axis) => (axis.local ?? axis).size ?? Infinity)) > AT_ONCE;
    if (!wide) measure();
    else put(parts.kernel, make("h2", {}, titles.kernel), make("button", { type: "button", onclick: () => { wait(parts.kernel, titles.kernel); measure(); } }, word("nv_measure")));
  }
  /** @param {any} found @param {number} chosen */
  function tuned(found, chosen) {
    const all = unpacked(found.curves), n = found.angles.length, curve = Array.from(all.slice(chosen * n, (chosen + 1) * n));
    const value = (/** @type {string} */ name) => found.measures[name][chosen];
    const dead = found.dead.includes(chosen), silent = found.unresponsive.includes(chosen);
    const facts = [["nv_preferred", value("preferred") === null ? "n/a" : `${short(value("preferred"), 4)}°`], ["OSI", short(value("osi"), 3)], ["F1/F0", value("f1f0") === null ? "n/a" : `${short(value("f1f0"), 3)} · ${found.kinds[chosen]}`],
      ["nv_period", value("scale") ? `${short(1 / value("scale"), 3)} px` : "n/a"]];
    const bars = (/** @type {string} */ name, /** @type {string} */ label) => {
      const { range, counts, control, median, control_median: other } = found.histograms[name];
      return make("figure", {}, histogram({ range, counts, control, mark: value(name), label, x: label, hue: CURVE }),
        make("figcaption", { class: "nv-soft" }, control ? word("nv_medians", { measure: label, ours: short(median, 3), theirs: short(other, 3) })
          : word("nv_median", { measure: label, ours: short(median, 3) })));
    };
    return [dead || silent ? make("p", { class: "nv-note" }, word(dead ? "nv_dead_told" : "nv_nothing")) : null,
      make("div", { class: "nv-pair" }, ring({ curve, angles: found.angles, preferred: value("preferred"), label: word("nv_tuning"), hue: FIELD }),
        make("dl", {}, facts.flatMap(([name, text]) => [make("dt", {}, name.startsWith("nv_") ? word(name) : name), make("dd", {}, text)]))),
      make("h2", {}, word("nv_population")), make("div", { class: "nv-pair" }, bars("osi", "OSI"), bars("f1f0", "F1/F0")),
      make("p", { class: "nv-soft" }, word(found.histograms.osi.control ? "nv_control_is" : "nv_no_control")),
      table(word("nv_table"), [word("nv_angle"), word("nv_response")], list(found.angles).map((angle, k) => [`${short(angle)}°`, short(curve[k])])),
      table(word("nv_formulas"), ["", ""], Object.entries(found.formulas).map(([name, text]) => [name, String(text)]))];
  }
  /** @param {any} found */
  function spots(found) {
    const light = unpacked(found.light), dark = unpacked(found.dark), both = Array.from(light, (value, k) => value - dark[k]);
    const most = Math.max(...both.map(Math.abs), 1e-12), plane = canvas();
    plane.classList.add("nv-kernel");
    paint(plane, both, found.light.shape, [-most, most], true);
    return [plane, legend([-most, most], true, word("nv_kernel")), make("p", { class: "nv-soft" }, word("nv_kernel_is", { side: found.side }))];
  }
  load();
}

/**
 * A stimulus that is dragged over a field while one channel's answers are plotted.
 * @param {Page} page @param {any} held
 */
function stimulus(page, held) {
  const { word } = page;
  const screen = canvas(), said = make("p", { "aria-live": "polite" });
  const told = make("p", { class: "nv-soft" }), plot = make("div", {});
  /** @type {any} */
  let seen = null;
  let now = { kind: "bar", angle: 45, wide: 3, sign: 1, at: [0, 0] }, busy = false, again = false;
  const slide = (/** @type {string} */ key, /** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ step, /** @type {number} */ value, /** @type {(value: number) => void} */ change) => {
    const input = /** @type {HTMLInputElement} */ (make("input", { type: "range", min: from, max: to, step, value, oninput: () => { change(Number(input.value)); text.textContent = input.value; show(); } }));
    const text = make("output", {}, value);
    return make("label", {}, word(key), " ", input, text);
  };
  const kinds = choice(word("nv_stimulus"), [["bar", word("nv_bar")], ["grating", word("nv_grating")], ["edge", word("nv_edge")]], now.kind, (kind) => { now = { ...now, kind }; show(); });
  const signs = choice(word("nv_polarity"), [["1", word("nv_light")], ["-1", word("nv_dark")]], "1", (sign) => { now = { ...now, sign: Number(sign) }; show(); });
  const pane = board({ label: word("nv_live"), size: [1, 1], canvas: screen, point: (at) => { if (at) { now = { ...now, at: centred(at) }; show(); } },
    pick: (at) => { now = { ...now, at: centred(at) }; show(); }, start: () => size().map((/** @type {number} */ n) => n >> 1) });
  const element = make("section", { class: "nv-card nv-live-card" }, make("h2", {}, word("nv_live")), told,
    make("div", { class: "nv-bar" }, kinds, signs, slide("nv_angle", 0, 175, 5, now.angle, (angle) => { now = { ...now, angle }; }),
      slide("nv_width", 1, 24, 0.5, now.wide, (wide) => { now = { ...now, wide }; })),
    make("div", { class: "nv-pair" }, pane.element, make("div", {}, plot, said)),
    copyButton(page, () => ({ view: "answer", layer: held.layer, channel: Math.max(held.channel, 0), stimulus: shown() })));

  /** @returns {Side} */
  function size() {
    return seen ? list(seen.field).map(([start, stop]) => stop - start) : [1, 1];
  }
  /**
   * Places of the field in pixels from its middle, y upwards.
   * @param {Side} at @returns {Side}
   */
  function centred([row, column]) {
    const [rows, columns] = size();
    return [column - (columns - 1) / 2, (rows - 1) / 2 - row];
  }
  /** How far the stimulus is shifted to the left of its angle. */
  function shift() {
    const turn = (now.angle * Math.PI) / 180;
    return -Math.sin(turn) * now.at[0] + Math.cos(turn) * now.at[1];
  }
  /** @param {number} [position] */
  function shown(position = shift()) {
    if (now.kind === "grating") {
      const frequency = Math.min(0.49, 1 / (2 * now.wide));
      return { kind: "grating", angle: now.angle, frequency, phase: (((-360 * frequency * position) % 360) + 360 + 90) % 360, contrast: now.sign };
    }
    return now.kind === "edge" ? { kind: "edge", angle: now.angle, position, contrast: now.sign }
      : { kind: "bar", angle: now.angle, width: now.wide, position, contrast: now.sign };
  }
  async function show() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const layer = held.layer, far = Math.min(...size()) / 2, here = shift();
      const places = seen ? Array.from({ length: STEPS }, (_, k) => -far + (2 * far * k) / (STEPS - 1)) : [];
      const found = await page.ask("answer", { layer, stimuli: [...places.map((place) => shown(place)), shown(here)] });
      if (layer !== held.layer) return;
      if (!seen) {
        seen = found;
        pane.resize(size());
        again = true;
      }
      plotted(found, places, here);
    } catch (error) {
      said.textContent = String(/** @type {Error} */ (error).message);
    } finally {
      busy = false;
      if (again) {
        again = false;
        show();
      }
    }
  }
  /**
   * @param {any} found @param {number[]} places @param {number} here
   */
  function plotted(found, places, here) {
    const values = unpacked(found.answers), channels = found.answers.shape[1], channel = Math.max(held.channel, 0);
    const of = (/** @type {number} */ k) => values[k * channels + channel];
    const shades = unpacked(found.shown);
    pixels(screen, found.shown.shape, (k) => [shades[k], shades[k], shades[k], 255]);
    told.textContent = word("nv_live_is", { at: `(${found.at.join(", ")})`, field: size().join("×") });
    said.textContent = word("nv_answers", { channel, value: short(of(places.length), 5), blank: short(found.blank[channel], 5) });
    put(plot, lineChart({ x: word("nv_position"), y: word("nv_response"), label: word("nv_response"), height: 170,
      lines: [{ points: places.map((place, k) => ([place, of(k)])), hue: CURVE },
        { points: places.length ? [[places[0], found.blank[channel]], [/** @type {number} */ (places.at(-1)), found.blank[channel]]] : [], hue: "#8a93a3", dash: true },
        { points: [[here, of(places.length)]], hue: FIELD, dots: true }] }),
    table(word("nv_table"), [word("nv_position"), word("nv_response")], places.map((place, k) => [short(place, 3), short(of(k))])));
  }
  return {
    element,
    load() { seen = null; show(); },
    close() { seen = null; said.textContent = ""; put(plot); },
  };
}
