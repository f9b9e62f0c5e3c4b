/* What the contact sheet's scripts share, for TypeScript's checker and for editors. Never shipped and never run: the scripts
 * are in packages/parjanya/src/parjanya/export/sheet/assets, docs/adr/0003-plain-javascript-contact-sheet.md says how to check.
 * Data comes from sheet/data.py: `Index`, `Row` and `Details` are its words. Unknown is null or left out, never 0. */

interface Window {
  ParjanyaSheet: Sheet.Page;
}

declare namespace Sheet {
  /** The namespace of the page, whole once every script has run; each script adds its part. */
  interface Page extends Blocks, Data, Moves {
    state: State;
    filters: Filters;
    grid: Grid;
    kindName: (kind: string | null) => string;
    detail: Detail;
    compare: Compare;
    keys: Keys;
  }

  /* ---- data ---- */

  type Standing = "keep" | "review" | "reject" | "failed" | "open";

  /** One image of the index; `state` is its verdict, or what it is without one (a policy may have verdicts of its own). */
  interface Image {
    position: number;
    id: string;
    path: string;
    name: string;
    folder: string;
    state: Standing | (string & {});
    failure: string | null;
    status: string | null;
    medium: string | null;
    codes: string[];
    group: string | null;
    kind: string | null;
    rank: number | null;
    best: boolean;
    taken: string | null;
    thumb: string | null;
    width: number | null;
    height: number | null;
    sharpness: number | null;
    rating: number | null;
    haystack: string;
  }

  interface Meta {
    title: string;
    /** Epoch milliseconds. */
    made_ms: number;
    engine: string | null;
    policy: string | null;
    policy_version: string | null;
    /** How many previews could not be read. */
    missing: number;
  }

  type TableName = "verdict" | "failure" | "status" | "medium" | "code" | "group" | "kind";

  /** A row of the index by the names of its columns. Tables are named by position; -1 is unknown. */
  interface Row {
    id: string;
    path: string;
    verdict: number;
    failure: number;
    status: number;
    medium: number;
    codes: number[];
    group: number;
    rank: number | null;
    best: 0 | 1;
    taken: string | null;
    thumb: string | null;
    width: number | null;
    height: number | null;
    sharpness: number | null;
    rating: number | null;
  }

  interface Index {
    meta: Meta;
    columns: (keyof Row)[];
    tables: Record<TableName, string[]>;
    groupKinds: number[];
    detailsPerFile: number;
    rows: Row[keyof Row][][];
  }

  interface Reason {
    code: string;
    text: string;
    evidence: Record<string, unknown>;
  }

  interface Failure {
    code: string;
    message: string;
    stage?: string;
    retriable?: boolean;
  }

  /** Everything else about an image, loaded when somebody looks at it; what is not known is left out. */
  interface Details {
    large?: string | null;
    tenant?: string;
    sha256?: string;
    failure?: Failure;
    reasons?: Reason[];
    label?: string;
    medium_confidence?: number;
    scores?: Record<string, number | null>;
    group?: { differences?: { text?: string }[] };
    policy_version?: string;
    engine?: string;
    model?: string;
    versions?: Record<string, string>;
    camera?: string;
    lens?: string;
    iso?: number;
    f_number?: number;
    exposure_s?: number;
    focal_length_mm?: number;
  }

  /* ---- dom.js ---- */

  type Piece = Node | string | number | false | null | undefined;
  type Listeners = { [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };
  interface Props {
    class?: string;
    on?: Listeners;
    data?: Record<string, string>;
    [attribute: string]: string | number | boolean | null | undefined | Listeners | Record<string, string>;
  }
  interface Look {
    glyph: string;
    name: string;
  }
  type Looks = Record<Standing, Look> & { [verdict: string]: Look | undefined };

  interface Blocks {
    h<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, props?: Props, ...children: (Piece | Piece[])[]): HTMLElementTagNameMap[Tag];
    byId(id: string): HTMLElement;
    number: (value: number) => string;
    percent: (value: number) => string;
    localTime: (text: string | null) => string | null;
    moment: (ms: number) => string;
    words: (name: string) => string;
    show: (value: unknown) => string;
    visible: (text: string) => string;
    VERDICTS: Looks;
  }

  /* ---- state.js ---- */

  type Shown = Record<string, string>;
  type Change = Record<string, string | null>;
  type Listener = (now: Shown, before: Shown) => void;

  interface State {
    get(): Shown;
    link(change: Change): string;
    set(change: Change, quietly?: boolean): void;
    onChange(listener: Listener): void;
    start(): void;
  }

  /* ---- model.js ---- */

  interface Model {
    images: Image[];
    groups: Map<string, Image[]>;
    byId: Map<string, Image>;
    meta: Meta;
    detailsPerFile: number;
    groupOf(image: Image): Image[];
    list(state: Shown): Image[];
    counts(pick: (image: Image) => (string | null)[]): [string, number][];
    detail(image: Image): Promise<Details>;
  }

  /** What the data scripts call, and what they fill. */
  interface Data {
    model: Model;
    receiveIndex(index: Index): void;
    receiveDetails(number: number, list: Details[]): void;
  }

  /* ---- the parts of the page ---- */

  interface Filters {
    build(): void;
    refresh(count: number): void;
    CLEAR: Readonly<Record<"v" | "m" | "r" | "g" | "q", null>>;
  }

  interface Cell {
    element: HTMLElement;
    picture: HTMLImageElement;
    group: HTMLElement;
    name: HTMLElement;
    why: HTMLElement;
  }

  interface Grid {
    start(element: HTMLElement, open: (at: number) => void): void;
    show(list: Image[], size: string): void;
    relayout(): void;
    move(at: number): void;
    readonly active: number;
    readonly columns: number;
    readonly pageSize: number;
    readonly images: Image[];
    focus(): void;
  }

  interface Detail {
    start(element: HTMLElement): void;
    open(image: Image): Promise<void>;
    close(): void;
    readonly image: Image | null;
  }

  interface Compare {
    start(element: HTMLDialogElement): void;
    open(group: string): Promise<void>;
    hide(): void;
    magnify(): void;
    readonly shown: boolean;
  }

  interface Key {
    keys: string[];
    shown: string;
    does: string;
    run(): void;
  }

  interface Keys {
    start(): void;
    help(): void;
    TABLE: Key[];
    COMPARING: Key[];
  }

  interface Moves {
    browse(at: number): void;
    openAt(at: number): void;
  }
}
