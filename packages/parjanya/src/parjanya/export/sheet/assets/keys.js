// @ts-check
/* The keyboard. One table serves the handlers and the overlay, so the overlay cannot be wrong. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const { h, byId, state, model } = PS;
  const grid = PS.grid;

  /** @type {Sheet.Key[]} */
  const TABLE = [
    { keys: ["ArrowRight"], shown: "→", does: "Next image", run: () => PS.browse(grid.active + 1) },
    { keys: ["ArrowLeft"], shown: "←", does: "Previous image", run: () => PS.browse(grid.active - 1) },
    { keys: ["ArrowDown"], shown: "↓", does: "One row down", run: () => PS.browse(grid.active + grid.columns) },
    { keys: ["ArrowUp"], shown: "↑", does: "One row up", run: () => PS.browse(grid.active - grid.columns) },
    { keys: ["PageDown"], shown: "Page ↓", does: "One screen down", run: () => PS.browse(grid.active + grid.pageSize) },
    { keys: ["PageUp"], shown: "Page ↑", does: "One screen up", run: () => PS.browse(grid.active - grid.pageSize) },
    { keys: ["Home"], shown: "Home", does: "First image", run: () => PS.browse(0) },
    { keys: ["End"], shown: "End", does: "Last image", run: () => PS.browse(grid.images.length - 1) },
    { keys: ["Enter"], shown: "Enter", does: "Show the details of the image", run: () => PS.openAt(grid.active) },
    { keys: ["Escape"], shown: "Esc", does: "Close details, comparison or this list", run: () => state.set({ i: null }) },
    { keys: ["c", "C"], shown: "C", does: "Compare the group of the image", run: compare },
    { keys: ["g", "G"], shown: "G", does: "Show only the group of the image; again for all", run: onlyGroup },
    { keys: ["/"], shown: "/", does: "Search names and reasons", run: () => byId("q").focus() },
    { keys: ["1"], shown: "1", does: "Only keep", run: () => verdict("keep") },
    { keys: ["2"], shown: "2", does: "Only review", run: () => verdict("review") },
    { keys: ["3"], shown: "3", does: "Only reject", run: () => verdict("reject") },
    { keys: ["4"], shown: "4", does: "Only failed", run: () => verdict("failed") },
    { keys: ["0"], shown: "0", does: "All images", run: () => state.set({ ...PS.filters.CLEAR, i: null }) },
    { keys: ["?"], shown: "?", does: "Show or close this list", run: help },
  ];
  /** While a comparison is open. */
  const COMPARING = [{ keys: ["z", "Z"], shown: "Z", does: "Magnify, in a comparison", run: () => PS.compare.magnify() }];

  function compare() {
    const image = grid.images[grid.active];
    if (image && image.group !== null && model.groupOf(image).length > 1) state.set({ c: image.group });
  }

  function onlyGroup() {
    const image = grid.images[grid.active];
    if (state.get().g) state.set({ g: null });
    else if (image && image.group !== null) state.set({ g: image.group });
  }

  /** @param {string} name */
  function verdict(name) { state.set({ v: state.get().v === name ? null : name, i: null }); }

  const overlay = () => /** @type {HTMLDialogElement} */ (byId("help"));

  function help() {
    const dialog = overlay();
    if (dialog.open) { dialog.close(); return; }
    dialog.replaceChildren(h("div", { class: "tools" }, h("h2", {}, "Keyboard"), h("span", { class: "space" }),
      h("button", { type: "button", class: "quiet", "aria-label": "Close", on: { click: () => dialog.close() } }, "✕")),
      h("dl", { class: "keys" }, [...TABLE, ...COMPARING].map((entry) => h("div", {}, h("dt", {}, h("kbd", {}, entry.shown)), h("dd", {}, entry.does)))));
    dialog.showModal();
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const helping = overlay().open;
    if (target.matches("input, select, textarea")) {
      if (event.key === "Escape" && target.matches("input")) { target.blur(); grid.focus(); }
      else if (event.key === "Enter" && target.matches("input")) { event.preventDefault(); grid.focus(); PS.browse(0); }
      return;
    }
    if (event.key === "Enter" && target.closest("a, button, summary")) return;
    if (helping && event.key !== "?") return;
    if (PS.compare.shown && !helping && event.key !== "?") return run(COMPARING, event);
    return run(TABLE, event);
  }

  /** @param {Sheet.Key[]} table @param {KeyboardEvent} event */
  function run(table, event) {
    const entry = table.find((candidate) => candidate.keys.includes(event.key));
    if (!entry) return;
    event.preventDefault();
    entry.run();
  }

  PS.keys = { start: () => document.addEventListener("keydown", press), help, TABLE, COMPARING };
})();
