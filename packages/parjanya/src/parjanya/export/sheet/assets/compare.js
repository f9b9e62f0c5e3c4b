// @ts-check
/* The members of a group side by side, under one loupe: point at an eye in one frame and see that eye in all. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const { h, byId, number, words, show, VERDICTS, state, model } = PS;
  const LOWER_IS_BETTER = new Set(["noise", "clipped_highlights", "clipped_shadows"]);
  const MOST = 12;
  /** @type {HTMLDialogElement} */ let dialog;
  let magnified = false;
  let asked = 0;

  /** @param {string} group */
  async function open(group) {
    const all = model.groups.get(group) || [];
    const members = all.slice(0, MOST);
    const turn = ++asked;
    if (!members.length) return;
    const facts = await Promise.all(members.map((member) => model.detail(member).catch(() => /** @type {Sheet.Details} */ ({}))));
    if (turn !== asked) return;
    magnified = false;
    const names = [...new Set(facts.flatMap((fact) => Object.keys(fact.scores || {})))];
    dialog.replaceChildren(
      h("div", { class: "tools" }, h("h2", {}, `${PS.kindName(all[0].kind)} of ${number(all.length)}`),
        all.length > MOST && h("span", { class: "small" }, `the best ${number(MOST)} are shown`), h("span", { class: "space" }),
        h("button", { type: "button", class: "quiet wide", "aria-pressed": "false", id: "loupe", title: "Magnify (Z)", on: { click: () => magnify() } }, "Magnify"),
        h("button", { type: "button", class: "quiet", "aria-label": "Close comparison", title: "Close (Esc)", on: { click: close } }, "✕")),
      h("div", { class: "columns" }, members.map((member, i) => column(member, facts[i], facts, names))),
    );
    if (!dialog.open) dialog.showModal();
  }

  /** @param {Sheet.Image} image @param {Sheet.Details} fact @param {Sheet.Details[]} facts @param {string[]} names */
  function column(image, fact, facts, names) {
    const verdict = VERDICTS[image.state] || VERDICTS.open;
    const source = fact.large || image.thumb;
    const differences = (fact.group?.differences || []).map((d) => h("li", { dir: "auto" }, d.text || show(d)));
    return h("article", { class: `column ${image.best ? "best" : ""}` },
      h("div", { class: "view", on: { pointermove: follow, click: (e) => { follow(e); magnify(); } } },
        source ? h("img", { src: `media/${source}`, alt: `Preview of ${image.name}` }) : "No preview"),
      h("p", { class: "name" }, h("button", { type: "button", class: "link", dir: "auto", on: { click: () => state.set({ c: null, i: image.id }) } }, image.name)),
      h("p", { class: `verdict ${image.state}` }, h("span", { class: "glyph", "aria-hidden": "true" }, verdict.glyph), verdict.name,
        image.best && h("span", { class: "star" }, "★ Best")),
      h("dl", { class: "scores" }, names.map((name) => {
        const value = (fact.scores || {})[name];
        const known = facts.map((other) => (other.scores || {})[name]).filter((v) => typeof v === "number");
        const top = LOWER_IS_BETTER.has(name) ? Math.min(...known) : Math.max(...known);
        const wins = value === top && known.some((v) => v !== top);
        return h("div", { class: wins ? "wins" : "" }, h("dt", {}, words(name)), h("dd", {}, show(value), wins && h("span", { class: "unseen" }, " (best)")));
      })),
      differences.length ? h("ul", { class: "differences" }, differences) : "");
  }

  /** @param {MouseEvent} event */
  function follow(event) {
    const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 100;
    const y = ((event.clientY - box.top) / box.height) * 100;
    for (const image of /** @type {NodeListOf<HTMLElement>} */ (dialog.querySelectorAll(".view img"))) image.style.transformOrigin = `${x}% ${y}%`;
  }

  function magnify() {
    magnified = !magnified;
    dialog.classList.toggle("magnified", magnified);
    byId("loupe").setAttribute("aria-pressed", String(magnified));
  }

  function close() { state.set({ c: null }); }

  PS.compare = {
    start(element) {
      dialog = element;
      dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
    },
    open,
    hide() { asked++; dialog.classList.remove("magnified"); if (dialog.open) dialog.close(); dialog.replaceChildren(); },
    magnify,
    get shown() { return dialog.open; },
  };
})();
