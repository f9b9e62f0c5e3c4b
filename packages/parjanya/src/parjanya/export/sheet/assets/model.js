// @ts-check
/* The images: unpacked from the index, counted, filtered and put in order. Knows nothing of the page. */
"use strict";
(function () {
  const PS = window.ParjanyaSheet;

  /** @type {Sheet.Image[]} */ const images = [];
  /** @type {Map<string, Sheet.Image[]>} */ const groups = new Map();
  /** @type {Map<string, Sheet.Image>} */ const byId = new Map();
  /** @type {Map<number, Sheet.Details[]>} */ const details = new Map();
  /** @type {Map<number, Promise<void>>} */ const loading = new Map();
  /** @type {Sheet.Model} */
  const model = { images, groups, byId, meta: /** @type {Sheet.Meta} */ ({}), detailsPerFile: 1, groupOf, list, counts, detail };

  /** Called by the data script. @param {Sheet.Index} index */
  function receiveIndex(index) {
    const at = Object.fromEntries(index.columns.map((name, i) => [name, i]));
    const text = (/** @type {Sheet.TableName} */ table, /** @type {number} */ i) => (i < 0 ? null : index.tables[table][i]);
    model.meta = index.meta;
    model.detailsPerFile = index.detailsPerFile;
    index.rows.forEach((row, position) => {
      /** @template {keyof Sheet.Row} Name @param {Name} name */
      const cell = (name) => /** @type {Sheet.Row[Name]} */ (row[at[name]]);
      const path = cell("path");
      const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
      const verdict = text("verdict", cell("verdict"));
      const failure = text("failure", cell("failure"));
      const status = text("status", cell("status"));
      const codes = cell("codes").map((i) => index.tables.code[i]);
      /** @type {Sheet.Image} */
      const image = {
        position, id: cell("id"), path, name: PS.visible(path.slice(cut)), folder: PS.visible(path.slice(0, cut)),
        state: failure !== null || status === "failed" ? "failed" : verdict || "open",
        failure, status, medium: text("medium", cell("medium")), codes,
        group: text("group", cell("group")),
        kind: cell("group") < 0 ? null : text("kind", index.groupKinds[cell("group")]),
        rank: cell("rank"), best: cell("best") === 1, taken: cell("taken"), thumb: cell("thumb"),
        width: cell("width"), height: cell("height"), sharpness: cell("sharpness"), rating: cell("rating"),
        haystack: [path, ...codes, failure || ""].join(" ").toLowerCase(),
      };
      images.push(image);
      byId.set(image.id, image);
      if (image.group !== null) {
        const members = groups.get(image.group);
        if (members) members.push(image);
        else groups.set(image.group, [image]);
      }
    });
    for (const members of groups.values()) members.sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity));
  }

  const last = "\uffff";
  /** @type {Record<string, (a: Sheet.Image, b: Sheet.Image) => number>} */
  const ORDERS = {
    taken: (a, b) => compare(a.taken || last, b.taken || last) || compare(a.path, b.path),
    name: (a, b) => natural.compare(a.path, b.path),
    verdict: (a, b) => RANK.indexOf(a.state) - RANK.indexOf(b.state) || ORDERS.taken(a, b),
    sharpest: (a, b) => (b.sharpness ?? -1) - (a.sharpness ?? -1) || ORDERS.taken(a, b),
    softest: (a, b) => (a.sharpness ?? Infinity) - (b.sharpness ?? Infinity) || ORDERS.taken(a, b),
  };
  const RANK = ["keep", "review", "reject", "failed", "open"];
  const natural = new Intl.Collator(undefined, { numeric: true });
  const compare = (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);

  /** The images that `state` asks for, groups side by side with the best first. @param {Record<string, string>} state @returns {Sheet.Image[]} */
  function list(state) {
    const words = (state.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = images.filter(
      (image) =>
        (!state.v || image.state === state.v) &&
        (!state.m || (image.medium || "unknown") === state.m) &&
        (!state.r || image.codes.includes(state.r) || image.failure === state.r) &&
        (!state.g || groupMatches(image, state.g)) &&
        words.every((word) => image.haystack.includes(word)),
    );
    wanted.sort(ORDERS[state.s] || ORDERS.taken);
    return together(wanted);
  }

  /** @param {Sheet.Image} image @param {string} wanted */
  function groupMatches(image, wanted) {
    if (wanted === "any") return image.group !== null;
    if (wanted === "best") return image.group === null || image.best;
    if (wanted === "none") return image.group === null;
    return image.group === wanted;
  }

  /** The members of its group, the best first; none when it stands alone. @param {Sheet.Image} image */
  function groupOf(image) {
    return (image.group === null ? null : groups.get(image.group)) || [];
  }

  /** @param {Sheet.Image[]} sorted */
  function together(sorted) {
    /** @type {Map<string, Sheet.Image[]>} */ const members = new Map();
    for (const image of sorted) {
      if (image.group === null) continue;
      const found = members.get(image.group);
      if (found) found.push(image);
      else members.set(image.group, [image]);
    }
    /** @type {Sheet.Image[]} */ const result = [];
    for (const image of sorted) {
      if (image.group === null) { result.push(image); continue; }
      const group = members.get(image.group);
      if (!group) continue;
      result.push(...group.sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity)));
      members.delete(image.group);
    }
    return result;
  }

  /** How many images have each value of `pick`, most frequent first. @param {(image: Sheet.Image) => (string|null)[]} pick @returns {[string, number][]} */
  function counts(pick) {
    /** @type {Map<string, number>} */ const found = new Map();
    for (const image of images) for (const value of pick(image)) if (value !== null) found.set(value, (found.get(value) || 0) + 1);
    return [...found].sort((a, b) => b[1] - a[1] || compare(a[0], b[0]));
  }

  /** Everything about one image; loaded when asked for. @param {Sheet.Image} image @returns {Promise<Sheet.Details>} */
  async function detail(image) {
    const number = Math.floor(image.position / model.detailsPerFile);
    if (!details.has(number)) {
      if (!loading.has(number)) loading.set(number, load(number));
      await loading.get(number);
    }
    return (details.get(number) || [])[image.position % model.detailsPerFile] || {};
  }

  /** @param {number} number @returns {Promise<void>} */
  function load(number) {
    return new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = `sheet/${document.body.dataset.generation}/details-${String(number).padStart(4, "0")}.js`;
      script.onload = () => { script.remove(); done(); };
      script.onerror = () => { script.remove(); loading.delete(number); fail(new Error(`${script.src} cannot be read`)); };
      document.head.append(script);
    });
  }

  /** @type {Sheet.Data} */
  const data = {
    model,
    receiveIndex,
    /** Called by a details script. */
    receiveDetails: (number, list) => { details.set(number, list); },
  };
  Object.assign(PS, data);
})();
