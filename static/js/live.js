// The socket: one cursor, no holes. What was missed is asked for on every connection, so nothing else needs to know that it broke.
//
// Handlers: "events" (frame), "cutoff" (instant), "reset", "typing", "viewing", "state" ("on", "wait", "down", "offline").

import { conf } from "./conf.js";
import { app, debounce } from "./dom.js";
import { showSignedOut } from "./net.js";
import { setClock } from "./times.js";

const SILENCE = 36_000; // a heartbeat comes every 25 s
const PATIENCE = 5_000; // before anybody is told
const LONGEST = 30_000;
const SIGNED_OUT = 4401;
const REFUSED = 4403;
const RESTARTED = 1012;

const handlers = new Map();

export const live = { seq: Number(app.dataset.seq), state: "wait", since: performance.now() };

let socket = null;
let tries = 0;
let retry = 0;
let watchdog = 0;
let patience = 0;

export function onLive(name, handler) {
  handlers.set(name, [...(handlers.get(name) ?? []), handler]);
}

function emit(name, content) {
  for (const handler of handlers.get(name) ?? []) handler(content);
}

export function sendLive(frame) {
  if (live.state === "on" && socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

// What this page shows, also said again on every new connection. Agents leaf fast: only where they stop is told.
let viewed = null;
const tellViewing = debounce(250, () => sendLive({ t: "viewing", conversation: viewed }));

export function view(conversation) {
  viewed = conversation;
  tellViewing();
}

function setState(state) {
  if (state === live.state) return;
  live.state = state;
  live.since = performance.now();
  emit("state", state);
}

function resume() {
  socket.send(JSON.stringify({ t: "viewing", conversation: viewed }));
  socket.send(JSON.stringify({ t: "resume", after: live.seq }));
}

export function connect() {
  clearTimeout(retry);
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/inbox/?account=${conf.account.id}`);
  socket.addEventListener("open", resume);
  socket.addEventListener("message", receive);
  socket.addEventListener("close", lose);
  watch();
}

function watch() {
  clearTimeout(watchdog);
  const watched = socket;
  watchdog = setTimeout(() => watched.close(4000), SILENCE);
}

function receive({ data, target }) {
  if (target !== socket) return;
  watch();
  const frame = JSON.parse(data);
  if (frame.t === "hello") {
    tries = 0;
    clearTimeout(patience);
    patience = 0;
    setClock(frame.now);
    setState("on");
    emit("cutoff", frame.cutoff);
  } else if (frame.t === "events") {
    if (frame.to <= live.seq) return;
    if (frame.from > live.seq + 1) {
      resume();
      return;
    }
    live.seq = frame.to;
    emit("events", frame);
  } else if (frame.t === "beat") {
    emit("cutoff", frame.cutoff);
    if (frame.seq > live.seq) resume();
  } else if (frame.t === "reset") {
    live.seq = frame.seq;
    resume();
    emit("reset", frame);
  } else if (frame.t === "error") {
    console.warn("socket:", frame.code);
  } else {
    emit(frame.t, frame);
  }
}

function lose({ code, target }) {
  if (target !== socket) return;
  clearTimeout(watchdog);
  if (code === SIGNED_OUT) {
    setState("down");
    showSignedOut();
    return;
  }
  if (code === REFUSED) {
    location = conf.page;
    return;
  }
  tries += 1;
  if (!navigator.onLine) setState("offline");
  else if (live.state === "on") setState("wait");
  patience ||= setTimeout(() => live.state !== "on" && setState(navigator.onLine ? "down" : "offline"), PATIENCE);
  if (tries >= 3) setState(navigator.onLine ? "down" : "offline");
  const growing = Math.min(LONGEST, 500 * 2 ** (tries - 1)) * (0.5 + Math.random() / 2);
  retry = setTimeout(connect, code === RESTARTED && tries === 1 ? 5_000 * Math.random() : growing);
}

// The network changed: what the old socket hears is not to be trusted.
addEventListener("online", () => {
  const old = socket;
  socket = null;
  old?.close();
  connect();
});
addEventListener("offline", () => setState("offline"));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) connect();
});
