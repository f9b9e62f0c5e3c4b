// @ts-check
/* The light table: only the cells in view exist. Ten thousand images cost what fifty cost.
 * The listbox itself keeps the focus and names the active cell, because the cell may be recycled at any scroll. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const { h, byId, number, VERDICTS } = PS;
  const GAP = 14;
  const CAPTION = 48;
  const OVERSCAN = 1;
  const MAX_CELLS = 120;
  const TARGET = { s: 150, m: 216, l: 340 };

  /** @type {HTMLElement} */ let box;
  /** @type {Sheet.Image[]} */ let images = [];
  /** @type {Map<number, Sheet.Cell>} */ const live = new Map();
  /** @type {Sheet.Cell[]} */ const spare = [];
  const shape = { columns: 1, width: 0, height: 0, frame: 0, size: "m" };
  let active = 0;
  let frame = 0;

  function measure() {
    const width = box.clientWidth;
    const seen = innerHeight;
    let target = Math.min(TARGET[/** @type {"s"|"m"|"l"} */ (shape.size)] || TARGET.m, (width - GAP) / 2);
    for (;;) {
      shape.columns = Math.max(1, Math.floor((width + GAP) / (target + GAP)));
      shape.width = (width - GAP * (shape.columns - 1)) / shape.columns;
      shape.frame = Math.round((shape.width * 2) / 3);
      shape.height = shape.frame + CAPTION + GAP;
      if (shape.columns * (Math.ceil(seen / shape.height) + 1 + 2 * OVERSCAN) <= MAX_CELLS) break;
      target *= 1.1;
    }
    box.style.height = `${Math.max(1, Math.ceil(images.length / shape.columns)) * shape.height}px`;
    box.style.setProperty("--frame", `${shape.frame}px`);
    box.style.setProperty("--cell", `${shape.width}px`);
  }

  function draw() {
    frame = 0;
    const top = box.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / shape.height) - OVERSCAN) * shape.columns;
    const last = Math.min(images.length, (Math.ceil((innerHeight - top) / shape.height) + OVERSCAN) * shape.columns);
    for (const [at, cell] of live) if (at < first || at >= last) { live.delete(at); spare.push(cell); }
    for (let at = first; at < last; at++) if (!live.has(at)) live.set(at, fill(spare.pop() || make(), at));
    for (const cell of spare) cell.element.remove();
    if (spare.length > MAX_CELLS) spare.length = MAX_CELLS;
    for (const [at, cell] of live) mark(cell, at);
    if (live.has(active)) box.setAttribute("aria-activedescendant", `cell-${active}`);
    else box.removeAttribute("aria-activedescendant");
  }

  function make() {
    const picture = h("img", { alt: "", decoding: "async", draggable: "false" });
    const group = h("span", { class: "group" });
    const name = h("span", { class: "name", dir: "auto" });
    const why = h("span", { class: "why" });
    const element = h("div", { class: "cell", role: "option" }, picture, group, name, why);
    picture.addEventListener("error", () => element.classList.add("blank"));
    return { element, picture, group, name, why };
  }

  /** @param {Sheet.Cell} cell @param {number} at */
  function fill(cell, at) {
    const image = images[at];
    const { element, picture } = cell;
    const verdict = VERDICTS[image.state] || VERDICTS.open;
    const alone = image.group === null;
    const first = alone || images[at - 1]?.group !== image.group;
    const final = alone || images[at + 1]?.group !== image.group;
    const burst = alone || (first && final) ? "" : `grouped ${first ? "first" : ""} ${final ? "final" : ""} ${image.best ? "best" : ""}`;
    element.className = `cell ${image.state} ${burst} ${image.thumb ? "" : "blank"}`;
    element.id = `cell-${at}`;
    element.dataset.at = String(at);
    element.setAttribute("aria-posinset", String(at + 1));
    element.setAttribute("aria-setsize", String(images.length));
    const reason = image.state === "failed" ? image.failure : image.codes[0];
    const more = image.codes.length > 1 ? ` +${number(image.codes.length - 1)}` : "";
    const label = alone ? "" : `${PS.kindName(image.kind)} of ${number(PS.model.groupOf(image).length)}`;
    element.setAttribute("aria-label", [image.name, verdict.name, reason, label, image.best && !alone ? "best of its group" : ""].filter(Boolean).join(", "));
    element.style.transform = `translate(${(at % shape.columns) * (shape.width + GAP)}px, ${Math.floor(at / shape.columns) * shape.height}px)`;
    cell.group.textContent = alone ? "" : image.best ? `★ Best of ${number(PS.model.groupOf(image).length)}` : first ? label : "";
    cell.name.textContent = image.name;
    cell.name.title = image.folder + image.name;
    cell.why.textContent = `${verdict.glyph} ${reason || verdict.name}${more}`;
    if (image.thumb) picture.src = `media/${image.thumb}`;
    else picture.removeAttribute("src");
    box.append(element);
    return cell;
  }

  /** @param {Sheet.Cell} cell @param {number} at */
  function mark(cell, at) {
    cell.element.classList.toggle("active", at === active);
    cell.element.setAttribute("aria-selected", String(at === active));
  }

  function reset() {
    for (const cell of live.values()) spare.push(cell);
    live.clear();
    measure();
    draw();
  }

  /** @type {Sheet.Grid} */
  const grid = {
    /** @param {HTMLElement} element @param {(at: number) => void} open */
    start(element, open) {
      box = element;
      addEventListener("scroll", () => { frame = frame || requestAnimationFrame(draw); }, { passive: true });
      new ResizeObserver(() => grid.relayout()).observe(box);
      addEventListener("resize", () => grid.relayout());
      box.addEventListener("click", (event) => {
        const cell = /** @type {HTMLElement} */ (event.target).closest(".cell");
        if (cell) { grid.move(Number(/** @type {HTMLElement} */ (cell).dataset.at)); open(active); }
      });
    },
    /** @param {Sheet.Image[]} list @param {string} size */
    show(list, size) { images = list; shape.size = size; active = Math.min(active, Math.max(0, list.length - 1)); reset(); },
    relayout() {
      const before = shape.width + shape.columns + innerHeight;
      const anchor = Math.floor(Math.max(0, -box.getBoundingClientRect().top) / (shape.height || 1)) * shape.columns;
      measure();
      if (before === shape.width + shape.columns + innerHeight && live.size) { draw(); return; }
      reset();
      if (anchor > 0) scrollTo({ top: scrollY + box.getBoundingClientRect().top + Math.floor(anchor / shape.columns) * shape.height, behavior: "instant" });
    },
    /** Make the image at `at` the active one and bring it into view. @param {number} at */
    move(at) {
      if (!images.length) return;
      active = Math.max(0, Math.min(images.length - 1, at));
      const sticky = byId("bar").getBoundingClientRect();
      const covered = sticky.top <= 0 ? sticky.height : 0;
      const top = box.getBoundingClientRect().top + Math.floor(active / shape.columns) * shape.height;
      if (top < covered + GAP) scrollBy({ top: top - covered - GAP, behavior: "instant" });
      else if (top + shape.height > innerHeight) scrollBy({ top: top + shape.height - innerHeight, behavior: "instant" });
      draw();
    },
    get active() { return active; },
    get columns() { return shape.columns; },
    get pageSize() { return shape.columns * Math.max(1, Math.floor(innerHeight / shape.height) - 1); },
    get images() { return images; },
    focus() { box.focus({ preventScroll: true }); },
  };
  PS.grid = grid;
  PS.kindName = (/** @type {string|null} */ kind) => ({ exact: "Copies", near_duplicate: "Near-duplicates", burst: "Burst" })[kind || ""] || "Group";
})();
