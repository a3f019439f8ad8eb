// @ts-check
/**
 * What the page shows, kept in its address: `#view?key=value&...`, each value in JSON. An address shows the same page
 * again; the browser's Back takes a change back.
 */

/** Changes that follow one another faster than this (a drag) are taken back as one. */
const ONE_CHANGE = 600;

let last = 0;

/** @returns {{view: string, values: Record<string, any>}} */
export function read() {
  const [view, query = ""] = location.hash.slice(1).split("?");
  /** @type {Record<string, any>} */
  const values = {};
  for (const [key, text] of new URLSearchParams(query)) {
    try {
      values[key] = JSON.parse(text);
    } catch {
      continue;
    }
  }
  return { view, values };
}

/**
 * The address of a view in a state; what is null, undefined or false is left out.
 * @param {string} view @param {Record<string, any>} values
 */
export function address(view, values) {
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== false);
  const query = new URLSearchParams(kept.map(([key, value]) => [key, JSON.stringify(value)])).toString();
  return `#${view}${query ? `?${query}` : ""}`;
}

/**
 * Changes some values of the state.
 * @param {Record<string, any>} more
 */
export function change(more) {
  const { view, values } = read(), next = address(view, { ...values, ...more });
  if (next === location.hash) return;
  const now = Date.now(), pushes = now - last > ONE_CHANGE;
  last = now;
  history[pushes ? "pushState" : "replaceState"](null, "", next);
}

/** Begins anew: the next change does not make an entry of its own. */
export function settle() {
  last = Date.now();
}
