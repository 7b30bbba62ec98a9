/** Draws piano rolls on canvases: only what is in view, so that long songs scroll as short ones do. */
import {element} from "./element.js";
import {lastAtMost, pitchName} from "./timeline.js";

const OTHERS = 6; // colours of other tracks
const LOWEST_DRUM = 35, DRUMS = 24; // pitches of a kit; what is beyond them lies at the edge

/** Notes in the order of their starts, and their longest one, so that those in view are found at once. */
export function sortNotes(notes) {
  const sorted = notes.toSorted((a, b) => a[0] - b[0] || a[2] - b[2]);
  return {notes: sorted, longest: sorted.reduce((most, note) => Math.max(most, note[1]), 0)};
}

/** Calls back for each note that sounds in [from, until). */
function eachNote({notes, longest}, from, until, callback) {
  for (let i = lastAtMost(notes, from - longest - 1, (note) => note[0]) + 1; i < notes.length && notes[i][0] < until; i++)
    if (notes[i][0] + notes[i][1] > from) callback(notes[i]);
}

/** Which stretch of the song a canvas shows, and how large. Lengths are CSS pixels. */
export class View {
  constructor(timeline) {
    this.timeline = timeline;
    this.scale = 0.1; // pixels a tick
    this.row = 7; // pixels a semitone
    this.left = this.top = 0; // scrolled
    this.width = this.height = 0;
    this.gutter = 0; // for the keys at the left
    this.lane = 0; // for drums below the pitches
    this.low = 48;
    this.high = 84;
  }

  get songWidth() { return this.timeline.end * this.scale; }
  get songHeight() { return (this.high - this.low + 1) * this.row + this.lane; }
  get from() { return Math.max(0, this.tickAt(this.gutter)); }
  get until() { return Math.min(this.timeline.end, this.tickAt(this.width)); }

  x(tick) { return this.gutter + tick * this.scale - this.left; }
  y(pitch) { return (this.high - pitch) * this.row - this.top; }
  tickAt(x) { return (x - this.gutter + this.left) / this.scale; }
  pitchAt(y) { return this.high - Math.floor((y + this.top) / this.row); }
}

/** The colours of a canvas, from the style sheet's custom properties. */
export function readColours(node) {
  const probe = element("i"); // whose colour is that of a property, light or dark
  node.append(probe);
  const style = getComputedStyle(probe);
  const read = (name) => {
    probe.style.color = `var(--roll-${name})`;
    return style.color;
  };
  const names = ["paper", "black", "beat", "line", "octave", "text", "note", "new", "ring", "select", "edge", "gap"];
  const colours = Object.fromEntries(names.map((name) => [name, read(name)]));
  colours.others = Array.from({length: OTHERS}, (_, index) => read(`track-${index + 1}`));
  colours.font = style.fontFamily;
  probe.remove();
  return colours;
}

/** Sizes a canvas for the screen's pixels. */
export function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** How many bars lie between two numbers on the ruler. */
function numberEvery(view, room = 34) {
  const bars = view.timeline.bars;
  const width = (view.timeline.end / Math.max(1, bars.length)) * view.scale;
  return [1, 2, 4, 8, 16, 32, 64, 128].find((every) => every * width >= room) ?? 256;
}

/**
 * Draws a piano roll.
 * @param scene others [{notes, longest, colour, drums}], melody {notes, longest}, isNew(note), isLocked(note),
 *   selection and gaps [[start, end]]
 */
export function paintRoll(context, view, scene, colours) {
  const {width, height, row} = view, from = view.from, until = view.until;
  const bottom = Math.min(height, view.y(view.low) + row);
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, width, height);
  paintRows(context, view, colours, bottom);
  paintRanges(context, view, scene.gaps ?? [], colours.gap);
  paintRanges(context, view, scene.selection ?? [], colours.select);
  paintBars(context, view, colours);

  for (const track of scene.others) {
    context.globalAlpha = 0.36;
    context.fillStyle = colours.others[track.colour % OTHERS];
    context.beginPath();
    eachNote(track, from, until, ([start, length, pitch]) => {
      const x = view.x(start), long = Math.max(1, length * view.scale - 0.5);
      if (track.drums) {
        const share = Math.min(1, Math.max(0, (pitch - LOWEST_DRUM) / DRUMS));
        context.rect(x, height - 4 - share * (view.lane - 8), Math.min(long, 4), 2);
      } else if (pitch >= view.low && pitch <= view.high) context.rect(x, view.y(pitch) + 0.5, long, Math.max(1, row - 1));
    });
    context.fill();
    context.globalAlpha = 1;
  }

  const shown = {old: new Path2D(), new: new Path2D(), locked: new Path2D()}, named = [];
  eachNote(scene.melody, from, until, (note) => {
    const [start, length, pitch] = note, x = view.x(start), y = view.y(pitch);
    const long = Math.max(2, length * view.scale - 1);
    const path = scene.isNew?.(note) ? shown.new : shown.old;
    if (row >= 6 && long >= 5) path.roundRect(x, y, long, row, Math.min(3, row / 3));
    else path.rect(x, y, long, Math.max(2, row));
    if (scene.isLocked?.(note)) shown.locked.roundRect(x - 1, y - 1, long + 2, row + 2, 3);
    if (row >= 11 && long >= 26) named.push([pitchName(pitch), x + 4, y + row / 2 + 0.5, long]);
  });
  context.fillStyle = colours.note;
  context.fill(shown.old);
  context.fillStyle = colours.new;
  context.fill(shown.new);
  context.strokeStyle = colours.ring;
  context.lineWidth = 2;
  context.stroke(shown.locked);
  if (named.length) {
    context.fillStyle = colours.paper;
    context.font = `600 ${Math.min(11, row - 1)}px ${colours.font}`;
    context.textBaseline = "middle";
    for (const [name, x, y] of named) context.fillText(name, x, y);
  }
  if (view.gutter) paintKeys(context, view, colours, bottom);
}

const BLACK = new Set([1, 3, 6, 8, 10]);

function paintRows(context, view, colours, bottom) {
  context.fillStyle = colours.black;
  for (let pitch = view.low; pitch <= view.high; pitch++) {
    const y = view.y(pitch);
    if (BLACK.has(pitch % 12) && y > -view.row && y < view.height) context.fillRect(view.gutter, y, view.width, view.row);
  }
  context.fillStyle = colours.octave;
  for (let pitch = Math.ceil(view.low / 12) * 12; pitch <= view.high; pitch += 12)
    context.fillRect(view.gutter, Math.round(view.y(pitch) + view.row) - 0.5, view.width, 1);
  if (view.lane) context.fillRect(0, bottom, view.width, 1);
}

function paintRanges(context, view, ranges, colour) {
  context.fillStyle = colour;
  for (const [start, end] of ranges) {
    const x = Math.max(view.gutter, view.x(start)), right = Math.min(view.width, view.x(end));
    if (right > x) context.fillRect(x, 0, right - x, view.height);
  }
}

function paintBars(context, view, colours) {
  const {bars} = view.timeline, every = numberEvery(view, 7);
  const first = view.timeline.barIndex(view.from);
  for (let index = first; index < bars.length && bars[index].start <= view.until; index++) {
    const bar = bars[index], x = Math.round(view.x(bar.start));
    if (bar.length * view.scale > 44) {
      context.fillStyle = colours.beat;
      for (const tick of view.timeline.beatsOf(bar).slice(1)) context.fillRect(Math.round(view.x(tick)), 0, 1, view.height);
    }
    if (index % every) continue;
    context.fillStyle = colours.line;
    context.fillRect(x, 0, 1, view.height);
  }
}

function paintKeys(context, view, colours, bottom) {
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, view.gutter, view.height);
  context.fillStyle = colours.octave;
  context.fillRect(view.gutter - 1, 0, 1, view.height);
  context.font = `11px ${colours.font}`;
  context.textBaseline = "middle";
  for (let pitch = view.low; pitch <= view.high; pitch++) {
    const y = view.y(pitch);
    if (y < -view.row || y > view.height) continue;
    if (BLACK.has(pitch % 12)) {
      context.fillStyle = colours.octave;
      context.fillRect(view.gutter - 12, y, 11, view.row - 0.5);
    }
    if (pitch % 12 === 0 || view.row >= 12) {
      context.fillStyle = colours.text;
      if (!BLACK.has(pitch % 12)) context.fillText(pitchName(pitch), 3, Math.max(6, y + view.row / 2));
    }
  }
  if (!view.lane) return;
  context.fillStyle = colours.paper;
  context.fillRect(0, bottom + 1, view.gutter - 1, view.height - bottom);
  context.fillStyle = colours.text;
  context.fillText("Dr", 3, Math.min(view.height - 8, bottom + view.lane / 2));
}

/**
 * Draws bar numbers, and chords below them.
 * @param scene height, selection and gaps [[start, end]], chords [[tick, name]], focused bar
 */
export function paintRuler(context, view, {height, selection = [], gaps = [], chords = [], focused = null}, colours) {
  const {timeline} = view;
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, view.width, height);
  const clip = (tick) => Math.min(view.width, Math.max(view.gutter, view.x(tick)));
  for (const [ranges, colour, top, tall] of [[selection, colours.select, 0, height], [gaps, colours.new, height - 3, 3],
    [selection, colours.edge, 0, 3]]) {
    context.fillStyle = colour;
    for (const [start, end] of ranges) context.fillRect(clip(start), top, clip(end) - clip(start), tall);
  }
  context.save();
  context.beginPath();
  context.rect(view.gutter, 0, view.width, height);
  context.clip();
  const every = numberEvery(view);
  context.textBaseline = "middle";
  context.font = `600 12px ${colours.font}`;
  for (let index = timeline.barIndex(view.from); index < timeline.bars.length && timeline.bars[index].start <= view.until; index++) {
    if (index % every) continue;
    const x = view.x(timeline.bars[index].start);
    context.fillStyle = colours.line;
    context.fillRect(Math.round(x), 4, 1, height);
    context.fillStyle = colours.text;
    context.fillText(timeline.bars[index].number, x + 4, 13);
  }
  context.font = `12px ${colours.font}`;
  let free = -Infinity;
  for (const [tick, name] of chords) {
    const x = view.x(tick);
    if (x < free || x > view.width || x < view.gutter - 80) continue;
    context.fillText(name, x + 4, 33);
    free = x + context.measureText(name).width + 10;
  }
  if (focused) {
    context.strokeStyle = colours.ring;
    context.lineWidth = 2;
    context.strokeRect(view.x(focused.start) + 1, 2, focused.length * view.scale - 2, height - 4);
  }
  context.restore();
}

/** Draws a few bars of a melody into a small canvas. */
export function paintSmallRoll(canvas, timeline, [start, end], scene, colours, {low, high}) {
  const width = canvas.clientWidth || 180, height = canvas.clientHeight || 72;
  const view = new View(timeline);
  Object.assign(view, {width, height, low, high, scale: width / (end - start), row: height / (high - low + 1)});
  view.left = start * view.scale;
  paintRoll(fitCanvas(canvas, width, height), view, scene, colours);
}
