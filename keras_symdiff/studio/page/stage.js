/** The large roll: its scrolling and zoom, the ruler on which bars are selected, notes that are locked, the cursor. */
import {element} from "/web/element.js";
import {fitCanvas, paintRoll, paintRuler, readColours, View} from "/web/roll.js";
import {pitchName} from "/web/timeline.js";
import {covers, join, same, without} from "./ranges.js";

const RULER = 46; // pixels: numbers, and chords below them
const CLICK = 5; // pixels that a click may move
const byId = (id) => document.getElementById(id);

export class Stage {
  /** @param session `Session`  @param on {seek(tick), say(text)} */
  constructor(session, on) {
    this.session = session;
    this.on = on;
    this.view = new View(session.timeline);
    this.cursor = 0; // tick
    this.focused = 0; // bar of the list box
    this.dragged = null; // selection while it is dragged
    [this.ruler, this.scroller, this.canvas] = ["ruler", "scroller", "canvas"].map(byId);
    this.abort = new AbortController();
    this.#fitPitches();
    this.#fillBars();
    this.#listen();
    this.resize(true);
  }

  close() {
    this.abort.abort();
    this.observer.disconnect();
  }

  // What is drawn.

  draw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.#paint();
    });
  }

  update() {
    const {session} = this, {selection} = session.state;
    byId("selection").textContent = selection.length ? `Selected: ${session.timeline.name(selection)}` : "Nothing selected";
    byId("clear").disabled = !selection.length;
    byId("roll-hint").hidden = selection.length > 0 || session.state.groups.length > 0;
    for (const [index, option] of [...byId("bars").children].entries()) {
      const chosen = String(covers(selection, session.timeline.bars[index].start));
      if (option.getAttribute("aria-selected") !== chosen) option.setAttribute("aria-selected", chosen);
    }
    const {melody} = session;
    this.canvas.setAttribute("aria-label",
      `Piano roll of ${session.song.name}: ${session.timeline.bars.length} bars, ${melody.notes.length} notes in the melody`);
    this.#fillNotes();
    this.draw();
  }

  recolour() {
    this.colours = readColours(byId("roll"));
    this.draw();
  }

  resize(first = false) {
    const {view, scroller} = this;
    view.width = scroller.clientWidth;
    view.height = scroller.clientHeight;
    view.gutter = view.width < 500 ? 28 : 40;
    if (first) {
      const bar = view.timeline.end / Math.max(1, view.timeline.bars.length);
      view.scale = Math.max(this.#leastScale, (view.width < 500 ? 44 : 56) / bar);
    }
    view.scale = Math.max(this.#leastScale, view.scale);
    const rows = view.high - view.low + 1;
    view.row = Math.max(6, (view.height - view.lane) / rows);
    this.#layOut();
    if (first) {
      const notes = this.session.melody.notes;
      const middle = notes.length ? notes.reduce((sum, note) => sum + note[2], 0) / notes.length : 66;
      scroller.scrollTop = (view.high - middle) * view.row - view.height / 2;
    }
    this.#paint(); // at once: a stretched picture would flash
  }

  zoom(factor, at = this.view.width / 2) {
    const {view} = this, tick = view.tickAt(at);
    const most = 160 / view.timeline.ticksPerQuarter;
    view.scale = Math.min(most, Math.max(this.#leastScale, view.scale * factor));
    this.#layOut();
    this.scroller.scrollLeft = view.left = Math.max(0, tick * view.scale - at + view.gutter);
    this.draw();
  }

  zoomAll() {
    this.zoom(0);
  }

  get #leastScale() {
    return (this.view.width - this.view.gutter) / this.view.timeline.end;
  }

  #layOut() {
    const {view} = this, extent = byId("extent");
    extent.style.width = `${Math.max(0, Math.floor(view.songWidth + view.gutter))}px`;
    extent.style.height = `${Math.floor(view.songHeight)}px`;
    this.canvas.style.width = `${view.width}px`;
    this.canvas.style.height = `${view.height}px`;
  }

  #fitPitches() {
    const {tracks} = this.session;
    const pitched = tracks.filter((track) => !track.drums).flatMap((track) => track.notes.map((note) => note[2]));
    const {low, high} = this.session.register;
    this.view.low = Math.max(0, pitched.reduce((least, pitch) => Math.min(least, pitch), low) - 2);
    this.view.high = Math.min(127, pitched.reduce((most, pitch) => Math.max(most, pitch), high) + 3);
    this.view.lane = tracks.some((track) => track.drums && track.notes.length) ? 26 : 0;
  }

  #paint() {
    const {view, session, scroller} = this;
    if (!view.width) return;
    this.colours ??= readColours(byId("roll"));
    view.left = scroller.scrollLeft;
    view.top = scroller.scrollTop;
    const {mixer} = session.state, filled = session.filled;
    const others = session.tracks.flatMap((track, place) =>
      place === session.state.melody || mixer[place]?.hidden ? [] : [{...track, ...session.notes(place)}]);
    const scene = {
      others,
      melody: mixer[session.state.melody]?.hidden ? {notes: [], longest: 0} : session.melody,
      isNew: (note) => session.holds(filled, note),
      isLocked: (note) => session.isLocked(note),
      selection: this.dragged ?? session.state.selection,
    };
    paintRoll(fitCanvas(this.canvas, view.width, view.height), view, scene, this.colours);
    this.ruler.style.width = `${view.width}px`;
    paintRuler(fitCanvas(this.ruler, view.width, RULER), view, {
      height: RULER, selection: scene.selection, gaps: session.group?.gaps ?? [], chords: session.song.chords,
      focused: document.activeElement === byId("bars") ? view.timeline.bars[this.focused] : null,
    }, this.colours);
    this.#placeCursor();
  }

  // The cursor.

  setCursor(tick, follow = true) {
    this.cursor = tick;
    const {view, scroller} = this, x = view.x(tick);
    if (follow && !this.held && (x < view.gutter || x > view.width * 0.9)) {
      scroller.scrollLeft = view.left = Math.max(0, tick * view.scale - (view.width - view.gutter) * 0.12);
      this.draw();
    }
    this.#placeCursor();
  }

  #placeCursor() {
    const line = byId("cursor"), x = this.view.x(this.cursor);
    line.hidden = x < this.view.gutter - 1 || x > this.view.width;
    line.style.transform = `translateX(${x}px)`;
  }

  // Pointers.

  #listen() {
    const on = (target, names, handler, options = {}) => {
      for (const name of names.split(" ")) target.addEventListener(name, handler, {signal: this.abort.signal, ...options});
    };
    const {ruler, scroller} = this;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(scroller);
    on(scroller, "scroll", () => this.draw(), {passive: true});
    on(scroller, "pointerdown", () => (this.held = true));
    on(window, "pointerup pointercancel", () => (this.held = false));
    for (const target of [scroller, ruler])
      on(target, "wheel", (event) => {
        if (event.ctrlKey || event.metaKey) {
          event.preventDefault();
          this.zoom(Math.exp(-event.deltaY / 300), event.clientX - ruler.getBoundingClientRect().left);
        } else if (target === ruler) scroller.scrollLeft += event.deltaX || event.deltaY;
      }, {passive: false});
    on(scroller, "click", (event) => this.#click(event));
    on(scroller, "pointermove", (event) => {
      if (event.pointerType === "mouse") scroller.classList.toggle("on-note", Boolean(this.#noteAt(event)));
    });
    on(ruler, "pointerdown", (event) => this.#startDrag(event));
    on(ruler, "pointermove", (event) => this.#drag(event));
    on(ruler, "pointerup", (event) => this.#endDrag(event));
    on(ruler, "pointercancel", () => this.#dropDrag());
    on(byId("bars"), "keydown", (event) => this.#barKey(event));
    on(byId("bars"), "focus blur", () => this.#focusBar(this.focused));
    on(byId("notes"), "keydown", (event) => this.#noteKey(event));
    on(byId("notes"), "click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#toggleLock(this.listed[[...option.parentNode.children].indexOf(option)]);
    });
  }

  #place(event) {
    const box = this.ruler.getBoundingClientRect();
    return {x: event.clientX - box.left, y: event.clientY - this.scroller.getBoundingClientRect().top};
  }

  #noteAt(event) {
    const {view} = this, {x, y} = this.#place(event);
    if (x < view.gutter) return null;
    const tick = view.tickAt(x), slack = 3 / view.scale;
    const rows = (event.pointerType ?? "mouse") === "mouse" ? 0.5 : 12 / view.row; // fingers are wider
    const centre = (pitch) => view.y(pitch) + view.row / 2;
    let best = null, least = Math.max(1, rows) * view.row;
    for (const note of this.session.melody.notes) {
      if (note[0] - slack > tick) break;
      if (note[0] + note[1] + slack < tick) continue;
      const distance = Math.abs(centre(note[2]) - y);
      if (distance < least && distance <= Math.max(view.row / 2 + 1, rows * view.row)) [best, least] = [note, distance];
    }
    return best;
  }

  #click(event) {
    const note = this.#noteAt(event);
    if (note) return this.#toggleLock(note);
    const {x} = this.#place(event), {timeline} = this.view;
    if (x < this.view.gutter) return;
    const tick = this.view.tickAt(x);
    if (tick < timeline.end) this.on.seek(timeline.beats[timeline.beatIndex(tick)]?.tick ?? 0);
  }

  #toggleLock(note) {
    const locked = this.session.toggleLock(note);
    const {bar, beat} = this.view.timeline.place(note[0]);
    this.on.say(`${pitchName(note[2])} in bar ${bar}, beat ${beat} ${locked ? "is locked: it stays in the next takes" : "is free again"}.`);
  }

  /** Bar or beat at a place of the ruler, as a range. */
  #unit(x, fine) {
    const {timeline} = this.view, tick = Math.min(timeline.end - 1, Math.max(0, this.view.tickAt(x)));
    if (!fine) {
      const index = timeline.barIndex(tick);
      return [timeline.bars[index].start, timeline.barEnd(index)];
    }
    const index = timeline.beatIndex(tick);
    return [timeline.beats[index].tick, timeline.beatEnd(index)];
  }

  #startDrag(event) {
    const {x} = this.#place(event);
    if (event.button || x < this.view.gutter || !this.view.timeline.bars.length) return;
    event.preventDefault();
    this.ruler.setPointerCapture(event.pointerId);
    const fine = event.altKey || byId("snap-beats").checked;
    const adds = event.shiftKey || event.ctrlKey || event.metaKey || event.pointerType === "touch";
    this.drag = {fine, adds, x, anchor: this.#unit(x, fine), before: adds ? this.session.state.selection : [], moved: false};
    this.#drag(event);
  }

  #drag(event) {
    if (!this.drag) return;
    const {x} = this.#place(event), {drag, view, scroller} = this;
    drag.moved ||= Math.abs(x - drag.x) > CLICK;
    // Beyond an edge the song scrolls.
    const beyond = x > view.width - 12 ? x - view.width + 12 : x < view.gutter ? x - view.gutter : 0;
    if (beyond && drag.moved) scroller.scrollLeft = view.left = Math.max(0, scroller.scrollLeft + beyond);
    const here = this.#unit(Math.min(view.width, Math.max(view.gutter, x)), drag.fine);
    drag.range = [Math.min(drag.anchor[0], here[0]), Math.max(drag.anchor[1], here[1])];
    this.dragged = join([...drag.before, drag.range]);
    byId("selection").textContent = `Selected: ${view.timeline.name(this.dragged)}`;
    this.draw();
  }

  #endDrag() {
    if (!this.drag) return;
    const {drag, session} = this;
    const taken = drag.adds && !drag.moved && covers(session.state.selection, drag.anchor[0]);
    const selection = taken ? without(session.state.selection, drag.anchor) : this.dragged;
    this.#dropDrag();
    this.select(selection);
  }

  #dropDrag() {
    this.drag = this.dragged = null;
    this.draw();
  }

  select(selection) {
    if (same(selection, this.session.state.selection)) return this.update();
    const {timeline} = this.view;
    this.session.change(selection.length ? `select ${timeline.name(selection)}` : "clear the selection", {selection});
    this.on.say(selection.length ? `Selected: ${timeline.name(selection)}.` : "Nothing is selected.");
  }

  // The same without a pointer.

  #fillBars() {
    const {session} = this, {timeline} = session;
    const chordAt = (tick) => session.song.chords.findLast(([at]) => at <= tick)?.[1];
    byId("bars").replaceChildren(...timeline.bars.map((bar, index) => {
      const chord = chordAt(bar.start);
      return element("li", {role: "option", id: `bar-${index}`, "aria-selected": "false"}, `Bar ${bar.number}${chord ? `, ${chord}` : ""}`);
    }));
    if (timeline.bars.length) byId("bars").setAttribute("aria-activedescendant", "bar-0");
  }

  #focusBar(index) {
    const {timeline} = this.view;
    this.focused = Math.min(timeline.bars.length - 1, Math.max(0, index));
    if (this.focused < 0) return;
    byId("bars").setAttribute("aria-activedescendant", `bar-${this.focused}`);
    const bar = timeline.bars[this.focused], x = this.view.x(bar.start);
    if (document.activeElement === byId("bars") && (x < this.view.gutter || x + bar.length * this.view.scale > this.view.width))
      this.scroller.scrollLeft = this.view.left = Math.max(0, bar.start * this.view.scale - this.view.width / 3);
    this.draw();
  }

  #barKey(event) {
    const moves = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4, Home: -Infinity, End: Infinity};
    const {timeline} = this.view, {selection} = this.session.state;
    const range = (index) => [timeline.bars[index].start, timeline.barEnd(index)];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const from = this.focused;
      this.#focusBar(from + moves[event.key]);
      if (event.shiftKey) {
        this.rangeAnchor ??= from;
        const ends = [range(this.rangeAnchor), range(this.focused)];
        this.select(join([...selection, [Math.min(ends[0][0], ends[1][0]), Math.max(ends[0][1], ends[1][1])]]));
      } else this.rangeAnchor = null;
    } else if (event.key === " ") {
      const bar = range(this.focused);
      this.rangeAnchor = this.focused;
      this.select(covers(selection, bar[0]) ? without(selection, bar) : join([...selection, bar]));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #fillNotes() {
    const {session} = this, {selection} = session.state;
    const notes = session.melody.notes.filter((note) => session.holds(selection, note)).slice(0, 400);
    const key = JSON.stringify([notes, session.state.locks]);
    if (key === this.listedKey) return;
    [this.listed, this.listedKey] = [notes, key];
    this.noteAt = Math.min(this.noteAt ?? 0, Math.max(0, notes.length - 1));
    byId("notes-panel").querySelector("summary").textContent = `Lock notes of the selection (${notes.filter((note) => session.isLocked(note)).length} of ${notes.length})`;
    byId("notes").replaceChildren(...notes.map((note, index) => {
      const {bar, beat} = session.timeline.place(note[0]);
      return element("li", {role: "option", id: `note-${index}`, "aria-selected": String(session.isLocked(note)),
        class: index === this.noteAt ? "active" : null},
        pitchName(note[2]), element("small", {}, ` bar ${bar}.${beat}`));
    }));
    if (notes.length) byId("notes").setAttribute("aria-activedescendant", `note-${this.noteAt}`);
    else byId("notes").removeAttribute("aria-activedescendant");
  }

  #noteKey(event) {
    const moves = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity};
    if (event.ctrlKey || event.metaKey || event.altKey || !this.listed.length) return;
    if (event.key in moves) {
      this.noteAt = Math.min(this.listed.length - 1, Math.max(0, this.noteAt + moves[event.key]));
      for (const [index, option] of [...byId("notes").children].entries()) option.classList.toggle("active", index === this.noteAt);
      byId("notes").setAttribute("aria-activedescendant", `note-${this.noteAt}`);
      byId("notes").children[this.noteAt].scrollIntoView({block: "nearest"});
    } else if (event.key === " " || event.key === "Enter") this.#toggleLock(this.listed[this.noteAt]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
