/** What the next takes shall be like; each fader says in words what it does. */
import {element} from "/web/element.js";
import {pitchName} from "/web/timeline.js";
import {FREE} from "./session.js";

const byId = (id) => document.getElementById(id);
const KEYS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const QUALITIES = {draft: "quick sketches", normal: "a good balance", best: "slower, the most careful"};
const FIFTH = 7; // semitones that a register spans at least
const USUAL = 3; // strictness that the qualities come with

export const keyNames = () => [...KEYS.map((key) => `${key} major`), ...KEYS.map((key) => `${key} minor`)];

export class Faders {
  constructor(session, model) {
    this.session = session;
    this.model = model;
    this.abort = new AbortController();
    const own = session.defaults.key;
    byId("key").replaceChildren(element("option", {value: ""}, own ? `As in the song (${own})` : "As in the song"),
      ...keyNames().map((name) => element("option", {value: name}, name)));
    const on = (id, name, handler) => byId(id).addEventListener(name, handler, {signal: this.abort.signal});
    const number = (id) => Number(byId(id).value);
    on("density", "input", () => session.setFader("density", number("density"), `density ${number("density")}`));
    on("low", "input", () => this.#setRegister("low"));
    on("high", "input", () => this.#setRegister("high"));
    on("key", "change", () => session.setFader("key", byId("key").value || null, `key ${byId("key").value || "of the song"}`));
    on("strictness", "input", () => session.setFader("strictness", number("strictness"), "how strictly chords are followed"));
    on("quality", "change", () => session.setFader("quality", byId("quality").value, `quality ${byId("quality").value}`));
    on("count", "input", () => session.setFader("count", number("count"), `${number("count")} takes`));
    on("chords", "change", () => session.setFader("chords", byId("chords").value, "chords of the bars"));
    on("variation", "input", () => session.setFader("variation", number("variation"), "how far from the take"));
    on("faders-reset", "click", () => session.change("faders as in the song", {faders: {...session.state.faders, ...FREE}}));
    this.setModel(model);
  }

  close() {
    this.abort.abort();
  }

  setModel(model) {
    this.model = model;
    byId("quality").replaceChildren(...(model.qualities?.length ? model.qualities : Object.keys(QUALITIES))
      .map((name) => element("option", {value: name}, name)));
    this.update();
  }

  #setRegister(moved) {
    let low = Number(byId("low").value), high = Number(byId("high").value);
    if (moved === "low") high = Math.max(high, low + FIFTH);
    else low = Math.min(low, high - FIFTH);
    const faders = {...this.session.state.faders, low: Math.min(low, 96 - FIFTH), high: Math.max(high, 36 + FIFTH)};
    this.session.change(`register ${pitchName(faders.low)} to ${pitchName(faders.high)}`, {faders}, "fader-register");
  }

  update() {
    const {session, model} = this, {faders} = session.state, own = session.defaults;
    const hears = model.can_condition !== false;
    const set = (id, value, text, changed) => {
      const input = byId(id);
      if (document.activeElement !== input || input.type === "range") input.value = value;
      const words = byId(`${id}-text`);
      if (words && text !== null && words.textContent !== text) words.textContent = text;
      input.closest(".fader, details").classList.toggle("changed", changed);
    };
    const density = faders.density ?? own.density ?? 4;
    set("density", density, faders.density === null
      ? (own.density ? `your song's, ${round(own.density)} per bar` : "as in your song")
      : `${round(density)} per bar${own.density ? `, ${compared(density - own.density)}` : ""}`, faders.density !== null);
    const {low, high} = session.register, free = faders.low === null && faders.high === null;
    set("low", low, null, !free);
    set("high", high, null, !free);
    byId("register-text").textContent = free ? "your song's" : "notes in between";
    byId("low-text").textContent = pitchName(low);
    byId("high-text").textContent = pitchName(high);
    set("key", faders.key ?? "", faders.key ? "other notes become rare" : "as in your song", faders.key !== null);
    const strict = faders.strictness ?? USUAL;
    set("strictness", strict, !hears ? "this model does not hear chords" : faders.strictness === null ? "as usual" : strictText(strict),
      faders.strictness !== null);
    set("quality", faders.quality, QUALITIES[faders.quality] ?? "", false);
    set("count", faders.count, faders.count === 1 ? "one take" : `${faders.count} takes to choose from`, false);
    set("chords", faders.chords, faders.chords.trim() ? "composed over these instead" : "as in the song", Boolean(faders.chords.trim()));
    for (const id of ["density", "strictness"]) byId(id).disabled = !hears;
    for (const id of ["low", "high"]) byId(id).setAttribute("aria-valuetext", pitchName(Number(byId(id).value)));
    byId("faders-reset").disabled = Object.entries(FREE).every(([name, value]) => faders[name] === value);
  }
}

const round = (value) => Math.round(value * 10) / 10;

function compared(difference) {
  if (Math.abs(difference) < 0.5) return "as in your song";
  const much = Math.abs(difference) >= 3 ? "much " : "";
  return difference > 0 ? `${much}busier` : `${much}calmer`;
}

function strictText(value) {
  if (value === 0) return "chords are not heard";
  if (value < 2) return "loosely";
  if (value < 4) return "as usual";
  return value < 5.5 ? "closely" : "strictly";
}
