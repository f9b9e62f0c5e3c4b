// @ts-check
/* The images: unpacked from the index, counted, filtered and put in order. Knows nothing of the page. */
"use strict";
(function () {
  /** @type {any} */
  const PS = window.ParjanyaSheet;

  /**
   * @typedef {{position: number, id: string, path: string, name: string, folder: string, state: string, failure: string|null,
   *   status: string, medium: string|null, codes: string[], group: string|null, kind: string|null, rank: number|null,
   *   best: boolean, taken: string|null, thumb: string|null, width: number|null, height: number|null,
   *   sharpness: number|null, rating: number|null, haystack: string}} Img
   */

  /** @type {Img[]} */ const images = [];
  /** @type {Map<string, Img[]>} */ const groups = new Map();
  /** @type {Map<string, Img>} */ const byId = new Map();
  /** @type {Map<number, any[]>} */ const details = new Map();
  /** @type {Map<number, Promise<void>>} */ const loading = new Map();
  const model = { images, groups, byId, meta: /** @type {any} */ ({}), detailsPerFile: 1, list, counts, detail };

  /** Called by the data script. @param {any} index */
  function receiveIndex(index) {
    const at = Object.fromEntries(index.columns.map((/** @type {string} */ name, /** @type {number} */ i) => [name, i]));
    const text = (/** @type {string} */ table, /** @type {number} */ i) => (i < 0 ? null : index.tables[table][i]);
    model.meta = index.meta;
    model.detailsPerFile = index.detailsPerFile;
    index.rows.forEach((/** @type {any[]} */ row, /** @type {number} */ position) => {
      const cut = Math.max(row[at.path].lastIndexOf("/"), row[at.path].lastIndexOf("\\")) + 1;
      const verdict = text("verdict", row[at.verdict]);
      const failure = text("failure", row[at.failure]);
      const status = text("status", row[at.status]);
      const codes = row[at.codes].map((/** @type {number} */ i) => text("code", i));
      /** @type {Img} */
      const image = {
        position, id: row[at.id], path: row[at.path], name: PS.visible(row[at.path].slice(cut)), folder: PS.visible(row[at.path].slice(0, cut)),
        state: failure !== null || status === "failed" ? "failed" : verdict || "open",
        failure, status, medium: text("medium", row[at.medium]), codes,
        group: text("group", row[at.group]),
        kind: row[at.group] < 0 ? null : text("kind", index.groupKinds[row[at.group]]),
        rank: row[at.rank], best: row[at.best] === 1, taken: row[at.taken], thumb: row[at.thumb],
        width: row[at.width], height: row[at.height], sharpness: row[at.sharpness], rating: row[at.rating],
        haystack: [row[at.path], ...codes, failure || ""].join(" ").toLowerCase(),
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
  /** @type {Record<string, (a: Img, b: Img) => number>} */
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

  /** The images that `state` asks for, groups side by side with the best first. @param {Record<string, string>} state @returns {Img[]} */
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

  /** @param {Img} image @param {string} wanted */
  function groupMatches(image, wanted) {
    if (wanted === "any") return image.group !== null;
    if (wanted === "best") return image.group === null || image.best;
    if (wanted === "none") return image.group === null;
    return image.group === wanted;
  }

  /** @param {Img[]} sorted */
  function together(sorted) {
    /** @type {Map<string, Img[]>} */ const members = new Map();
    for (const image of sorted) {
      if (image.group === null) continue;
      const found = members.get(image.group);
      if (found) found.push(image);
      else members.set(image.group, [image]);
    }
    /** @type {Img[]} */ const result = [];
    for (const image of sorted) {
      if (image.group === null) { result.push(image); continue; }
      const group = members.get(image.group);
      if (!group) continue;
      result.push(...group.sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity)));
      members.delete(image.group);
    }
    return result;
  }

  /** How many images have each value of `pick`, most frequent first. @param {(image: Img) => (string|null)[]} pick @returns {[string, number][]} */
  function counts(pick) {
    /** @type {Map<string, number>} */ const found = new Map();
    for (const image of images) for (const value of pick(image)) if (value !== null) found.set(value, (found.get(value) || 0) + 1);
    return [...found].sort((a, b) => b[1] - a[1] || compare(a[0], b[0]));
  }

  /** Everything about one image; loaded when asked for. @param {Img} image @returns {Promise<any>} */
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

  Object.assign(PS, {
    model,
    receiveIndex,
    /** Called by a details script. @param {number} number @param {any[]} list */
    receiveDetails: (number, list) => details.set(number, list),
  });
})();
