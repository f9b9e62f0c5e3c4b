// @ts-check
/* One image: what was decided, why, on which evidence, and what the file says of itself. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;
  const { h, byId, number, localTime, words, show, VERDICTS, state, model } = PS;
  /** @type {HTMLElement} */ let panel;
  /** @type {Sheet.Image|null} */ let opened = null;

  /** @param {Sheet.Image} image */
  async function open(image) {
    opened = image;
    document.body.classList.add("reading");
    panel.hidden = false;
    /** @type {Sheet.Details} */ let facts;
    try {
      facts = await model.detail(image);
    } catch (error) {
      facts = { failure: { code: "sheet_incomplete", message: `${error}. Copy the whole folder, not only index.html.` } };
    }
    if (opened !== image) return; // somebody has moved on while it was loading
    panel.replaceChildren(tools(image), picture(image, facts), h("div", { class: "text" },
      heading(image), failure(facts.failure), reasons(facts.reasons), mates(image, facts), scores(facts.scores), exposure(image, facts), origin(image, facts)));
    panel.scrollTop = 0;
    const verdict = VERDICTS[image.state] || VERDICTS.open;
    byId("live").textContent = [image.name, verdict.name, ...(facts.reasons || []).map((r) => r.text)].join(". ");
  }

  function close() {
    opened = null;
    panel.hidden = true;
    panel.replaceChildren();
    document.body.classList.remove("reading");
  }

  /** @param {Sheet.Image} image */
  function tools(image) {
    const at = PS.grid.images.indexOf(image);
    const place = at < 0 ? "" : `${number(at + 1)} of ${number(PS.grid.images.length)}`;
    const step = (/** @type {number} */ by, /** @type {string} */ glyph, /** @type {string} */ name) => {
      const next = PS.grid.images[at + by];
      return h("button", { type: "button", class: "quiet", "aria-label": name, title: name, disabled: !next || at < 0, on: { click: () => PS.browse(at + by) } }, glyph);
    };
    const group = model.groupOf(image).length > 1;
    return h("div", { class: "tools" }, step(-1, "‹", "Previous image (←)"), h("span", { class: "place" }, place), step(1, "›", "Next image (→)"),
      h("span", { class: "space" }),
      group && h("button", { type: "button", class: "quiet wide", title: "Compare the group (C)", on: { click: () => state.set({ c: image.group }) } }, "Compare"),
      h("button", { type: "button", class: "quiet", id: "close", "aria-label": "Close details", title: "Close (Esc)", on: { click: () => state.set({ i: null }) } }, "✕"));
  }

  /** @param {Sheet.Image} image @param {Sheet.Details} facts */
  function picture(image, facts) {
    const source = facts.large || image.thumb;
    if (!source) return h("div", { class: "picture none" }, "No preview");
    return h("a", { class: "picture", href: `media/${source}`, target: "_blank", rel: "noopener", title: "Open the preview by itself" },
      h("img", { src: `media/${source}`, alt: `Preview of ${image.name}`, width: image.width, height: image.height }));
  }

  /** @param {Sheet.Image} image */
  function heading(image) {
    const verdict = VERDICTS[image.state] || VERDICTS.open;
    const stars = image.rating !== null && image.rating > 0 ? "★".repeat(image.rating) : "";
    return h("div", { class: "heading" },
      h("h2", { dir: "auto" }, image.name), h("p", { class: "folder", dir: "auto" }, image.folder),
      h("p", { class: `verdict ${image.state}` }, h("span", { class: "glyph", "aria-hidden": "true" }, verdict.glyph), verdict.name,
        stars && h("span", { class: "stars", "aria-label": `${image.rating} stars` }, stars)));
  }

  /** @param {Sheet.Failure=} given */
  function failure(given) {
    if (!given) return "";
    const again = given.retriable === undefined ? "" : given.retriable ? "Worth another try once the cause is gone." : "Another try would give the same answer.";
    return h("section", { class: "failure" }, h("h3", {}, "Could not be judged"), h("p", { dir: "auto" }, given.message),
      h("p", { class: "small" }, h("code", {}, given.code), given.stage ? ` in ${given.stage}. ${again}` : ""));
  }

  /** @param {Sheet.Reason[]=} list */
  function reasons(list) {
    if (!list || !list.length) return "";
    return h("section", {}, h("h3", {}, "Why"), h("ol", { class: "reasons" }, list.map((reason) => h("li", {},
      h("p", { dir: "auto" }, reason.text),
      h("a", { class: "code", href: state.link({ ...PS.filters.CLEAR, r: reason.code, i: null }), title: "All images with this reason" }, reason.code),
      table(reason.evidence)))));
  }

  /** @param {Record<string, unknown>=} values */
  function table(values) {
    const entries = Object.entries(values || {});
    if (!entries.length) return "";
    return h("dl", { class: "pairs" }, entries.map(([name, value]) => h("div", {}, h("dt", {}, words(name)), h("dd", { dir: "auto" }, show(value)))));
  }

  /** @param {Sheet.Image} image @param {Sheet.Details} facts */
  function mates(image, facts) {
    const members = model.groupOf(image);
    if (members.length < 2) return "";
    const differences = (facts.group?.differences || []).map((d) => h("li", { dir: "auto" }, d.text || show(d)));
    return h("section", {}, h("h3", {}, `${PS.kindName(image.kind)} of ${number(members.length)}`, image.rank ? `, rank ${number(image.rank)}` : ""),
      h("div", { class: "mates" }, members.slice(0, 24).map((mate) => h("button", {
        type: "button", class: `mate ${mate === image ? "this" : ""}`, "aria-current": mate === image && "true", title: mate.name,
        "aria-label": `${mate.name}${mate.best ? ", best" : ""}`, on: { click: () => state.set({ i: mate.id }, true) } },
        mate.thumb ? h("img", { src: `media/${mate.thumb}`, alt: "" }) : "", mate.best && h("span", { class: "star" }, "★")))),
      members.length > 24 && h("p", { class: "small" }, `and ${number(members.length - 24)} more`),
      differences.length ? h("ul", { class: "differences" }, differences) : "");
  }

  /** @param {Record<string, number|null>=} values */
  function scores(values) {
    const entries = Object.entries(values || {});
    if (!entries.length) return "";
    return h("section", {}, h("h3", {}, "Measured"), h("dl", { class: "scores" }, entries.map(([name, value]) => {
      const inUnit = typeof value === "number" && value >= 0 && value <= 1;
      const level = h("i", {});
      if (inUnit) level.style.width = `${value * 100}%`;
      const meter = h("span", { class: "meter", "aria-hidden": "true" }, inUnit ? level : "");
      return h("div", {}, h("dt", {}, words(name)), h("dd", {}, meter, h("span", {}, show(value))));
    })));
  }

  /** @param {Sheet.Image} image @param {Sheet.Details} facts */
  function exposure(image, facts) {
    const size = image.width && image.height ? `${number(image.width)} × ${number(image.height)} px` : null;
    const time = facts.exposure_s ? `${facts.exposure_s < 0.3 ? `1/${number(Math.round(1 / facts.exposure_s))}` : number(facts.exposure_s)} s` : null;
    const setting = [facts.focal_length_mm && `${number(facts.focal_length_mm)} mm`, facts.f_number && `f/${number(facts.f_number)}`, time, facts.iso && `ISO ${facts.iso}`];
    const medium = image.medium && `${words(image.medium)}${facts.medium_confidence ? ` (${PS.percent(facts.medium_confidence)} sure)` : ""}`;
    const rows = { Medium: medium, Taken: localTime(image.taken), Camera: facts.camera, Lens: facts.lens, Exposure: setting.filter(Boolean).join(" · "), Size: size, Label: facts.label };
    const known = Object.entries(rows).filter(([, value]) => value);
    return known.length ? h("section", {}, h("h3", {}, "Image"), table(Object.fromEntries(known))) : "";
  }

  /** @param {Sheet.Image} image @param {Sheet.Details} facts */
  function origin(image, facts) {
    const seenBy = [facts.engine, facts.model].filter(Boolean).join(" ");
    const rows = { Image: image.id, Tenant: facts.tenant, "SHA-256": facts.sha256, "Seen by": seenBy, "Decided by": facts.decided_by, "Policy says": facts.decided_by === "human" && facts.policy_verdict, Policy: facts.policy_version, ...(facts.versions || {}) };
    const known = Object.entries(rows).filter(([, value]) => value);
    return h("details", {}, h("summary", {}, "Where this comes from"), table(Object.fromEntries(known)));
  }

  PS.detail = { start(/** @type {HTMLElement} */ element) { panel = element; }, open, close, get image() { return opened; } };
})();
