/** A song's time: ticks, seconds, bars and beats. */

/** Index of the last item whose key is at most the value; -1 if there is none. */
export function lastAtMost(items, value, key = (item) => item) {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(items[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export class Timeline {
  /** @param song ticks_per_quarter, tempos [[tick, quarters a minute]], bars [{number, start, length, numerator, denominator}], end */
  constructor(song) {
    this.ticksPerQuarter = song.ticks_per_quarter;
    this.bars = song.bars;
    const last = song.bars.at(-1);
    this.end = Math.max(song.end, last ? last.start + last.length : 0);
    this.tempos = [];
    let second = 0;
    for (const [tick, bpm] of song.tempos.length ? song.tempos : [[0, 120]]) {
      const before = this.tempos.at(-1);
      if (before) second += (tick - before.tick) * before.perTick;
      this.tempos.push({tick: before ? tick : Math.min(0, tick), second, perTick: 60 / bpm / song.ticks_per_quarter, bpm});
    }
    this.beats = song.bars.flatMap((bar) => this.beatsOf(bar).map((tick) => ({tick, first: tick === bar.start})));
  }

  tempoAt(tick) {
    return this.tempos[Math.max(0, lastAtMost(this.tempos, tick, (row) => row.tick))];
  }

  seconds(tick) {
    const row = this.tempoAt(tick);
    return row.second + (tick - row.tick) * row.perTick;
  }

  tick(seconds) {
    const row = this.tempos[Math.max(0, lastAtMost(this.tempos, seconds, (row) => row.second))];
    return row.tick + (seconds - row.second) / row.perTick;
  }

  /** Beats of a bar as ticks: the metre's lower number, or dotted ones in 6/8 and its kin. */
  beatsOf(bar) {
    let beat = (this.ticksPerQuarter * 4) / bar.denominator;
    if (bar.denominator >= 8 && bar.numerator % 3 === 0 && bar.numerator > 3) beat *= 3;
    const beats = [];
    for (let tick = bar.start; tick < bar.start + bar.length - 1; tick += beat) beats.push(tick);
    return beats;
  }

  barIndex(tick) {
    return Math.max(0, lastAtMost(this.bars, tick, (bar) => bar.start));
  }

  barEnd(index) {
    return this.bars[index].start + this.bars[index].length;
  }

  beatIndex(tick) {
    return Math.max(0, lastAtMost(this.beats, tick, (beat) => beat.tick));
  }

  beatEnd(index) {
    return this.beats[index + 1]?.tick ?? this.end;
  }

  /** Bar and beat, from 1. */
  place(tick) {
    const bar = this.bars[this.barIndex(tick)];
    const beat = lastAtMost(this.beatsOf(bar), tick) + 1;
    return {bar: bar.number, beat: Math.max(1, beat)};
  }

  /** Whether a range begins and ends at bar lines. */
  isWhole([start, end]) {
    const last = this.barIndex(end - 1);
    return this.bars[this.barIndex(start)].start === start && this.barEnd(last) === end;
  }

  /** A range as the bars option writes it: "17-20" for whole bars, "20.2-21.3" for beats. */
  rangeText([start, end], dash = "-") {
    if (this.isWhole([start, end])) {
      const first = this.bars[this.barIndex(start)].number, last = this.bars[this.barIndex(end - 1)].number;
      return first === last ? first : first + dash + last;
    }
    const from = this.place(start), to = this.place(end - 1);
    const text = `${from.bar}.${from.beat}`, until = `${to.bar}.${to.beat}`;
    return text === until ? text : text + dash + until;
  }

  /** Ranges as people read them: "bars 17–20 and 25". */
  name(ranges) {
    const texts = ranges.map((range) => this.rangeText(range, "–"));
    if (!texts.length) return "no bars";
    const whole = ranges.every((range) => this.isWhole(range));
    const single = texts.length === 1 && !texts[0].includes("–");
    const list = texts.length < 2 ? texts[0] : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
    return `${whole ? "bar" : "beat"}${single ? "" : "s"} ${list}`;
  }

  /** Where playing begins so that two bars lead in. */
  leadIn(tick) {
    return this.bars[Math.max(0, this.barIndex(tick) - 2)].start;
  }
}

const PITCHES = ["C", "C\u266f", "D", "E\u266d", "E", "F", "F\u266f", "G", "A\u266d", "A", "B\u266d", "B"];

/** Name of a pitch, middle C being C4. */
export const pitchName = (pitch) => PITCHES[pitch % 12] + (Math.floor(pitch / 12) - 1);
