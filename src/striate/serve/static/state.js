// @ts-check
/**
 * What the page shows, kept in its address: `#view?key=value&...`, each value in JSON. An address shows the same page
 * again; the browser's Back takes a change back.
 */

/** Changes that follow one another faster than this (a drag) are taken back as one. */
const ONE_CHANGE = 600;

let last = 0;

/** In a frame without an address of its own (a notebook's) the addresses are held here. @type {string[] | null} */
const trail = location.protocol === "about:" ? [""] : null;

/** What is shown. */
function here() {
  return trail ? trail[trail.length - 1] : location.hash;
}

/** Shows an address. @param {string} next */
export function go(next) {
  if (!trail) return location.replace(next);
  trail.push(next);
  window.dispatchEvent(new Event("popstate"));
}

/** Takes the last change back. */
export function back() {
  if (!trail) return history.back();
  if (trail.length > 2) trail.pop();
  window.dispatchEvent(new Event("popstate"));
}

/** Follows a link of the page where a frame would leave it. @param {Event} event */
export function follow(event) {
  const link = trail && /** @type {Element} */ (event.target).closest('a[href^="#"]');
  if (!link) return;
  event.preventDefault();
  go(link.getAttribute("href") ?? "");
}

/** @returns {{view: string, values: Record<string, any>}} */
export function read() {
  const [view, query = ""] = here().slice(1).split("?");
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
  if (next === here()) return;
  const now = Date.now(), pushes = now - last > ONE_CHANGE;
  last = now;
  if (trail) trail.splice(pushes ? trail.length : -1, 1, next);
  else history[pushes ? "pushState" : "replaceState"](null, "", next);
}

/** Begins anew: the next change makes no entry of its own. */
export function settle() {
  last = Date.now();
}
