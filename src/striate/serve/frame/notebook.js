// @ts-check
/**
 * The page in the output of a notebook's cell: a frame of no origin, which reaches neither the notebook nor its server.
 * What it asks goes to the kernel by the widget's messages.
 * @typedef {{get: (name: string) => any, send: (content: object, callbacks: undefined, buffers: ArrayBuffer[]) => void,
 *   on: (event: string, act: (...given: any[]) => void) => void, off: (event: string, act: (...given: any[]) => void) => void}} Model
 */

/** A Jupyter server takes messages of up to 10 MB; longer bodies are sent in pieces. */
const PIECE = 4 << 20;

/** @param {{model: Model, el: HTMLElement}} given */
function render({ model, el }) {
  const frame = document.createElement("iframe"), view = Math.random();
  frame.setAttribute("sandbox", "allow-scripts");
  frame.allow = "clipboard-write *";
  frame.title = "striate";
  Object.assign(frame.style, { width: "100%", border: "0" });
  frame.srcdoc = model.get("_html");

  function size() {
    frame.style.height = `${model.get("height")}px`;
  }
  /** @param {MessageEvent} event */
  async function ask({ source, data: { number, address, body } }) {
    if (source !== frame.contentWindow) return;
    const bytes = await new Response(body).arrayBuffer();
    try {
      for (let from = 0, more = true; more; from += PIECE) {
        more = from + PIECE < bytes.byteLength;
        model.send({ view, number, address, more }, undefined, [bytes.slice(from, from + PIECE)]);
      }
    } catch {
      answer({ view, number, status: 503 }, []);
    }
  }
  /** @param {{view: number, number: number, status: number}} told @param {DataView[]} buffers */
  function answer({ view: asking, number, status }, [body]) {
    if (asking === view) frame.contentWindow?.postMessage({ number, status, body, scheme: behind(el) }, "*");
  }

  size();
  window.addEventListener("message", ask);
  model.on("msg:custom", answer);
  model.on("change:height", size);
  el.append(frame);
  return () => {
    window.removeEventListener("message", ask);
    model.off("msg:custom", answer);
    model.off("change:height", size);
  };
}

/**
 * Whether the notebook is light or dark behind an element.
 * @param {Element | null} element @returns {"light" | "dark"}
 */
function behind(element) {
  if (!element) return "light";
  const found = /^rgba?\((\d+), (\d+), (\d+)(, 0)?/.exec(getComputedStyle(element).backgroundColor);
  if (!found || found[4]) return behind(element.parentElement);
  return found.slice(1, 4).reduce((sum, part) => sum + Number(part), 0) < 384 ? "dark" : "light";
}

export default { render };
