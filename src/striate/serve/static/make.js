// @ts-check
/** Elements of the page, made in one line each. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * An element with attributes; those that begin with "on" are listeners, others left out where null or false.
 * @param {string} tag @param {Record<string, any>} [given] @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function make(tag, given = {}, ...children) {
  return /** @type {HTMLElement} */ (fill(document.createElement(tag), given, children));
}

/**
 * Fills an element anew; what had the focus has it again, where something of its name is there.
 * @param {HTMLElement} root @param {...Child} children
 */
export function replace(root, ...children) {
  const name = root.contains(document.activeElement) && document.activeElement?.getAttribute("aria-label");
  root.replaceChildren(...children.filter((child) => child instanceof Node));
  if (name) /** @type {HTMLElement | null} */ (root.querySelector(`[aria-label="${CSS.escape(name)}"]`))?.focus();
}

/**
 * A canvas that shows its pixels as squares.
 * @returns {HTMLCanvasElement}
 */
export function canvas() {
  return /** @type {HTMLCanvasElement} */ (make("canvas", { class: "nv-values" }));
}

/**
 * Fills a canvas with pixels, row by row, each as red, green, blue and alpha.
 * @param {HTMLCanvasElement} canvas @param {number[]} size rows and columns @param {(k: number) => number[]} colour
 */
export function pixels(canvas, [rows, columns], colour) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  for (let k = 0; k < rows * columns; k++) image.data.set(colour(k), 4 * k);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/**
 * The same of a drawing.
 * @param {string} tag @param {Record<string, any>} [given] @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function draw(tag, given = {}, ...children) {
  return /** @type {SVGElement} */ (fill(document.createElementNS(SVG, tag), given, children));
}

/**
 * @param {Element} element @param {Record<string, any>} given @param {(Child | Child[])[]} children
 */
function fill(element, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") /** @type {HTMLElement} */ (element).style.cssText = value;
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

/**
 * Fills an element anew.
 * @param {Element} element @param {...Child} children
 */
export function put(element, ...children) {
  element.replaceChildren();
  fill(element, {}, children);
}

/**
 * A table behind a picture, closed at first.
 * @param {string} title @param {string[]} head @param {(string | number)[][]} rows
 */
export function table(title, head, rows) {
  return make("details", { class: "nv-table" }, make("summary", {}, title),
    make("div", { class: "nv-scroll", tabindex: 0 }, make("table", {},
      make("thead", {}, make("tr", {}, head.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell) => make("td", {}, cell))))))));
}

/**
 * A row of buttons of which one is pressed.
 * @param {string} label @param {[string, string][]} options value and text @param {string} chosen
 * @param {(value: string) => void} pick
 */
export function choice(label, options, chosen, pick) {
  const buttons = options.map(([value, text]) =>
    make("button", { type: "button", "aria-pressed": String(value === chosen), "data-value": value,
      onclick: () => { press(value); pick(value); } }, text));
  /** @param {string} value */
  function press(value) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
  }
  return Object.assign(make("div", { class: "nv-choice", role: "group", "aria-label": label }, buttons), { press });
}

/**
 * A number as short as tells it.
 * @param {number | null | undefined} value @param {number} [digits] @returns {string}
 */
export function short(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "n/a";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

/**
 * A list whose elements are of any type, as the server sends them.
 * @param {any} many @returns {any[]}
 */
export const list = (many) => many;
