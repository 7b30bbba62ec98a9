/** What can be undone: a list of states, kept over a reload of the page. */

const MOST_STATES = 200;
const MERGED = 800; // milliseconds in which changes of one kind are one

export class History {
  /**
   * @param key under which it is kept in the browser
   * @param first the state to begin with, if none is kept: plain data
   * @param onChange called with what changed, after each change
   */
  constructor(key, first, onChange) {
    this.key = key;
    this.onChange = onChange;
    this.entries = [{label: "", state: first}];
    this.at = 0;
    const before = kept(key, null);
    if (before?.entries?.[before.at]) {
      this.entries = before.entries.map((entry) => ({...entry, state: {...first, ...entry.state}}));
      this.at = before.at;
    }
  }

  get state() { return this.entries[this.at].state; }
  get undoLabel() { return this.at ? this.entries[this.at].label : null; }
  get redoLabel() { return this.entries[this.at + 1]?.label ?? null; }

  /** Changes parts of the state. Changes with the same `merge` in a row become one. */
  change(label, parts, merge = null) {
    const state = {...this.state, ...parts};
    const now = Date.now(), entry = this.entries[this.at];
    this.entries.length = this.at + 1;
    if (merge && entry.merge === merge && now - entry.time < MERGED) Object.assign(entry, {state, label, time: now});
    else this.entries.push({label, state, merge, time: now});
    if (this.entries.length > MOST_STATES) this.entries.shift();
    this.at = this.entries.length - 1;
    this.#changed();
  }

  undo() {
    if (!this.at) return null;
    const {label} = this.entries[this.at--];
    this.#changed();
    return label;
  }

  redo() {
    if (this.redoLabel === null) return null;
    const {label} = this.entries[++this.at];
    this.#changed();
    return label;
  }

  #changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 150);
    this.onChange();
  }

  keep() {
    clearTimeout(this.timer);
    keep(this.key, {entries: this.entries, at: this.at});
  }
}

/** Keeps a value in the browser. Where there is no room, what was kept of other songs gives way. */
export function keep(key, value) {
  try {
    const text = JSON.stringify(value), song = key.split(".").at(-1);
    try {
      localStorage.setItem(key, text);
    } catch {
      for (const other of Object.keys(localStorage))
        if (/^studio\.(song|takes)\./.test(other) && !other.endsWith(`.${song}`)) localStorage.removeItem(other);
      localStorage.setItem(key, text);
    }
  } catch {} // nothing may be kept here, or not as much: a reload then begins anew
}

/** A value that was kept, or another one. */
export function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}
