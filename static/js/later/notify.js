// System notifications and a sound, for agents who asked for them. Of several tabs the one that was looked at last tells.

import { conf, memory, say } from "../conf.js";
import { $, $$, announce, app, parseOne } from "../dom.js";
import { openConversation } from "../conversation.js";
import { onLive } from "../live.js";

const me = String(conf.me.id);
const LOCK = `oneview.notices.${conf.account.id}.${me}`;
const PAUSE = 5_000;

const known = new Map();
let settings = memory.get("notices", { on: false, hidden: false });
let isTelling = false;
let sounded = -Infinity;
let audio = null;
let waiting = null;

function read(row) {
  const { assignees, mentions = "", last, by, state } = row.dataset;
  return {
    name: $(".row-name bdi", row).textContent,
    text: $(".row-preview", row).textContent.trim().replace(/\s+/g, " "),
    isMine: assignees.split(" ").includes(me),
    isCalled: mentions.split(" ").includes(me),
    isFailed: state === "failed" && $(".row-preview [data-agent]", row)?.dataset.agent === me,
    isOpen: row.dataset.status === "open",
    isBlocked: "blocked" in row.dataset,
    last,
    by,
  };
}

// What a change of a row is to who looks; null for nothing that they want to be told.
function judge(now, before, created) {
  if (now.isCalled && created.length && !before?.isCalled) return { words: say("notice_called") };
  if (now.isFailed && !before?.isFailed) return { words: say("not_sent") };
  if (document.hasFocus() || !now.isMine) return null;
  if (now.by === "user" && !now.isBlocked && created.includes(now.last)) return { words: now.text, isTheirs: true };
  const hasLine = created.some((id) => id !== now.last);
  return now.isOpen && hasLine && !before?.isMine ? { words: say("notice_assigned") } : null;
}

function hear({ events, rows = {} }) {
  for (const [id, html] of Object.entries(rows)) {
    const now = read(parseOne(html));
    const created = events.filter((event) => event.type === "message.created" && event.conversation === id).map((event) => event.message);
    const notice = judge(now, known.get(id), created);
    known.set(id, now);
    const isLookedAt = document.hasFocus() && id === app.dataset.conversation;
    if (notice && settings.on && isTelling && !isLookedAt) tell(id, now.name, notice);
  }
}

function tell(id, name, { words, isTheirs = false }) {
  sound();
  if (Notification.permission !== "granted") return;
  const body = settings.hidden && isTheirs ? say("notice_message") : words;
  const shown = new Notification(settings.hidden ? conf.account.name : name, { body, tag: id });
  shown.addEventListener("click", () => {
    focus();
    openConversation(id, { focus: true });
    shown.close();
  });
}

// Two tones, no file.
function sound() {
  if (performance.now() - sounded < PAUSE) return;
  sounded = performance.now();
  audio ??= new AudioContext();
  [660, 880].forEach((pitch, number) => {
    const from = audio.currentTime + number * 0.15;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.12, from);
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.18);
    tone.connect(volume).connect(audio.destination);
    tone.start(from);
    tone.stop(from + 0.2);
  });
}

function hold({ steal = false } = {}) {
  waiting?.abort();
  const mine = steal ? null : new AbortController();
  waiting = mine;
  const held = navigator.locks.request(LOCK, steal ? { steal } : { signal: mine.signal }, () => {
    isTelling = true;
    return new Promise(() => {});
  });
  held.catch(() => {
    if (mine?.signal.aborted) return;
    isTelling = false; // another tab took it; wait for its end
    hold();
  });
}

// The switches in the profile's menu

function show() {
  for (const button of $$("[data-notice]")) button.ariaChecked = settings[button.dataset.notice];
  $("#notices-refused").hidden = !(settings.on && Notification.permission === "denied");
}

async function flip(name) {
  settings = { ...settings, [name]: !settings[name] };
  memory.set("notices", settings);
  show();
  if (name !== "on" || !settings.on) return;
  sound();
  if (Notification.permission === "default") await Notification.requestPermission();
  show();
  if (Notification.permission === "denied") announce($("#notices-refused").textContent);
}

for (const row of $$("#rows .row")) known.set(row.dataset.id, read(row));
for (const button of $$("[data-notice]")) {
  button.addEventListener("click", () => flip(button.dataset.notice));
  button.inert = false; // before this nobody would hear it
}
onLive("events", hear);
addEventListener("focus", () => isTelling || hold({ steal: true }));
hold({ steal: document.hasFocus() });
show();
