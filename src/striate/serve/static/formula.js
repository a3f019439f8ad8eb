// @ts-check
/** The formula of the output's size in MathML, with its numbers. */

const MATH = "http://www.w3.org/1998/Math/MathML";

/**
 * @param {string} tag @param {...(Node | string)} children
 */
function math(tag, ...children) {
  const element = document.createElementNS(MATH, tag);
  element.append(...children);
  return element;
}

/** @param {string} text letters, numbers and signs, one by one with spaces between */
function run(text) {
  return text.split(" ").map((part) =>
    math(/^[a-zᵢₒ]+$/i.test(part) ? "mi" : /^\d/.test(part) ? "mn" : "mo", part));
}

/**
 * The size along an axis, in letters and in numbers.
 * @param {string[]} numbers n, p, d, k, s, output padding, result @param {boolean} transposed
 */
export function sizeFormula([n, p, d, k, s, extra, out], transposed) {
  const element = transposed
    ? math("math", ...run("( n − 1 ) s − 2 p + d ( k − 1 ) + q + 1 ="),
      ...run(`( ${n} − 1 ) ⋅ ${s} − 2 ⋅ ${p} + ${d} ⋅ ( ${k} − 1 ) + ${extra} + 1 = ${out}`))
    : math("math", math("mo", "⌊"), math("mfrac", math("mrow", ...run("n + 2 p − d ( k − 1 ) − 1")), math("mi", "s")), ...run("⌋ + 1 ="),
      math("mo", "⌊"), math("mfrac", math("mrow", ...run(`${n} + 2 ⋅ ${p} − ${d} ⋅ ( ${k} − 1 ) − 1`)), math("mn", s)), ...run(`⌋ + 1 = ${out}`));
  element.setAttribute("display", "inline");
  return element;
}
