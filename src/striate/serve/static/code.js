// @ts-check
/** Lines of code that reproduce what is shown, with a button that copies them. */

import { make } from "./make.js";

/**
 * @param {Page} page @param {Record<string, string[]>} code lines by name
 */
export function codePanel(page, code) {
  return make("details", { class: "code" }, make("summary", {}, page.word("code")),
    Object.entries(code).map(([name, lines]) => make("figure", {},
      make("figcaption", {}, name, make("button", { type: "button", onclick: async () => {
        await navigator.clipboard.writeText(`${lines.join("\n")}\n`);
        page.say(page.word("copied"));
      } }, page.word("copy"))),
      make("pre", { tabindex: 0 }, lines.join("\n")))));
}
