/** The keyboard: one table for what keys do and for the help that lists them. */
import {element} from "/web/element.js";

const byId = (id) => document.getElementById(id);

/** @param actions functions by name, as the table names them */
export function listenToKeys(actions) {
  const table = [
    ["Space", "play or stop", [" "], actions.play],
    ["Esc", "stop; while composing: cancel", ["Escape"], actions.escape],
    ["Home, End", "to the start, to the end", ["Home"], () => actions.toEdge(false)],
    [null, null, ["End"], () => actions.toEdge(true)],
    ["← →", "a bar back, a bar on", ["ArrowLeft"], () => actions.moveBars(-1)],
    [null, null, ["ArrowRight"], () => actions.moveBars(1)],
    ["↑ ↓", "the take before, the take after", ["ArrowUp"], () => actions.stepTake(-1)],
    [null, null, ["ArrowDown"], () => actions.stepTake(1)],
    ["0, 1 … 9", "as it was, the best take … the ninth", [..."0123456789"], (key) => actions.takeAt(Number(key))],
    ["B", "A/B: as it was, and back", ["b"], actions.ab],
    ["F", "mark the take as a favourite", ["f"], actions.favourite],
    ["V", "more takes like this one", ["v"], actions.like],
    ["M", "more takes of these bars", ["m"], actions.more],
    ["S", "select the bar at the cursor, or leave it out", ["s"], actions.selectBar],
    ["Ctrl Enter", "compose", ["ctrl+Enter"], actions.compose],
    ["Ctrl Z, Ctrl Shift Z", "undo, redo", ["ctrl+z"], actions.undo],
    [null, null, ["ctrl+shift+Z", "ctrl+Z", "ctrl+shift+z", "ctrl+y"], actions.redo],
    ["L", "loop the selected bars", ["l"], actions.loop],
    ["C", "click on each beat", ["c"], actions.click],
    ["+ −", "zoom", ["+", "="], () => actions.zoom(1.25)],
    [null, null, ["-"], () => actions.zoom(0.8)],
    ["A", "show the whole song", ["a"], actions.zoomAll],
    ["O, N", "open a file, start from chords", ["o"], actions.open],
    [null, null, ["n"], actions.create],
    ["?", "this help", ["?"], actions.help],
  ];
  const byKey = new Map(table.flatMap(([, , keys, act]) => keys.map((key) => [key, act])));
  byId("keys").replaceChildren(...table.filter(([keys]) => keys).map(([keys, what]) =>
    element("div", {}, element("dt", {}, element("kbd", {}, keys)), element("dd", {}, what))));

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const {target} = event, kind = target.closest("input, select, textarea, button, summary, a");
    const control = event.ctrlKey || event.metaKey;
    if (event.altKey) return;
    const name = (control ? "ctrl+" : "") + (control && event.shiftKey ? "shift+" : "") + event.key;
    const act = byKey.get(name) ?? (event.key.length === 1 && !control ? byKey.get(event.key.toLowerCase()) : undefined);
    if (!act) return;
    const typing = kind?.matches("textarea, select, input:not([type=range], [type=checkbox], [type=radio])");
    if (typing && !(control && event.key === "Enter")) return;
    const own = [" ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
    const cards = target.closest("#takes");
    // What a focused control does itself with a key comes first.
    if (kind && own.includes(event.key) && !control) {
      if (event.key === " " && !(kind.type === "range")) return;
      if (event.key !== " " && kind.matches("input")) return;
    }
    event.preventDefault();
    if (cards && event.key === "ArrowRight") actions.stepTake(1);
    else if (cards && event.key === "ArrowLeft") actions.stepTake(-1);
    else act(event.key);
  });

  // A click leaves no button behind that the space bar would press again.
  document.addEventListener("click", (event) => {
    const kind = event.target.closest?.("button, summary, input:not([type=text], [type=number])");
    if (event.detail > 0 && kind && !kind.closest("dialog, details.menu")) kind.blur();
  });
}
