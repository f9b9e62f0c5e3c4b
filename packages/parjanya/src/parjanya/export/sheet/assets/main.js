// @ts-check
/* Puts the parts together: the address says what is shown, everything else follows from it. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const { byId, state, model, grid, detail, compare, filters, keys } = PS;
  const NARROW = matchMedia("(max-width: 760px)");

  /** Make the image at `at` the active one; open details follow it. @param {number} at */
  PS.browse = function (at) {
    grid.move(at);
    if (detail.image) state.set({ i: grid.images[grid.active].id }, true);
  };

  /** @param {number} at */
  PS.openAt = function (at) {
    const image = grid.images[at];
    if (!image) return;
    state.set({ i: image.id });
    if (NARROW.matches) requestAnimationFrame(() => { const close = document.getElementById("close"); if (close) close.focus(); });
  };

  /** @param {Sheet.Shown} now @param {Sheet.Shown} before */
  function follow(now, before) {
    const filtered = ["v", "m", "r", "g", "q", "s", "z"].some((key) => now[key] !== before[key]);
    if (filtered || !grid.images.length) {
      const kept = grid.images[grid.active];
      const images = model.list(now);
      document.body.dataset.size = now.z || "m";
      grid.show(images, now.z || "m");
      filters.refresh(images.length);
      const empty = byId("empty");
      empty.hidden = images.length > 0;
      empty.textContent = model.images.length ? "No image matches. Press 0 or clear the filters to see all." : "There are no images in this sheet.";
      const at = images.indexOf(kept);
      if (before && kept && at >= 0) grid.move(at);
      else if (kept) grid.move(0);
    } else filters.refresh(grid.images.length);
    const image = now.i ? model.byId.get(now.i) : null;
    if (!image) {
      if (detail.image) { detail.close(); grid.focus(); }
    } else if (detail.image !== image) {
      const at = grid.images.indexOf(image);
      detail.open(image);
      if (at >= 0) grid.move(at);
    }
    if (!now.c) { if (compare.shown) { compare.hide(); grid.focus(); } }
    else if (now.c !== before.c) compare.open(now.c);
  }

  function start() {
    filters.build();
    grid.start(byId("grid"), (at) => PS.openAt(at));
    detail.start(byId("detail"));
    compare.start(/** @type {HTMLDialogElement} */ (byId("compare")));
    keys.start();
    byId("skip").addEventListener("click", (event) => { event.preventDefault(); grid.focus(); });
    state.onChange(follow);
    state.start();
    grid.focus();
    performance.mark("parjanya-ready");
  }

  if (document.readyState === "complete") start();
  else addEventListener("DOMContentLoaded", start);
})();
