/** Plays tracks of notes on all General MIDI instruments, with a loop, a click, and notes that change while they sound. */
import {lastAtMost} from "./timeline.js";

const AHEAD = 0.2; // seconds that are scheduled before they sound
const AHEAD_HIDDEN = 1.6; // hidden pages wake up once a second
const CHANNELS = 16; // of one synthesiser
const CLICK_HIGH = 76, CLICK_LOW = 77; // wood blocks

/** Sixteen channels a synthesiser, as many synthesisers as it takes. */
class Instruments {
  constructor(count) {
    this.synths = Array.from({length: Math.ceil(count / CHANNELS)}, () => new window.WebAudioTinySynth());
    this.context = this.synths[0].getAudioContext();
    this.out = this.context.createGain();
    this.out.connect(this.context.destination);
    for (const [index, synth] of this.synths.entries()) {
      if (index) synth.getAudioContext().close(); // each opens one of its own
      synth.setAudioContext(this.context, this.out);
    }
  }

  at(channel) {
    return [this.synths[Math.floor(channel / CHANNELS)], channel % CHANNELS];
  }

  program(channel, program, drums) {
    const [synth, inner] = this.at(channel);
    synth.rhythm[inner] = drums ? 1 : 0;
    synth.setProgram(inner, program);
  }

  volume(channel, share) {
    const [synth, inner] = this.at(channel);
    synth.chvol[inner].gain.setTargetAtTime(1.9 * share * share, this.context.currentTime, 0.015);
  }

  note(channel, pitch, velocity, from, to) {
    const [synth, inner] = this.at(channel);
    synth.noteOn(inner, pitch, velocity, from);
    synth.noteOff(inner, pitch, Math.max(to, from + 0.03));
  }

  silence(channel) {
    const [synth, inner] = this.at(channel);
    synth.allSoundOff(inner);
  }
}

export class Player {
  /**
   * @param timeline `Timeline`
   * @param tracks [{program, drums, notes: [[start, length, pitch, velocity]] in the order of starts}]
   * @param onStop called when it stops, by itself or not
   */
  constructor(timeline, tracks, onStop = () => {}) {
    this.timeline = timeline;
    this.tracks = tracks.map((track) => ({...track, longest: longest(track.notes), volume: 1}));
    this.onStop = onStop;
    this.loop = null; // [start, end] in ticks: playing that comes to its end goes on at its start
    this.click = false;
    this.speed = 1;
    this.master = 0.8;
    this.segments = null; // while it plays: stretches of the song at their times
    this.instruments = null;
  }

  get playing() {
    return this.segments !== null;
  }

  /** Where the music is now, in ticks; `null` while it is silent. */
  get position() {
    if (!this.playing) return null;
    const context = this.instruments.context;
    const now = context.currentTime - (context.outputLatency || 0);
    const segment = this.segments[Math.max(0, lastAtMost(this.segments, now, (each) => each.at))];
    const second = segment.second + Math.max(0, now - segment.at) * segment.speed;
    return Math.min(this.timeline.tick(second), segment.end ?? this.timeline.end);
  }

  /** Must be called from a user's action the first time: browsers allow no sound before one. */
  play(from) {
    this.#silence();
    this.#start();
    const context = this.instruments.context;
    context.resume();
    this.segments = [];
    this.#addSegment(context.currentTime + 0.06, from, true);
    clearInterval(this.timer);
    this.timer = setInterval(() => this.#schedule(), 50);
    this.#schedule();
  }

  stop() {
    if (!this.playing) return;
    clearInterval(this.timer);
    this.#silence();
    this.segments = null;
    this.onStop();
  }

  /** Gives a track other notes; they sound at once, wherever the music is. */
  setNotes(index, notes) {
    const track = this.tracks[index];
    if (track.notes === notes) return;
    track.notes = notes;
    track.longest = longest(notes);
    if (!this.playing) return;
    this.instruments.silence(index);
    const now = this.position, context = this.instruments.context;
    for (const [place, segment] of this.segments.entries()) {
      const following = this.segments[place + 1];
      if (following && following.at <= context.currentTime) continue;
      const from = segment.at <= context.currentTime ? now : segment.from;
      this.#notes(index, segment, from, segment.done, true);
    }
  }

  setVolume(index, share) {
    this.tracks[index].volume = share;
    this.instruments?.volume(index, share);
  }

  setMaster(share) {
    this.master = share;
    this.instruments?.out.gain.setTargetAtTime(share * share, this.instruments.context.currentTime, 0.015);
  }

  setSpeed(speed) {
    this.speed = speed;
    if (!this.playing) return;
    const segment = this.segments.at(-1);
    segment.end = segment.done;
    this.#addSegment(this.#timeOf(segment, segment.done), segment.done, false);
  }

  #start() {
    if (this.instruments) return;
    this.instruments = new Instruments(this.tracks.length + 1);
    this.tracks.forEach((track, index) => {
      this.instruments.program(index, track.program, track.drums);
      this.instruments.volume(index, track.volume);
    });
    this.instruments.program(this.tracks.length, 0, true);
    this.instruments.volume(this.tracks.length, 0.8);
    this.setMaster(this.master);
  }

  #silence() {
    if (!this.instruments) return;
    for (let channel = 0; channel <= this.tracks.length; channel++) this.instruments.silence(channel);
  }

  #addSegment(at, from, chase) {
    this.segments.push({at, from, second: this.timeline.seconds(from), speed: this.speed, done: from, end: null, chase});
    const now = this.instruments.context.currentTime;
    while (this.segments.length > 2 && this.segments[1].at < now - 1) this.segments.shift();
  }

  #timeOf(segment, tick) {
    return segment.at + (this.timeline.seconds(tick) - segment.second) / segment.speed;
  }

  #schedule() {
    const horizon = this.instruments.context.currentTime + (document.hidden ? AHEAD_HIDDEN : AHEAD);
    for (let turns = 0; turns < 100; turns++) {
      const segment = this.segments.at(-1);
      const looping = this.loop && segment.done < this.loop[1];
      const end = looping ? this.loop[1] : this.timeline.end;
      const wanted = this.timeline.tick(segment.second + (horizon - segment.at) * segment.speed);
      const until = Math.min(wanted, end);
      if (until > segment.done) {
        for (const index of this.tracks.keys()) this.#notes(index, segment, segment.done, until, segment.chase, end);
        if (this.click) this.#clicks(segment, segment.done, until);
        segment.done = until;
        segment.chase = false;
      }
      if (wanted < end) return;
      if (!looping) {
        if (this.instruments.context.currentTime > this.#timeOf(segment, end) + 0.3) this.stop();
        return;
      }
      segment.end = end;
      this.#addSegment(this.#timeOf(segment, end), this.loop[0], false);
    }
  }

  /** Schedules the notes that start in [from, until), and with `chase` those that sound at `from` already. */
  #notes(index, segment, from, until, chase, end = segment.end ?? this.timeline.end) {
    const {notes, longest} = this.tracks[index];
    const now = this.instruments.context.currentTime;
    const first = lastAtMost(notes, chase ? from - longest : from - 1e-9, (note) => note[0]) + 1;
    for (let place = first; place < notes.length && notes[place][0] < until; place++) {
      const [start, length, pitch, velocity] = notes[place];
      if (start < from && start + length - from < 1) continue;
      const at = Math.max(this.#timeOf(segment, Math.max(start, from)), now + 0.005);
      this.instruments.note(index, pitch, velocity, at, this.#timeOf(segment, Math.min(start + length, end)));
    }
  }

  #clicks(segment, from, until) {
    const beats = this.timeline.beats;
    for (let place = lastAtMost(beats, from - 1e-9, (beat) => beat.tick) + 1; beats[place]?.tick < until; place++) {
      const {tick, first} = beats[place], at = this.#timeOf(segment, tick);
      this.instruments.note(this.tracks.length, first ? CLICK_HIGH : CLICK_LOW, first ? 110 : 80, at, at + 0.05);
    }
  }
}

const longest = (notes) => notes.reduce((most, note) => Math.max(most, note[1]), 0);
