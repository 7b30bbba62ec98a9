/** A song being worked on: what is chosen in it, and what that makes of its notes. */
import {sortNotes} from "/web/roll.js";
import {Timeline} from "/web/timeline.js";
import {History, keep, kept} from "./history.js";
import {covers} from "./ranges.js";

export const FREE = {density: null, low: null, high: null, key: null, strictness: null, chords: ""};

export class Session {
  constructor(song, onChange) {
    this.song = song;
    this.timeline = new Timeline(song);
    const own = song.defaults;
    this.defaults = {density: own?.density ?? null, low: parsePitch(own?.pitch_low) ?? 60, high: parsePitch(own?.pitch_high) ?? 84,
      key: song.key ?? own?.key ?? null};
    this.tracks = song.tracks.map((track, place) => ({...track, ...sortNotes(track.notes), colour: place}));
    this.takesKey = `studio.takes.${song.id}`;
    this.takes = new Map(Object.entries(kept(this.takesKey, {})));
    const melody = this.tracks.findIndex((track) => track.number === song.melody);
    const first = {
      melody: melody < 0 ? Math.max(0, this.tracks.findIndex((track) => track.melody_candidate)) : melody,
      selection: [], locks: [], seed: 0,
      faders: {...FREE, quality: "normal", count: 4, variation: 0.3},
      groups: [], // of takes with the same gaps
      active: null, // key of the group that is shown
      chosen: [], // takes that are in the song, the last one on top
      favourites: [], mixer: {}, tempo: 100, loop: true, click: false,
    };
    this.history = new History(`studio.song.${song.id}`, first, () => onChange());
    this.asItWas = false; // A/B: the song is heard without the shown group's take
    this.made = new Map(); // notes of tracks, by what is chosen
  }

  get state() { return this.history.state; }
  get group() { return this.state.groups.find((group) => group.key === this.state.active) ?? null; }
  get chosen() { return this.state.chosen.filter((id) => !(this.asItWas && this.group?.takes.includes(id))); }
  get melody() { return this.notes(this.state.melody); }
  get melodyTrack() { return this.tracks[this.state.melody]; }

  /** The take of a group that is in the song, if any. */
  chosenOf(group) {
    return this.state.chosen.find((id) => group?.takes.includes(id)) ?? null;
  }

  change(label, parts, merge) {
    this.history.change(label, parts, merge);
  }

  setFader(name, value, label) {
    this.change(label, {faders: {...this.state.faders, [name]: value}}, `fader-${name}`);
  }

  setMixer(place, values, label, merge) {
    const mixer = {...this.state.mixer, [place]: {...this.state.mixer[place], ...values}};
    this.change(label, {mixer}, merge);
  }

  /** Notes of a track with the chosen takes in it. */
  notes(place) {
    const {number} = this.tracks[place];
    const takes = this.chosen.filter((id) => this.takes.get(id)?.track === number);
    const key = `${place}:${takes}`;
    if (!this.made.has(key)) {
      let made = this.tracks[place];
      for (const id of takes) made = this.#withTake(made, this.takes.get(id));
      if (this.made.size > 100) this.made.clear();
      this.made.set(key, made);
    }
    return this.made.get(key);
  }

  /** Gaps of the takes that are in the song. */
  get filled() {
    const {number} = this.melodyTrack;
    return this.chosen.flatMap((id) => (this.takes.get(id)?.track === number ? this.takes.get(id).gaps : []));
  }

  /** Whether a note belongs to some ranges; one that is played a little early belongs to where it is written. */
  holds(ranges, [start]) {
    return covers(ranges, start + this.song.ticks_per_quarter / 8);
  }

  isLocked(note) {
    return this.state.locks.some(([start, pitch]) => start === note[0] && pitch === note[2]);
  }

  toggleLock(note) {
    const locked = this.isLocked(note);
    const locks = locked
      ? this.state.locks.filter(([start, pitch]) => start !== note[0] || pitch !== note[2])
      : [...this.state.locks, [note[0], note[2]]];
    this.change(locked ? "unlock a note" : "lock a note", {locks});
    return !locked;
  }

  /** What a server is asked for. */
  request(extra = {}) {
    const {selection, locks, faders, chosen} = this.state;
    const ranges = extra.ranges ?? selection;
    const whole = ranges.filter((range) => this.timeline.isWhole(range));
    const {low, high} = this.register;
    return {
      track: this.melodyTrack.number,
      bars: whole.map((range) => this.timeline.rangeText(range)),
      beats: ranges.filter((range) => !whole.includes(range)),
      locks: locks.filter((lock) => this.holds(ranges, lock)),
      takes: faders.count, seed: this.state.seed, quality: faders.quality,
      density: faders.density, pitch_range: faders.low === null && faders.high === null ? null : [midiName(low), midiName(high)],
      key: faders.key, chords: faders.chords.trim() || null, harmony: true, strictness: faders.strictness,
      like: extra.like ?? null, variation: faders.variation, base: chosen.filter((id) => this.takes.has(id)),
    };
  }

  /** Lowest and highest pitch of the next takes. */
  get register() {
    const {low, high} = this.state.faders, {defaults} = this;
    return {low: low ?? defaults.low, high: high ?? defaults.high};
  }

  /** Adds what a job made to the takes of the same bars; their own gaps may be smaller, by the notes that are locked. */
  addTakes(takes, label, {ranges, track, like = null, original = null}) {
    if (!takes.length) return;
    for (const take of takes) this.takes.set(take.id, {...take, track, like});
    keep(this.takesKey, Object.fromEntries(this.takes));
    const gaps = ranges, key = JSON.stringify([track, gaps]);
    const ids = takes.map((take) => take.id);
    const before = this.state.groups.find((group) => group.key === key);
    const group = {key, gaps, original: before?.original ?? original, takes: this.#ranked([...(before?.takes ?? []), ...ids])};
    const groups = before ? this.state.groups.map((each) => (each === before ? group : each)) : [...this.state.groups, group];
    const chosen = this.chosenOf(before) ? this.state.chosen : [...this.state.chosen, group.takes[0]];
    this.asItWas = false;
    this.change(label, {groups, active: key, chosen, seed: this.state.seed + 1});
  }

  #ranked(ids) {
    const known = [...new Set(ids)].map((id, place) => ({id, place, take: this.takes.get(id)}));
    const score = ({take, place}) => take.scores.overall ?? -(take.rank ?? place);
    return known.sort((a, b) => score(b) - score(a)).map(({id}) => id);
  }

  /** Puts a take of the shown group into the song; `null` for as it was. */
  choose(id) {
    this.asItWas = false;
    const {group} = this, before = this.chosenOf(group);
    if (before === id) return this.history.onChange();
    const chosen = this.state.chosen.filter((each) => !group.takes.includes(each));
    this.change(id ? `choose take ${this.numberOf(id)}` : "as it was", {chosen: id ? [...chosen, id] : chosen}, null);
  }

  toggleFavourite(id) {
    const is = this.state.favourites.includes(id);
    const favourites = is ? this.state.favourites.filter((each) => each !== id) : [...this.state.favourites, id];
    this.change(is ? "no favourite" : "mark a favourite", {favourites});
    return !is;
  }

  /** Number of a take within its group, in the order in which they were made. */
  numberOf(id) {
    const group = this.state.groups.find((each) => each.takes.includes(id));
    const order = [...this.takes.keys()].filter((each) => group?.takes.includes(each));
    return order.indexOf(id) + 1;
  }

  /** Notes of a track with a take in its gaps. */
  #withTake(track, take) {
    const given = new Map(take.notes.map((note) => [`${note[0]}:${note[2]}`, note]));
    const around = track.notes.filter((note) => !this.holds(take.gaps, note)).map((note) => {
      // The take may have cut a note that rings into a gap.
      const rings = take.gaps.some(([start]) => note[0] < start && note[0] + note[1] > start);
      return rings ? (given.get(`${note[0]}:${note[2]}`) ?? note) : note;
    });
    return sortNotes([...around, ...take.notes.filter((note) => this.holds(take.gaps, note))]);
  }
}

const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
/** A pitch of a name such as "Eb4". */
function parsePitch(name) {
  const [, letter, sign, octave] = /^([A-G])([#b]?)(-?\d+)$/.exec(name ?? "") ?? [];
  return letter === undefined ? null : NAMES.indexOf(letter) + {"": 0, "#": 1, b: -1}[sign] + 12 * (Number(octave) + 1);
}

const midiName = (pitch) => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);
