/** The studio's page: what its parts do together. */
import {Player} from "/web/player.js";
import * as api from "./api.js";
import {Faders, keyNames} from "./faders.js";
import {keep, kept} from "./history.js";
import {listenToKeys} from "./keys.js";
import {Mixer} from "./mixer.js";
import {covers, join, without} from "./ranges.js";
import {Session} from "./session.js";
import {Stage} from "./stage.js";
import {Takes} from "./takes.js";
import {element} from "/web/element.js";

const byId = (id) => document.getElementById(id);
let model = {model: "loading", qualities: [], can_condition: true};
let session = null, stage = null, player = null, takes = null, faders = null, mixer = null;
let job = null; // {id, label, waiting, stop} while the server composes for this page
let outcome = null; // how the last job ended, if not with takes

// Words for people.

function say(text) {
  byId("status").textContent = text;
  byId("status").classList.add("fresh");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => byId("status").classList.remove("fresh"), 4000);
}

function complain(error) {
  byId("error-text").textContent = error.message ?? String(error);
  byId("error").hidden = false;
}

function show(name) {
  for (const id of ["empty", "loading", "studio"]) byId(id).hidden = id !== name;
  for (const id of ["skip", "download", "undo", "redo"]) byId(id).hidden = name !== "studio";
}

/** Runs an action of the user's; what goes wrong stands on the page. */
async function attempt(action) {
  try {
    byId("error").hidden = true;
    return await action();
  } catch (error) {
    complain(error);
  }
}

// Songs.

async function open(file) {
  if (!file) return;
  const before = session;
  show("loading");
  byId("loading").firstElementChild.textContent = `Opening ${file.name}…`;
  const song = await attempt(() => api.openSong(file));
  if (song) showSong(song);
  else show(before ? "studio" : "empty");
}

function showSong(song) {
  if (!song.tracks.length || !song.bars.length) {
    show(session ? "studio" : "empty");
    return complain(new Error(`${song.name} holds no notes.`));
  }
  player?.stop();
  stage?.close();
  faders?.close();
  if (job) cancel();
  show("studio");
  outcome = null;
  session = new Session(song, update);
  player = new Player(session.timeline, session.tracks, stopped);
  takes = new Takes(session, {choose, favourite});
  faders = new Faders(session, model);
  mixer = new Mixer(session, player);
  stage = new Stage(session, {seek, say});
  location.hash = new URLSearchParams({song: song.id});
  byId("song-name").textContent = song.name;
  document.title = `${song.name} – Studio`;
  byId("warnings").replaceChildren(...song.warnings.map((text) => element("li", {}, text)));
  byId("warnings-panel").hidden = !song.warnings.length;
  byId("save").hidden = song.can_save === false;
  player.setMaster(Number(byId("volume").value) / 100);
  update();
  seek(session.state.selection.length ? session.timeline.leadIn(session.state.selection[0][0]) : 0);
}

// What stands on the page follows from the session's state.

let selected = null;

function update() {
  const {state, history} = session;
  for (const [id, label] of [["undo", history.undoLabel], ["redo", history.redoLabel]]) {
    const name = id === "undo" ? "Undo" : "Redo";
    byId(id).disabled = label === null;
    byId(id).title = label === null ? name : `${name}: ${label}`;
    byId(id).setAttribute("aria-label", byId(id).title);
  }
  for (const place of session.tracks.keys()) player.setNotes(place, session.notes(place).notes);
  player.click = state.click;
  player.loop = state.loop ? loopRange() : null;
  byId("loop").setAttribute("aria-pressed", String(state.loop));
  byId("click").setAttribute("aria-pressed", String(state.click));
  byId("tempo").value = state.tempo;
  if (player.speed !== state.tempo / 100) player.setSpeed(state.tempo / 100);
  stage.update();
  takes.update(job?.waiting);
  faders.update();
  mixer.update();
  showCompose();
  showDownloads();
  showPosition();
  // A new selection is what one wants to hear next.
  const now = JSON.stringify(state.selection);
  if (selected !== null && now !== selected && state.selection.length && !player.playing)
    seek(session.timeline.leadIn(state.selection[0][0]));
  selected = now;
}

/** What a loop repeats: the selection, or the shown takes' bars, with two bars before. */
function loopRange() {
  const ranges = session.state.selection.length ? session.state.selection : (session.group?.gaps ?? []);
  return ranges.length ? [session.timeline.leadIn(ranges[0][0]), ranges.at(-1)[1]] : null;
}

function showCompose() {
  const {state, timeline} = session, {count} = state.faders;
  const ready = model.model === "ready", button = byId("compose");
  const what = state.selection.length ? ` ${count} take${count > 1 ? "s" : ""} of ${timeline.name(state.selection)}` : "";
  button.textContent = job ? "Composing…" : `Compose${what}`;
  button.disabled = !ready || !state.selection.length || Boolean(job);
  byId("progress").hidden = !job;
  const empty = byId("takes-empty");
  empty.className = `state ${outcome?.kind ?? ""}`;
  if (session.group) empty.textContent = ""; // the status line tells
  else if (outcome) empty.textContent = outcome.text;
  else if (model.model === "failed") empty.textContent = "Without a model nothing can be composed; the song plays all the same.";
  else if (!state.selection.length) empty.textContent = "Select bars in the ruler above, then press Compose: takes of them appear here.";
  else if (!job) empty.textContent = ready ? `Press Compose to hear what could stand in ${timeline.name(state.selection)}.` : "The model is loading; then bars can be composed.";
  else empty.textContent = "";
  empty.hidden = !empty.textContent;
  for (const id of ["like", "more"]) byId(id).disabled ||= !ready || Boolean(job);
}

function showDownloads() {
  const {song} = session, chosen = session.state.chosen.filter((id) => session.takes.has(id));
  const {midi, wav, png, record} = api.downloads(song.id, chosen, session.chosenOf(session.group) ?? chosen.at(-1));
  for (const [id, url] of [["midi", midi], ["wav", wav], ["png", png], ["record", record]]) {
    const link = byId(`download-${id}`);
    if (url) link.href = url;
    else link.removeAttribute("href");
    link.setAttribute("aria-disabled", String(!url));
  }
}

async function watchModel() {
  for (;;) {
    try {
      model = await api.getState();
      const pill = byId("model");
      pill.textContent = {loading: "Loading the model…", ready: `Model: ${model.preset}`, failed: "No model"}[model.model];
      pill.className = `model ${model.model}`;
      pill.title = model.message ?? "";
      if (model.model === "failed") complain(new Error(model.message ?? "The model could not be loaded."));
      faders?.setModel(model);
      if (session) showCompose();
      if (model.model !== "loading") return;
    } catch {} // the next try tells
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

// Composing.

async function compose(extra = {}) {
  if (job || model.model !== "ready") return;
  const ranges = extra.ranges ?? session.state.selection;
  if (!ranges.length) return say("Select bars first.");
  const here = session, label = `compose ${here.timeline.name(ranges)}`, melody = here.melodyTrack.number;
  outcome = null;
  job = {id: null, waiting: {count: here.state.faders.count}, stop() {}, cancelled: false};
  const mine = job;
  progress("Composing", 0, 0);
  update();
  byId("takes").scrollIntoView({block: "nearest"}); // on a phone they are below
  say("Composing…");
  const end = (kind, text) => {
    if (job !== mine) return;
    mine.stop();
    job = null;
    outcome = kind && {kind, text};
    if (session === here) update();
    say({cancelled: text, failed: "Not composed."}[kind] ?? "");
  };
  const fail = (error) => {
    end("failed", `Not composed: ${error.message}`);
    complain(error);
  };
  try {
    const answer = await api.compose(here.song.id, here.request(extra));
    mine.id = answer.job;
    if (mine.cancelled) return await api.cancel(mine.id);
    mine.stop = api.follow(mine.id, {
      queued: ({ahead}) => progress(ahead ? `Another page is composing: ${ahead} ahead of you` : "Composing", 0, 0),
      progress: ({label, done, total}) => progress(label, done, total),
      done: (done) => {
        if (job !== mine) return;
        end(null, null);
        if (session !== here) return;
        here.addTakes(done.takes, label, {ranges, like: extra.like, original: done.original, track: melody});
        const left = done.left_out ? `, ${done.left_out} near-duplicates left out` : "";
        say(`${done.takes.length} take${done.takes.length === 1 ? "" : "s"} of ${here.timeline.name(ranges)}${left}.`);
      },
      cancelled: () => end("cancelled", "Cancelled. Nothing has changed."),
      failed: ({message}) => fail(new Error(message)),
    });
  } catch (error) {
    fail(error);
  }
}

function progress(text, done, total) {
  byId("progress-text").textContent = text;
  const bar = byId("progress-bar");
  if (total) {
    bar.max = total;
    bar.value = done;
  } else bar.removeAttribute("value");
}

function cancel() {
  if (!job) return;
  const mine = job;
  mine.cancelled = true;
  mine.stop();
  if (mine.id) api.cancel(mine.id).catch(complain);
  job = null;
  outcome = {kind: "cancelled", text: "Cancelled. Nothing has changed."};
  update();
  say(outcome.text);
}

const more = () => session?.group && compose({ranges: session.group.gaps});

function like() {
  const id = session?.chosenOf(session.group);
  if (id) compose({ranges: session.group.gaps, like: id});
}

function choose(id) {
  if (!session?.group) return;
  outcome = null;
  session.choose(id);
  say(id ? `Take ${session.numberOf(id)} is in the song.` : "As it was.");
}

function favourite(id) {
  if (id) say(session.toggleFavourite(id) ? `Take ${session.numberOf(id)} is a favourite.` : "No favourite any more.");
}

function ab() {
  if (!session?.chosenOf(session.group)) return;
  session.asItWas = !session.asItWas;
  update();
  say(session.asItWas ? "You hear it as it was." : `You hear take ${session.numberOf(session.chosenOf(session.group))}.`);
}

// Playing.

let playedFrom = 0;

function togglePlay() {
  if (!session) return;
  if (player.playing) return player.stop();
  const end = session.timeline.end;
  player.play(stage.cursor >= end ? 0 : stage.cursor);
  playedFrom = stage.cursor;
  showPlaying();
  follow();
}

function follow() {
  if (!player?.playing) return;
  stage.setCursor(player.position);
  showPosition();
  requestAnimationFrame(follow);
}

/** Ready to hear the same bars again, where they loop. */
function stopped() {
  showPlaying();
  if (player.loop && stage) stage.setCursor(playedFrom);
  showPosition();
}

function showPlaying() {
  const button = byId("play");
  button.classList.toggle("playing", player.playing);
  button.setAttribute("aria-label", player.playing ? "Stop" : "Play");
  button.title = player.playing ? "Stop (Space)" : "Play (Space)";
  document.body.classList.toggle("playing", player.playing);
}

let shownPosition = "";

function showPosition() {
  const {timeline} = session, {bar, beat} = timeline.place(stage.cursor);
  const text = `${bar}.${beat}`;
  if (text !== shownPosition) byId("position").textContent = shownPosition = text;
  const tempo = `${Math.round(timeline.tempoAt(stage.cursor).bpm * player.speed)} bpm`;
  if (byId("tempo-text").textContent !== tempo) byId("tempo-text").textContent = tempo;
}

function seek(tick) {
  stage.setCursor(tick);
  showPosition();
  playedFrom = tick;
  if (player.playing) player.play(tick);
}

function moveBars(by) {
  if (!session?.timeline.bars.length) return;
  const {bars} = session.timeline, at = session.timeline.barIndex(stage.cursor + 1);
  // Back within a bar means its beginning.
  const inside = stage.cursor > bars[at].start + session.timeline.ticksPerQuarter / 2;
  seek(bars[Math.min(bars.length - 1, Math.max(0, at + (by < 0 && inside ? 0 : by)))].start);
}

// The page's controls.

function undo(redo) {
  outcome = null;
  session && (session.asItWas = false);
  const label = redo ? session?.history.redo() : session?.history.undo();
  say(label ? `${redo ? "Again" : "Undone"}: ${label}.` : redo ? "Nothing to do again." : "Nothing to undo.");
}

function selectBar() {
  if (!session?.timeline.bars.length) return;
  const {timeline, state} = session, index = timeline.barIndex(stage.cursor);
  const bar = [timeline.bars[index].start, timeline.barEnd(index)];
  const cursor = stage.cursor;
  stage.select(covers(state.selection, bar[0]) ? without(state.selection, bar) : join([...state.selection, bar]));
  if (!player.playing) stage.setCursor(cursor);
}

const toggle = (name) => session?.change(`${name} ${session.state[name] ? "off" : "on"}`, {[name]: !session.state[name]});

async function save() {
  const saved = await attempt(() => api.save(session.song.id, session.state.chosen));
  byId("download").open = false;
  if (saved) say(`Saved as ${saved.path}`);
}

function nextTheme() {
  const {dataset} = document.documentElement;
  const next = {undefined: "dark", dark: "light", light: undefined}[dataset.theme];
  if (next) dataset.theme = next;
  else delete dataset.theme;
  try {
    if (next) localStorage.setItem("studio.theme", next);
    else localStorage.removeItem("studio.theme");
  } catch {} // nothing may be kept here
  redraw();
  say(`Colours: ${next ?? "as the system"}.`);
}

function redraw() {
  byId("theme").setAttribute("aria-label", `Colours: ${document.documentElement.dataset.theme ?? "as the system"}`);
  stage?.recolour();
  takes?.recolour();
  if (session) takes.update(job?.waiting);
}

function createFromChords() {
  byId("new-error").textContent = "";
  byId("new-dialog").showModal();
}

async function startFromChords(event) {
  event.preventDefault();
  byId("new-start").disabled = true;
  try {
    const song = await api.newSong({chords: byId("new-chords").value, key: byId("new-key").value || null,
      bars: Number(byId("new-bars").value), tempo: Number(byId("new-tempo").value)});
    byId("new-dialog").close();
    showSong(song);
    stage.select([[0, session.timeline.barEnd(session.timeline.bars.length - 1)]]);
  } catch (error) {
    byId("new-error").textContent = error.message;
  }
  byId("new-start").disabled = false;
}

function wire() {
  const click = (id, action) => byId(id).addEventListener("click", action);
  const chooseFile = () => byId("file").click();
  for (const id of ["open", "drop"]) click(id, chooseFile);
  for (const id of ["new", "empty-new"]) click(id, createFromChords);
  byId("file").addEventListener("change", () => {
    open(byId("file").files[0]);
    byId("file").value = "";
  });
  click("undo", () => undo(false));
  click("redo", () => undo(true));
  click("home", () => session && seek(0));
  click("play", togglePlay);
  click("loop", () => toggle("loop"));
  click("click", () => toggle("click"));
  click("ab", ab);
  click("clear", () => stage.select([]));
  click("zoom-in", () => stage.zoom(1.25));
  click("zoom-out", () => stage.zoom(0.8));
  click("zoom-all", () => stage.zoomAll());
  click("favourite", () => favourite(session.chosenOf(session.group)));
  click("like", like);
  click("more", more);
  click("cancel", cancel);
  click("save", save);
  click("theme", nextTheme);
  click("help", () => byId("help-dialog").showModal());
  click("help-close", () => byId("help-dialog").close());
  click("error-close", () => (byId("error").hidden = true));
  click("new-cancel", () => byId("new-dialog").close());
  byId("new-form").addEventListener("submit", startFromChords);
  byId("new-key").replaceChildren(element("option", {value: ""}, "from the chords"), ...keyNames().map((name) => element("option", {value: name}, name)));
  for (const button of document.querySelectorAll(".presets button"))
    button.addEventListener("click", () => (byId("new-chords").value = button.textContent));
  byId("faders").addEventListener("submit", (event) => {
    event.preventDefault();
    compose();
  });
  byId("tempo").addEventListener("input", () => session.change("tempo", {tempo: Number(byId("tempo").value)}, "tempo"));
  byId("volume").addEventListener("input", () => {
    const volume = Number(byId("volume").value);
    byId("volume-text").textContent = `${volume} %`;
    player?.setMaster(volume / 100);
    keep("studio.volume", volume);
  });
  byId("volume").value = kept("studio.volume", 80);
  byId("volume-text").textContent = `${byId("volume").value} %`;

  // A file dropped anywhere opens.
  let depth = 0;
  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  const dropping = (by) => (byId("dropping").hidden = (depth = by ? depth + by : 0) <= 0);
  document.addEventListener("dragenter", (event) => hasFile(event) && (event.preventDefault(), dropping(1)));
  document.addEventListener("dragleave", (event) => hasFile(event) && dropping(-1));
  document.addEventListener("dragover", (event) => hasFile(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    dropping(0);
    open(event.dataTransfer.files[0]);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#download") || event.target.closest("a")) byId("download").open = false;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", redraw); // small rolls are as sharp as the screen
  addEventListener("pagehide", () => session?.history.keep());
  redraw();

  listenToKeys({
    play: togglePlay, ab, like, more, selectBar, compose: () => session && compose(),
    escape() {
      if (byId("download").open) byId("download").open = false;
      else if (player?.playing) player.stop();
      else if (job) cancel();
      else byId("error").hidden = true;
    },
    toEdge: (end) => session && seek(end ? session.timeline.bars.at(-1)?.start ?? 0 : 0),
    moveBars, stepTake: (by) => takes?.step(by),
    takeAt: (place) => takes && place < takes.order.length && choose(takes.order[place]),
    favourite: () => session && favourite(session.chosenOf(session.group)),
    undo: () => undo(false), redo: () => undo(true),
    loop: () => toggle("loop"), click: () => toggle("click"),
    zoom: (factor) => stage?.zoom(factor), zoomAll: () => stage?.zoomAll(),
    open: chooseFile, create: createFromChords, help: () => byId("help-dialog").showModal(),
  });
}

/** Opens the song of the page's address, as a reload has it, or the one that the studio was started with. */
async function begin() {
  const asked = new URLSearchParams(location.hash.slice(1)).get("song");
  const state = await attempt(api.getState);
  for (const id of [asked, state?.song]) {
    if (!id) continue;
    try {
      return showSong(await api.getSong(id));
    } catch (error) {
      if (error.status !== 404) complain(error);
    }
  }
  show("empty");
}

wire();
watchModel();
begin();
