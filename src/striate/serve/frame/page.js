// @ts-check
/** What stands before the page's modules in a notebook's frame: what the page fetches is asked of the notebook. */

{
  /** @type {Map<number, (answer: Response) => void>} */
  const waiting = new Map();
  let count = 0;

  /** What stands in the page until the kernel answers, in each language. */
  const told = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("main > p"));
  const silent = Object.fromEntries([...told].map((line) => [line.lang, line.textContent]));

  window.fetch = (address, given) => new Promise((resolve) => {
    waiting.set(++count, resolve);
    parent.postMessage({ number: count, address, body: given?.body }, "*");
  });

  window.addEventListener("message", ({ source, data }) => {
    if (source !== parent) return;
    document.documentElement.style.colorScheme = data.scheme;
    const body = data.body ?? JSON.stringify({ error: silent[document.documentElement.lang] });
    waiting.get(data.number)?.(new Response(body, { status: data.status }));
    waiting.delete(data.number);
  });
}
