/**
 * Takes of the same bars as cards, best first, "as it was" before them. A take's number says when it was made, its rank
 * how good its scores are.
 */
import {element} from "/web/element.js";
import {paintSmallRoll, readColours, sortNotes} from "/web/roll.js";
import {rankName} from "/web/rank.js";

const SHORT = {seam_fit: "Seam", chord_tones: "Chords", novelty: "New", clashes: "Clashes", leaps: "Leaps"};
const MOST_BARS = 16; // in a small roll
const byId = (id) => document.getElementById(id);

export class Takes {
  /** @param session `Session`  @param on {choose(id), favourite(id)} */
  constructor(session, on) {
    this.session = session;
    this.on = on;
    this.cards = new Map();
    this.shown = null;
  }

  /** Ids in the order of the cards, `null` being as it was. */
  get order() {
    return this.session.group ? [null, ...this.session.group.takes] : [];
  }

  /** What is heard: a take's id, or `null` for as it was. */
  get heard() {
    return this.session.asItWas ? null : this.session.chosenOf(this.session.group);
  }

  update(waiting) {
    const {session} = this, {group, state, timeline} = session;
    byId("takes-title").textContent = group ? `Takes of ${timeline.name(group.gaps)}` : "Takes";
    this.#fillGroups();
    const shown = JSON.stringify([group?.key, group?.takes, waiting?.count ?? 0]);
    if (shown !== this.shown) {
      this.shown = shown;
      this.#fillCards(waiting);
    }
    const {heard} = this;
    for (const [id, {main, star}] of this.cards) {
      main.setAttribute("aria-pressed", String(id === heard));
      main.parentNode.classList.toggle("chosen", id === heard);
      star?.setAttribute("aria-pressed", String(state.favourites.includes(id)));
    }
    const own = session.chosenOf(group);
    byId("ab").disabled = !own;
    byId("ab").setAttribute("aria-pressed", String(session.asItWas));
    for (const name of ["favourite", "like"]) byId(name).disabled = !own;
    byId("more").disabled = !group;
    byId("favourite").setAttribute("aria-pressed", String(Boolean(own) && state.favourites.includes(own)));
    byId("like").textContent = own ? `More like take ${session.numberOf(own)}` : "More like this";
    const far = state.faders.variation;
    byId("variation").value = far;
    byId("variation-text").textContent = far <= 0.2 ? "very close" : far <= 0.4 ? "close" : far <= 0.7 ? "further" : "far";
  }

  /** Moves to the take before or after the one that is heard. */
  step(by) {
    const {order} = this;
    if (!order.length) return;
    const at = order.indexOf(this.heard);
    const id = order[Math.min(order.length - 1, Math.max(0, at + by))];
    const focus = document.activeElement?.closest?.("#takes");
    this.on.choose(id);
    const {main} = this.cards.get(id);
    main.parentNode.scrollIntoView({block: "nearest", inline: "nearest"});
    if (focus) main.focus({preventScroll: true});
  }

  recolour() {
    this.shown = null;
  }

  #fillGroups() {
    const {session} = this, {groups, active} = session.state;
    const key = JSON.stringify([groups.map((group) => [group.key, group.takes.length]), active]);
    if (key === this.groupsKey) return;
    this.groupsKey = key;
    byId("groups").hidden = groups.length < 2;
    byId("groups").replaceChildren(...groups.map((group) => {
      const button = element("button", {type: "button", class: "toggle", "aria-pressed": String(group.key === active)},
        group.gaps.map((gap) => session.timeline.rangeText(gap, "–")).join(", "));
      button.addEventListener("click", () => {
        session.asItWas = false;
        session.change(`show takes of ${session.timeline.name(group.gaps)}`, {active: group.key, selection: group.gaps});
      });
      return button;
    }));
  }

  #fillCards(waiting) {
    const {session} = this, {group} = session;
    this.cards.clear();
    const items = [];
    if (group) {
      const colours = readColours(byId("takes"));
      const [start, stop] = [group.gaps[0][0], group.gaps.at(-1)[1]];
      const {timeline} = session;
      // A bar on either side, to see the joints; of long ones the beginning.
      const first = timeline.bars[Math.max(0, timeline.barIndex(start) - 1)].start;
      const last = Math.min(timeline.bars.length - 1, timeline.barIndex(stop - 1) + 1, timeline.barIndex(first) + MOST_BARS + 1);
      const stretch = [first, timeline.barEnd(last)];
      const place = session.tracks.findIndex((track) => track.number === JSON.parse(group.key)[0]);
      const was = session.tracks[place];
      const melodies = new Map(this.order.map((id) => [id, id ? sortNotes(session.takes.get(id)?.notes ?? []) : was]));
      const seen = [...melodies.values()].flatMap(({notes}) => notes.filter((note) => session.holds([stretch], note)).map((note) => note[2]));
      const pitches = {low: Math.min(72, ...seen) - 2, high: Math.max(60, ...seen) + 2};
      for (const [rank, id] of this.order.entries()) {
        const item = this.#card(id, rank);
        items.push(item);
        const scene = {others: [], melody: melodies.get(id), gaps: group.gaps,
          isNew: (note) => id !== null && session.holds(group.gaps, note)};
        this.toPaint ??= [];
        this.toPaint.push([item.querySelector("canvas"), timeline, stretch, scene, colours, pitches]);
      }
    }
    for (let count = waiting?.count ?? 0; count > 0; count--)
      items.push(element("li", {class: "card waiting", "aria-hidden": "true"}));
    byId("takes").hidden = !items.length;
    byId("takes").replaceChildren(...items);
    for (const args of this.toPaint ?? []) paintSmallRoll(...args);
    this.toPaint = null;
  }

  #card(id, rank) {
    const {session} = this, take = id && session.takes.get(id);
    const name = id ? `Take ${session.numberOf(id)}` : "As it was";
    const scores = Object.entries((id ? take?.scores : session.group.original) ?? {}).filter(([key, value]) => key in SHORT && value !== null && (value > 0.1 || key !== "clashes" && key !== "leaps"));
    const like = take?.like ? [`like take ${session.numberOf(take.like)}`] : [];
    const text = [...like, ...scores.map(([key, value]) => `${SHORT[key]} ${Math.round(100 * value)}`)].join(" · ");
    const main = element("button", {type: "button", class: "card-main", "aria-pressed": "false", "data-take": id ?? "was"},
      element("span", {class: "card-head"}, element("strong", {}, name),
        rank ? element("span", {class: rank === 1 ? "badge" : "badge quiet"}, rankName(rank)) : ""),
      element("canvas", {"aria-hidden": "true"}),
      element("small", {title: byId("scores-help").textContent}, text || (id ? "" : session.tracks[session.state.melody].notes.length ? "your own bars" : "nothing yet")));
    main.addEventListener("click", () => this.on.choose(id));
    const card = element("li", {class: "card"}, main);
    let star = null;
    if (id) {
      star = element("button", {type: "button", class: "star icon", "aria-pressed": "false", "aria-label": `Favourite: ${name}`}, "★");
      star.addEventListener("click", () => this.on.favourite(id));
      card.append(star);
    }
    this.cards.set(id, {main, star});
    return card;
  }
}
