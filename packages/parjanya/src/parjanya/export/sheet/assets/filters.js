// @ts-check
/* The head of the sheet and the bar of filters. Every count is a link to the images it counts. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const { h, byId, number, percent, moment, words, VERDICTS, state, model } = PS;
  /** @type {Sheet.Standing[]} */ const STATES = ["keep", "review", "reject", "failed", "open"];
  const CLEAR = { v: null, m: null, r: null, g: null, q: null };
  const ORDERS = { taken: "Time taken", name: "Name", verdict: "Verdict", sharpest: "Sharpest first", softest: "Softest first" };
  const GROUPS = { any: "In a group", best: "Best of each group", none: "Not in a group" };
  const SIZES = { s: "Small", m: "Medium", l: "Large" };

  function head() {
    const meta = model.meta;
    document.title = `${meta.title} – contact sheet`;
    const counts = new Map(model.counts((image) => [image.state]));
    const count = (/** @type {string} */ name) => counts.get(name) || 0;
    const shown = STATES.filter(count);
    const facts = /** @type {[string, string][]} */ ([
      meta.engine && ["Seen by", meta.engine],
      (meta.policy || meta.policy_version) && ["Policy", [meta.policy, meta.policy_version].filter(Boolean).join(" · ")],
      ["Made", moment(meta.made_ms)],
    ].filter(Boolean));
    byId("head").replaceChildren(
      h("div", { class: "title" },
        h("h1", { dir: "auto" }, meta.title),
        h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value))))),
      h("div", { class: "shares", "aria-hidden": "true" }, shown.map((name) => share(name, count(name)))),
      h("nav", { class: "tabs", "aria-label": "Verdicts" }, tab("", "All", "", model.images.length),
        shown.map((name) => tab(name, VERDICTS[name].name, VERDICTS[name].glyph, count(name)))),
      failures(),
    );
  }

  /** @param {string} name @param {number} count */
  function share(name, count) {
    const part = h("span", { class: `share ${name}` });
    part.style.flexGrow = String(count);
    return part;
  }

  /** @param {string} name @param {string} label @param {string} glyph @param {number} count */
  function tab(name, label, glyph, count) {
    const part = name ? percent(count / model.images.length) : null;
    return h("a", { class: `tab ${name}`, href: "#", data: { v: name }, title: part && `${part} of all images` },
      glyph && h("span", { class: "glyph", "aria-hidden": "true" }, glyph), h("span", {}, label), h("b", {}, number(count)));
  }

  function failures() {
    const why = model.counts((image) => [image.state === "failed" ? image.failure || "unknown reason" : null]);
    const notes = [];
    if (why.length) {
      const total = why.reduce((sum, [, count]) => sum + count, 0);
      notes.push(h("p", { class: "note" }, `${number(total)} could not be judged: `, why.flatMap(([code, count], i) =>
        [i ? " · " : "", h("a", { href: "#", data: { r: code } }, code), ` ${number(count)}`])));
    }
    if (model.meta.missing) notes.push(h("p", { class: "note" }, `${number(model.meta.missing)} previews could not be read and are not shown.`));
    return notes.length ? h("div", { class: "notes" }, notes) : "";
  }

  /** @param {string} key @param {string} label @param {string} all @param {[string, string][]} options */
  function choice(key, label, all, options) {
    return h("label", { class: "choice" }, h("span", { class: "unseen" }, label),
      h("select", { data: { key }, on: { change: (e) => state.set({ [key]: valueOf(e) || null, i: null }) } },
        all && h("option", { value: "" }, all), options.map(([value, text]) => h("option", { value }, text))));
  }

  /** What was typed or chosen. @param {Event} event */
  const valueOf = (event) => /** @type {HTMLInputElement|HTMLSelectElement} */ (event.target).value;

  function bar() {
    /** @param {[string, number]} counted @returns {[string, string]} */
    const counted = ([value, count]) => [value, `${value} (${number(count)})`];
    const media = model.counts((image) => [image.medium || "unknown"]);
    const codes = model.counts((image) => [...new Set(image.codes), image.failure]);
    byId("bar").replaceChildren(
      h("label", { class: "search" }, h("span", { class: "unseen" }, "Search names and reasons"),
        h("input", { id: "q", type: "search", placeholder: "Search names and reasons", autocomplete: "off", spellcheck: "false",
          on: { input: (e) => state.set({ q: valueOf(e) || null, i: null }, true) } })),
      choice("r", "Reason", "Any reason", codes.map(counted)),
      choice("m", "Medium", "Any medium", media.map(([value, count]) => [value, `${words(value)} (${number(count)})`])),
      model.groups.size ? choice("g", "Groups", "With groups", Object.entries(GROUPS)) : "",
      choice("s", "Order", "", Object.entries(ORDERS)),
      h("div", { class: "sizes", role: "group", "aria-label": "Size of the thumbnails" }, Object.entries(SIZES).map(([size, name]) =>
        h("button", { type: "button", class: `size ${size}`, "aria-label": name, title: name, data: { size }, on: { click: () => state.set({ z: size === "m" ? null : size }, true) } }, h("i", {})))),
      h("button", { type: "button", class: "quiet help", title: "Keyboard (?)", "aria-label": "Keyboard shortcuts", on: { click: () => PS.keys.help() } }, "?"),
      h("p", { class: "result" }, h("span", { id: "count", role: "status" }),
        h("span", { id: "only" }), h("button", { type: "button", id: "clear", class: "quiet", on: { click: () => state.set({ ...CLEAR, i: null }) } }, "Clear filters")),
    );
  }

  /** @param {number} count */
  function refresh(count) {
    const now = state.get();
    for (const link of document.querySelectorAll("#head a")) {
      const { v, r } = /** @type {HTMLElement} */ (link).dataset;
      link.setAttribute("href", state.link(r ? { ...CLEAR, r, i: null, c: null } : { v: v || null, i: null, c: null }));
      if (v !== undefined) setCurrent(link, (now.v || "") === v);
    }
    for (const select of /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll("#bar select"))) {
      const value = now[/** @type {string} */ (select.dataset.key)] || "";
      select.value = [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
      select.classList.toggle("on", select.dataset.key !== "s" && select.value !== "");
    }
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#bar .size")))
      button.setAttribute("aria-pressed", String((now.z || "m") === button.dataset.size));
    const q = /** @type {HTMLInputElement} */ (byId("q"));
    if (document.activeElement !== q) q.value = now.q || "";
    const all = model.images.length;
    byId("count").textContent = count === all ? `${number(all)} images` : `${number(count)} of ${number(all)} images`;
    byId("only").textContent = now.g && !(now.g in GROUPS) ? "one group" : "";
    byId("clear").hidden = !["v", "m", "r", "g", "q"].some((key) => now[key]);
  }

  /** @param {Element} link @param {boolean} current */
  function setCurrent(link, current) {
    if (current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }

  PS.filters = { build() { head(); bar(); }, refresh, CLEAR };
})();
