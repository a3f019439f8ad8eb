// @ts-check
/** The network beside a view: as a list of layers, or drawn as a graph whose stages open and close. */

import { choice, draw, list, make, short } from "./make.js";

/** @type {WeakMap<Page, Promise<any>>} */
const told = new WeakMap();

/**
 * The network of a page, asked for once.
 * @param {Page} page
 */
export function network(page) {
  let found = told.get(page);
  if (!found) {
    found = page.ask("network");
    told.set(page, found);
  }
  return found;
}

/**
 * The layers as a list and as a graph; `pick` is told the name of a layer that is chosen.
 * @param {Page} page @param {{layers: Table[]}} net @param {(layer: string) => void} pick
 */
export function networkPanel(page, net, pick) {
  const body = make("div", { class: "nv-net-body" });
  const search = make("input", { type: "search", placeholder: page.word("nv_find"), "aria-label": page.word("nv_find"),
    oninput: () => list.filter(/** @type {HTMLInputElement} */ (search).value) });
  const shown = page.state.get().net ?? "list";
  const list = layerList(page, net, pick);
  const graph = layerGraph(page, net, pick);
  const tabs = choice(page.word("nv_network"), [["list", page.word("nv_list")], ["graph", page.word("nv_graph")]], shown,
    (tab) => { page.state.set({ net: tab }); show(tab); });
  /** @param {string} tab */
  function show(tab) {
    search.hidden = tab !== "list";
    body.replaceChildren(tab === "list" ? list.element : graph.element);
    if (tab === "graph") graph.load();
  }
  show(shown);
  return {
    element: make("section", { class: "nv-net", "aria-label": page.word("nv_network") },
      make("div", { class: "nv-bar" }, tabs, search), body),
    /** @param {string} layer */
    choose(layer) { list.choose(layer); graph.choose(layer); },
    /** @param {Map<string, string> | null} notes what to write beside each layer in place of its costs */
    note(notes) { list.note(notes); },
  };
}

/**
 * @param {Page} page @param {{layers: Table[]}} net @param {(layer: string) => void} pick
 */
function layerList(page, net, pick) {
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  const costs = new Map(net.layers.map(({ layer }) => [layer.name, layer.macs ? compact(layer.macs) : ""]));
  const body = make("tbody", {}, net.layers.map((table) => {
    const { layer, cells } = table, [field = "-", jump = "-", , status = ""] = cells[page.lang] ?? cells.en;
    const row = make("tr", { tabindex: -1, "data-layer": layer.name, "aria-selected": "false", title: status,
      class: table.map ? null : "nv-nomap", onclick: () => pick(layer.name), onkeydown: move },
    make("th", { scope: "row" }, make("span", { class: "nv-name" }, tail(layer.name)),
      make("small", {}, `${layer.op} · ${layer.shape.join("×")}`)),
    make("td", {}, field.replaceAll(" x ", "×"), layer.global_via.length ? make("i", { class: "nv-flag", title: status }, "∗") : null,
      layer.misaligned.length ? make("i", { class: "nv-flag", title: status }, "⇹") : null),
    make("td", {}, jump.replaceAll(" x ", "×")), make("td", { class: "nv-cost" }, costs.get(layer.name)));
    rows.set(layer.name, row);
    return row;
  }));
  const costHead = make("th", { scope: "col" }, "MACs");
  const element = make("div", { class: "nv-scroll nv-list" }, make("table", { role: "grid", "aria-label": page.word("nv_network") },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, page.word("nv_layer")),
      make("th", { scope: "col" }, page.word("nv_field")), make("th", { scope: "col" }, page.word("nv_jump")), costHead)), body));
  /** @param {Event} event */
  function move(event) {
    const { key } = /** @type {KeyboardEvent} */ (event), row = /** @type {HTMLElement} */ (event.currentTarget);
    const steps = /** @type {Record<string, Element | null>} */ ({ ArrowDown: row.nextElementSibling,
      ArrowUp: row.previousElementSibling, Home: body.firstElementChild, End: body.lastElementChild });
    const next = /** @type {HTMLElement | null | undefined} */ (steps[key]);
    if (key === "Enter" || next) event.preventDefault();
    if (key === "Enter") pick(/** @type {string} */ (row.dataset.layer));
    next?.focus();
    if (next) pick(/** @type {string} */ (next.dataset.layer));
  }
  return {
    element,
    /** @param {string} layer */
    choose(layer) {
      for (const [name, row] of rows) {
        row.setAttribute("aria-selected", String(name === layer));
        row.tabIndex = name === layer ? 0 : -1;
      }
      requestAnimationFrame(() => {
        const top = rows.get(layer)?.offsetTop ?? 0, seen = top - element.scrollTop;
        if (seen < 30 || seen > element.clientHeight - 50) element.scrollTop = top - element.clientHeight / 2;
      });
    },
    /** @param {Map<string, string> | null} notes */
    note(notes) {
      costHead.textContent = notes ? page.word("nv_units") : "MACs";
      for (const [name, row] of rows) {
        const cell = /** @type {HTMLElement} */ (row.lastElementChild);
        cell.textContent = (notes ?? costs).get(name) ?? "";
        row.classList.toggle("nv-lit", Boolean(notes?.get(name)));
      }
    },
    /** @param {string} text */
    filter(text) {
      for (const [name, row] of rows) row.hidden = !name.toLowerCase().includes(text.toLowerCase());
    },
  };
}

/**
 * @param {Page} page @param {{layers: Table[]}} net @param {(layer: string) => void} pick
 */
function layerGraph(page, net, pick) {
  const crumbs = make("div", { class: "nv-crumbs" }), place = make("div", { class: "nv-scroll nv-graph", tabindex: 0 });
  const element = make("div", {}, crumbs, place);
  const facts = new Map(net.layers.map((table) => [table.layer.name, table]));
  /** @type {string[] | null} */
  let opened = page.state.get().opened ?? null;
  let chosen = "", loaded = "";
  /** @type {Map<string, SVGElement>} */
  const boxes = new Map();
  async function load() {
    const asked = JSON.stringify(opened);
    if (loaded === asked) return;
    loaded = asked;
    const found = await page.ask("graph", opened ? { opened } : {});
    opened = found.opened;
    loaded = JSON.stringify(opened);
    place.replaceChildren(drawn(found));
    const stages = [...new Set(list(found.boxes).flatMap((box) => box.within))];
    crumbs.replaceChildren(...stages.map((stage) => make("button", { type: "button", title: page.word("nv_close"),
      onclick: () => turn(stage, false) }, `▾ ${tail(stage)}`)));
    choose(chosen);
  }
  /** @param {string} stage @param {boolean} open */
  function turn(stage, open) {
    opened = (opened ?? []).filter((name) => name !== stage && (open || !name.startsWith(stage)));
    if (open) opened.push(stage);
    page.state.set({ opened });
    load();
  }
  /** @param {any} found */
  function drawn(found) {
    const [width, height] = found.size, [wide, tall] = found.box;
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": page.word("nv_graph") });
    for (const { points, skip } of found.routes) svg.append(draw("path", { d: bent(points), class: skip ? "nv-skip" : "nv-link" }));
    boxes.clear();
    for (const box of found.boxes) {
      const fact = facts.get(box.layer), cells = fact?.cells[page.lang] ?? [];
      const told = `${box.folder || box.layer}\n${fact ? fact.layer.shape.join("×") : ""}  ${cells[0] ?? ""}`;
      const name = (box.folder || box.layer).split("/").slice(box.folder ? -1 : -2).join("/");
      const act = () => pick(box.layer);
      const group = draw("g", { class: `nv-box${box.folder ? " nv-stage" : ""}`, "data-layer": box.layer, tabindex: 0,
        transform: `translate(${box.x} ${box.y})`, role: "button", onclick: act,
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Enter") act();
          if (event.key === "ArrowRight" && box.folder) turn(box.folder, true);
          if (event.key === "ArrowLeft" && box.within.length) turn(box.within.at(-1), false);
        } },
      draw("title", {}, told), draw("rect", { width: wide, height: tall, rx: 6 }),
      draw("text", { x: 8, y: 14 }, clipped(name, box.folder ? 15 : 18)),
      draw("text", { x: 8, y: 27, class: "nv-soft" }, clipped(`${box.folder ? page.word("nv_nodes", { count: box.nodes.length }) : fact?.layer.op ?? ""} · ${(cells[0] ?? "").replaceAll(" x ", "×")}`, 24)),
      box.folder && draw("text", { x: wide - 18, y: 21, class: "nv-open", onclick: (/** @type {Event} */ event) => {
        event.stopPropagation();
        turn(box.folder, true);
      } }, "▸"));
      svg.append(group);
      for (const inside of [box.layer, ...box.nodes]) boxes.set(inside, group);
    }
    return svg;
  }
  /** @param {string} layer */
  function choose(layer) {
    chosen = layer;
    place.querySelector(".nv-chosen")?.classList.remove("nv-chosen");
    const box = boxes.get(layer);
    box?.classList.add("nv-chosen");
    const [x, y] = (box?.getAttribute("transform") ?? "").match(/[\d.]+/g)?.map(Number) ?? [0, 0];
    requestAnimationFrame(() => place.scrollTo(x - place.clientWidth / 2 + 66, y - place.clientHeight / 2));
  }
  return { element, load, choose };
}

/**
 * A way that bends softly between points.
 * @param {number[][]} points
 */
function bent(points) {
  const [[x, y], ...rest] = points;
  let way = `M${x} ${y}`, [before, above] = [x, y];
  for (const [across, down] of rest) {
    const half = (above + down) / 2;
    way += across === before ? `V${down}` : `C${before} ${half} ${across} ${half} ${across} ${down}`;
    [before, above] = [across, down];
  }
  return way;
}

/**
 * The end of a name, which tells layers of one stage apart.
 * @param {string} name
 */
export function tail(name) {
  const parts = name.split("/").filter(Boolean);
  return parts.slice(-3).join("/") || name;
}

/**
 * The end of a text as wide as some letters; Chinese ones are twice as wide.
 * @param {string} text @param {number} most
 */
function clipped(text, most) {
  let wide = 0, from = text.length;
  while (from && wide < most) wide += text.charCodeAt(--from) > 0x2e80 ? 2 : 1;
  return from ? `…${text.slice(from + 1)}` : text;
}

/**
 * 1.2 M for 1,200,000.
 * @param {number} count
 */
export function compact(count) {
  const [step, letter] = [[1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([least]) => count >= Number(least)) ?? [1, ""];
  return `${short(count / Number(step), 3)}${letter ? ` ${letter}` : ""}`;
}
