// @ts-check
/** Questions to the server, or to the answers that this file holds where it was exported. */

/** @type {Record<string, any> | null} answers by question and what was given with it */
const recorded = JSON.parse(document.getElementById("recorded")?.textContent ?? "null");

/** Whether there is no server behind the page. */
export const offline = recorded !== null;

/** @param {string} question @param {object} [given] */
export async function ask(question, given = {}) {
  if (!recorded) return asked(question, JSON.stringify(given));
  const { channels, ...rest } = /** @type {{channels?: number[]}} */ (given);
  if (!channels) return held(question, given);
  const planes = channels.map((channel) => held(question, { ...rest, channels: [channel] }));
  return { kind: planes[0].kind, shape: [planes.length, ...planes[0].shape.slice(1)], data: btoa(planes.map((plane) => atob(plane.data)).join("")) };
}

/** An answer, put together from its pieces; asked anew where it changed meanwhile.
 * @param {string} question @param {string} body @returns {Promise<any>}
 */
async function asked(question, body) {
  const piece = (/** @type {number} */ k) => fetch(`ask/${question}${k ? `?piece=${k}` : ""}`, { method: "POST", body });
  const first = await piece(0), count = Number(first.headers.get("x-pieces") ?? 1);
  if (count === 1) return told(first);
  const found = [await first.blob()];
  while (found.length < count) {
    const next = await piece(found.length);
    if (next.headers.get("etag") !== first.headers.get("etag")) return asked(question, body);
    found.push(await next.blob());
  }
  return JSON.parse(await new Blob(found).text());
}

/** @param {string} question @param {object} given */
function held(question, given) {
  const answer = recorded?.[`${question} ${JSON.stringify(sorted(given))}`];
  if (answer === undefined) throw new Error(recorded?.["absent {}"][document.documentElement.lang === "zh" ? 1 : 0]);
  return answer;
}

/** A value with its keys in order: what was asked has one spelling. @param {any} value @returns {any} */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

/** What a response says, or what went wrong. @param {Response} response */
export async function told(response) {
  const answer = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}
