/** The page of takes: a roll and a player for each, from the data that the page holds. */
import {element} from "../render/web/element.js";
import {rankName} from "../render/web/rank.js";
import {fitCanvas, paintRoll, paintRuler, readColours, sortNotes, View} from "../render/web/roll.js";
import {Player} from "../render/web/player.js";
import {Timeline} from "../render/web/timeline.js";

const data = JSON.parse(document.getElementById("data").textContent);
const timeline = new Timeline(data.song);
const [shownFrom, shownUntil] = data.shown;
timeline.end = shownUntil; // what is after it was not embedded
const melodyPlace = data.tracks.findIndex((track) => track.melody);
const player = new Player(timeline, data.tracks.map((track) => ({...track, ...sortNotes(track.notes)})), showStopped);
const othersToo = document.querySelector("#others input");
const RULER = 22; // pixels
const MARGIN = 19; // semitones around the melody in which other tracks are drawn
let playing = null; // the take that sounds
let colours = null;

const early = data.song.ticks_per_quarter / 8; // a performance may be
const inGap = ([start]) => data.gaps.some(([from, until]) => from <= start + early && start + early < until);
for (const take of data.takes) Object.assign(take, sortNotes(take.notes));

// Pictures.

function pitchRange() {
  const pitches = (notes) => notes.map((note) => note[2]);
  const melody = data.takes.flatMap((take) => pitches(take.notes));
  const others = data.tracks.filter((track) => !track.melody && !track.drums).flatMap((track) => pitches(track.notes));
  const least = (values, otherwise) => values.reduce((a, b) => Math.min(a, b), otherwise);
  const most = (values, otherwise) => values.reduce((a, b) => Math.max(a, b), otherwise);
  const low = melody.length ? least(melody, 127) : 60, high = melody.length ? most(melody, 0) : 72;
  return {low: Math.min(low, Math.max(low - MARGIN, least(others, low))) - 2, high: Math.max(high, Math.min(high + MARGIN, most(others, high))) + 2};
}

const pitches = pitchRange();
const others = data.tracks.flatMap((track, place) => (track.melody ? [] : [{...track, ...sortNotes(track.notes), colour: place}]));

function paint(take) {
  const {ruler, canvas} = take, width = canvas.clientWidth, height = canvas.clientHeight;
  const view = new View(timeline);
  Object.assign(view, {width, height, ...pitches, gutter: 34, lane: others.some((track) => track.drums) ? 22 : 0});
  view.scale = (width - view.gutter) / (shownUntil - shownFrom);
  view.left = shownFrom * view.scale;
  view.row = (height - view.lane) / (pitches.high - pitches.low + 1);
  take.view = view;
  paintRoll(fitCanvas(canvas, width, height), view, {others, melody: take, gaps: data.gaps, isNew: (note) => take.file && inGap(note)}, colours);
  paintRuler(fitCanvas(ruler, width, RULER), view, {height: RULER, gaps: data.gaps}, colours);
}

function paintAll() {
  colours = readColours(document.body);
  data.takes.forEach(paint);
}

function drawRoll(take) {
  const count = take.notes.filter(inGap).length;
  take.ruler = element("canvas", {class: "ruler", "aria-hidden": "true"});
  take.canvas = element("canvas", {class: "notes", role: "img", "aria-label": `Piano roll of ${take.title}${take.file ? `, ${count} new notes` : ""}`});
  take.canvas.addEventListener("click", (event) => {
    const tick = take.view.tickAt(event.clientX - take.canvas.getBoundingClientRect().left);
    play(take, Math.min(shownUntil - 1, Math.max(shownFrom, tick)));
  });
  take.cursor = element("div", {class: "cursor"});
  const roll = element("div", {class: "roll"}, take.ruler, take.canvas, take.cursor);
  roll.style.minWidth = `${Math.round(timeline.bars.filter((bar) => bar.start >= shownFrom && bar.start < shownUntil).length * 14)}px`;
  return element("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": `Roll of ${take.title}`}, roll);
}

function drawScores(scores) {
  const list = element("dl", {class: "scores"});
  for (const [key, name] of Object.entries(data.scoreNames)) {
    const value = scores[key];
    const fill = element("b");
    fill.style.width = `${100 * (value ?? 0)}%`;
    list.append(element("dt", {}, name[0].toUpperCase() + name.slice(1)),
      element("dd", {}, element("i", {"aria-hidden": "true"}, fill), value === null ? "–" : `${Math.round(100 * value)} %`));
  }
  return list;
}

const BUTTON_ICONS = {start: "M4.5 2v14l11.5-7z", stop: "M3.5 3.5h11v11h-11z"};

function drawIcon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of [["class", name], ["viewBox", "0 0 18 18"], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
  path.setAttribute("d", BUTTON_ICONS[name]);
  svg.append(path);
  return svg;
}

function drawTake(take, rank) {
  take.button = element("button", {type: "button"}, drawIcon("start"), drawIcon("stop"));
  take.button.addEventListener("click", () => (playing === take ? player.stop() : play(take)));
  const title = element("h2", {}, take.title);
  if (rank) title.append(element("small", {}, `${rankName(rank)} by its scores`));
  const side = element("div", {}, element("div", {class: "head"}, take.button, title));
  if (take.scores) side.append(drawScores(take.scores));
  take.card = element("article", {"aria-label": take.title}, side, drawRoll(take));
  if (take.file) {
    const link = element("a", {href: encodeURIComponent(take.file)}, take.file);
    take.card.append(element("div", {class: "again"},
      element("span", {}, "Again: ", element("code", {}, take.again)), link,
      element("details", {}, element("summary", {}, "More like it"), element("code", {}, take.more))));
  }
  nameButton(take, "Play");
  document.getElementById("takes").append(take.card);
}

function nameButton(take, verb) {
  take.button.setAttribute("aria-label", `${verb} ${take.title}`);
  take.button.title = verb;
}

// Sound.

/** Plays a take; while another one sounds, from the same place, so that the two can be compared. */
function play(take, from = playing ? null : data.playFrom) {
  player.setNotes(melodyPlace, take.notes);
  if (from !== null) player.play(from);
  setOthers();
  const before = playing;
  playing = take;
  if (before) showTake(before);
  showTake(take);
  if (!before) moveCursor();
}

function showTake(take) {
  take.card.classList.toggle("playing", take === playing);
  nameButton(take, take === playing ? "Stop" : "Play");
}

function showStopped() {
  const before = playing;
  playing = null;
  if (before) showTake(before);
}

function moveCursor() {
  if (!playing) return;
  if (player.position >= shownUntil) return player.stop();
  playing.cursor.style.transform = `translateX(${playing.view.x(Math.max(shownFrom, player.position))}px)`;
  requestAnimationFrame(moveCursor);
}

function skip(bars) {
  const {position} = player, at = timeline.barIndex(position + 1);
  // Going back within a bar's first beat means the bar before.
  const inside = bars < 0 && position > timeline.bars[at].start + data.song.ticks_per_quarter;
  const bar = timeline.bars[Math.min(timeline.bars.length - 1, Math.max(0, at + (inside ? 0 : bars)))];
  player.play(Math.min(Math.max(bar.start, shownFrom), shownUntil - 1));
}

function step(by) {
  const take = data.takes[data.takes.indexOf(playing) + by];
  if (!take) return;
  play(take);
  take.card.scrollIntoView({block: "nearest"});
}

function setOthers() {
  for (const place of data.tracks.keys()) if (place !== melodyPlace) player.setVolume(place, othersToo.checked ? 0.7 : 0);
}

document.addEventListener("keydown", (event) => {
  if (!playing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {Escape: () => player.stop(), ArrowRight: () => skip(1), ArrowLeft: () => skip(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1)}[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
othersToo.addEventListener("change", setOthers);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintAll);

document.querySelector("h1").textContent = data.title;
document.getElementById("summary").textContent = data.summary;
document.getElementById("command").textContent = data.command;
document.getElementById("all").hidden = !data.command;
document.getElementById("others").hidden = !data.tracks.some((track) => !track.melody && track.notes.length);
for (const [key, value] of data.settings)
  document.getElementById("settings").append(element("dt", {}, key), element("dd", {}, value));
data.takes.forEach(drawTake);
paintAll();
new ResizeObserver(paintAll).observe(document.getElementById("takes"));
