/** The server on this machine. */

const token = rememberToken();

/** The token that `symdiff studio --host` puts into the page's address; a reload keeps it. */
function rememberToken() {
  const given = new URLSearchParams(location.search).get("token");
  try {
    if (given) sessionStorage.setItem("studio.token", given);
    return given ?? sessionStorage.getItem("studio.token");
  } catch {
    return given; // nothing may be kept here
  }
}

/** An address with the token that a server with `--host` asks for. */
export function address(path) {
  return token ? path + (path.includes("?") ? "&" : "?") + new URLSearchParams({token}) : path;
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {...options, headers: {...options.headers, ...(token && {"X-Token": token})}});
  } catch {
    throw new Error("The studio does not answer. Is it still running in the terminal?");
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {} // an error page that is no JSON
  if (response.ok) return answer;
  const error = new Error(answer?.error ?? `The studio answered ${response.status} ${response.statusText}.`);
  error.status = response.status;
  throw error;
}

const post = (path, value) =>
  call(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(value)});

export const getState = () => call("/api/state");
export const getSong = (id) => call(`/api/songs/${encodeURIComponent(id)}`);
export const newSong = (values) => post("/api/songs/new", values);
export const compose = (song, values) => post(`/api/songs/${encodeURIComponent(song)}/compose`, values);
export const cancel = (job) => call(`/api/jobs/${encodeURIComponent(job)}`, {method: "DELETE"});
export const save = (song, takes) => post(`/api/songs/${encodeURIComponent(song)}/save`, {takes});

export function openSong(file) {
  const form = new FormData();
  form.append("file", file);
  return call("/api/songs", {method: "POST", body: form});
}

/** Follows a job until it ends; handlers by name of event. Returns a function that stops following. */
export function follow(job, handlers) {
  const source = new EventSource(address(`/api/jobs/${encodeURIComponent(job)}/events`));
  const ends = ["done", "cancelled", "failed"];
  for (const name of ["queued", "progress", ...ends])
    source.addEventListener(name, (event) => {
      if (ends.includes(name)) source.close();
      handlers[name](JSON.parse(event.data));
    });
  source.addEventListener("error", (event) => {
    if (event.data !== undefined || source.readyState !== EventSource.CLOSED) return; // it tries again by itself
    handlers.failed({message: "The studio does not answer. Is it still running in the terminal?"});
  });
  return () => source.close();
}

/** Addresses of what can be downloaded of a song with takes in it. */
export function downloads(song, takes, last) {
  const query = takes.length ? `?${new URLSearchParams({takes: takes.join(",")})}` : "";
  const file = (name) => address(`/api/songs/${encodeURIComponent(song)}/${name}${query}`);
  const record = last && address(`/api/takes/${encodeURIComponent(last)}/record.zip`);
  return {midi: file("file.mid"), wav: file("audio.wav"), png: file("roll.png"), record};
}
