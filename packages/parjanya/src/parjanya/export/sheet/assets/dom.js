// @ts-check
/* Building blocks: elements from text, numbers and dates as the reader's language writes them.
 * Nothing in this page is ever parsed as markup: names of files are chosen by strangers and only become text nodes.
 * The types named `Sheet.…` in all scripts are declared in the project's tests/browser/types.d.ts; the page does not need them. */
"use strict";
(function () {
  const PS = (window.ParjanyaSheet = window.ParjanyaSheet || /** @type {Sheet.Page} */ ({}));
  const language = navigator.language;

  /**
   * An element. Keys of `props`: `class`, `on` (listeners), `data`, `value`/`checked`/`selected` as properties, else attributes;
   * null and false leave an attribute out. Children: elements or anything that has a text.
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag @param {Sheet.Props=} props @param {...(Sheet.Piece|Sheet.Piece[])} children @returns {HTMLElementTagNameMap[Tag]}
   */
  function h(tag, props, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "class") element.className = String(value);
      else if (name === "on") for (const [event, run] of /** @type {[string, EventListener][]} */ (Object.entries(value))) element.addEventListener(event, run);
      else if (name === "data") Object.assign(element.dataset, value);
      else if (name === "value" || name === "selected") Object.assign(element, { [name]: value });
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined && child !== false) element.append(child instanceof Node ? child : String(child));
    }
    return element;
  }

  /** An element that the page always has; its absence is a fault of the page, told by name. @param {string} id @returns {HTMLElement} */
  function byId(id) {
    const element = document.getElementById(id);
    if (!element) throw new Error(`the page has no element #${id}`);
    return element;
  }

  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });

  /** @param {number} value */
  const number = (value) => (Number.isInteger(value) ? whole : fine).format(value);

  /** The local time of the camera, shown as it was: no time zone is applied. @param {string|null} text */
  function localTime(text) {
    const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)/.exec(text || "");
    if (!parts) return text || null;
    const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
    const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" }).format(at);
  }

  /** @param {number} ms */
  const moment = (ms) => new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(new Date(ms));

  /** `subject_sharpness` → `Subject sharpness` @param {string} name */
  function words(name) {
    const text = String(name).replace(/[_-]+/g, " ");
    return text.charAt(0).toUpperCase() + text.slice(1);
  }

  /** A value of unknown kind, for a table of evidence. @param {unknown} value @returns {string} */
  function show(value) {
    if (value === null || value === undefined) return "unknown";
    if (typeof value === "number") return number(value);
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (Array.isArray(value)) return value.map(show).join(", ");
    if (typeof value === "object") return Object.entries(value).map(([k, v]) => `${words(k)} ${show(v)}`).join(" · ");
    return String(value);
  }

  /** Characters that are not seen, or that turn a name around (`gpj.exe`), are spelled out. @param {string} text */
  const visible = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${(/** @type {number} */ (c.codePointAt(0))).toString(16).padStart(4, "0")}`);

  /** How each verdict looks and is called; `failed` and `open` are what an image is when it has no verdict. */
  const VERDICTS = /** @type {Sheet.Looks} */ ({
    keep: { glyph: "✓", name: "Keep" },
    review: { glyph: "?", name: "Review" },
    reject: { glyph: "✕", name: "Reject" },
    failed: { glyph: "!", name: "Failed" },
    open: { glyph: "…", name: "Not judged yet" },
  });

  /** @type {Sheet.Blocks} */
  const blocks = { h, byId, number, percent: share.format, localTime, moment, words, show, visible, VERDICTS };
  Object.assign(PS, blocks);
})();
