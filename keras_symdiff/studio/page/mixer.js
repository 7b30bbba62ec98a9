/** Tracks: shown or not, heard or not, how loud, and which one is the melody. */
import {element} from "/web/element.js";

const byId = (id) => document.getElementById(id);

export class Mixer {
  /** @param session `Session`  @param player `Player` */
  constructor(session, player) {
    this.session = session;
    this.player = player;
    this.rows = session.tracks.map((track, place) => this.#row(track, place));
    byId("tracks").replaceChildren(...this.rows.map((row) => row.item));
    this.update();
  }

  update() {
    const {session} = this, {mixer, melody} = session.state;
    const anySolo = session.tracks.some((_, place) => mixer[place]?.solo);
    for (const [place, row] of this.rows.entries()) {
      const {volume = 1, mute = false, solo = false, hidden = false} = mixer[place] ?? {};
      row.show.checked = !hidden;
      row.mute.setAttribute("aria-pressed", String(mute));
      row.solo.setAttribute("aria-pressed", String(solo));
      row.volume.value = Math.round(volume * 100);
      row.item.classList.toggle("melody", place === melody);
      row.use.hidden = place === melody || !session.tracks[place].melody_candidate;
      row.badge.hidden = place !== melody;
      const sounds = !mute && (!anySolo || solo);
      row.item.classList.toggle("silent", !sounds);
      const level = sounds ? volume * (place === melody ? 1 : 0.78) : 0;
      if (row.level !== level) this.player.setVolume(place, level);
      row.level = level;
    }
  }

  #row(track, place) {
    const {session} = this;
    const name = track.name || (track.drums ? "Drums" : `Track ${track.number}`);
    const toggle = (text, what, label) => {
      const button = element("button", {type: "button", class: "toggle tiny", "aria-pressed": "false", "aria-label": `${label} ${name}`, title: label}, text);
      button.addEventListener("click", () =>
        session.setMixer(place, {[what]: !session.state.mixer[place]?.[what]}, `${label.toLowerCase()} ${name}`));
      return button;
    };
    const show = element("input", {type: "checkbox", "aria-label": `Show ${name}`, title: "Show in the roll"});
    show.addEventListener("change", () => session.setMixer(place, {hidden: !show.checked}, `${show.checked ? "show" : "hide"} ${name}`));
    const volume = element("input", {type: "range", min: 0, max: 100, step: 5, "aria-label": `Volume of ${name}`});
    volume.addEventListener("input", () =>
      session.setMixer(place, {volume: Number(volume.value) / 100}, `volume of ${name}`, `volume-${place}`));
    const use = element("button", {type: "button", class: "plain use", "aria-label": `compose here: ${name}`}, "compose here");
    use.addEventListener("click", () => session.change(`melody in ${name}`, {melody: place}));
    const badge = element("span", {class: "badge"}, "melody");
    const mute = toggle("M", "mute", "Mute"), solo = toggle("S", "solo", "Solo");
    const item = element("li", {class: `track colour-${(place % 6) + 1}`},
      show, element("span", {class: "swatch"}), element("span", {class: "track-name", title: name}, name), badge, use,
      element("span", {class: "track-controls"}, mute, solo, volume));
    return {item, show, mute, solo, volume, use, badge, level: null};
  }
}
