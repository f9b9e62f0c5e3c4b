// @ts-check
/* What is shown lives in the address: a filter, an open image, a comparison can be bookmarked, sent, and gone back from.
 *   v verdict   m medium   r reason   g group   q text   s order   z size   i open image   c compared group */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const KEYS = ["v", "m", "r", "g", "q", "s", "z", "i", "c"];
  /** @type {Sheet.Shown} */ let current = {};
  /** @type {Sheet.Listener[]} */ const listeners = [];

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    return Object.fromEntries(KEYS.filter((key) => given.get(key)).map((key) => [key, /** @type {string} */ (given.get(key))]));
  }

  /** @param {Record<string, string|null|undefined>} values */
  function address(values) {
    const wanted = new URLSearchParams();
    for (const key of KEYS) if (values[key]) wanted.set(key, /** @type {string} */ (values[key]));
    return "#" + wanted.toString();
  }

  const state = {
    get: () => current,
    /** The address that `change` leads to. @param {Sheet.Change} change */
    link: (change) => address({ ...current, ...change }),
    /** Go there; `quietly` leaves no step to go back to (typing, browsing). @param {Sheet.Change} change @param {boolean=} quietly */
    set(change, quietly) {
      const target = address({ ...current, ...change });
      if (target === address(current)) return;
      if (quietly) location.replace(target);
      else location.hash = target;
      update();
    },
    /** @param {Sheet.Listener} listener */
    onChange: (listener) => listeners.push(listener),
    start: () => update(true),
  };

  /** @param {boolean=} first */
  function update(first) {
    const before = current;
    const now = read();
    if (!first && address(now) === address(before)) return;
    current = now;
    for (const listener of listeners) listener(now, before);
  }

  addEventListener("hashchange", () => update());
  PS.state = state;
})();
