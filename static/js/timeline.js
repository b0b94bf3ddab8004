// The messages of the open conversation: a window of at most 300 that pages both ways, kept at its end only while the agent is there.

import { conf, say, sayCount } from "./conf.js";
import { $, $$, announce, app, debounce, onDo, parse, parseOne, throttle } from "./dom.js";
import { arrange, hidePassedDays } from "./arrange.js";
import { sendLive } from "./live.js";
import { fetchFragment, pathOf, post } from "./net.js";
import { clock, fillTimes } from "./times.js";

const MOST = 300;
const AT_END = 120;
const NEAR_EDGE = 600;
const LOOK = 1_000; // a message is read when it was in view for so long
const LONG_TEXT = 600;
const FOLD_HEIGHT = 460;

const state = { id: "", isPinned: true, unseen: 0, isLoading: false, isPeek: false };

const size = new ResizeObserver(() => state.isPinned && scroller() && toEnd());

const scroller = () => $("#timeline");
const holder = () => $("#messages");
const messages = () => $$(".msg[data-id]", holder());
const byId = (id) => document.getElementById(`m-${id}`);
const fromEnd = () => scroller().scrollHeight - scroller().scrollTop - scroller().clientHeight;
const isAtLiveEnd = () => !scroller().dataset.after;

export const lastId = () => messages().at(-1)?.dataset.id ?? "";

// `isPeek`: the agent did not open it, nothing counts as read.
export function mountTimeline({ isPeek = false } = {}) {
  Object.assign(state, { id: $(".conversation").dataset.id, unseen: 0, isLoading: false, isPeek });
  settle(...messages());
  const first = markUnread(Number(scroller().dataset.unread));
  arrange(holder());
  const line = first && $(".between-new", holder());
  state.isPinned = !line || scroller().scrollHeight - line.offsetTop <= scroller().clientHeight;
  if (state.isPinned) toEnd();
  else scroller().scrollTop = line.offsetTop - 56;
  scroller().addEventListener("scroll", onScroll, { passive: true });
  size.disconnect();
  for (const element of [scroller(), holder()]) size.observe(element);
  scroller().dataset.ready = "";
  hidePassedDays(scroller());
  showPills();
  look();
  if (location.hash.startsWith("#m-")) goTo(location.hash.slice(3));
}

// What a newly inserted message still needs: its times, and a fold when it is very long.
function settle(...fresh) {
  for (const message of fresh) {
    fillTimes(message);
    const text = $(".msg-text", message);
    if (text && text.textContent.length > LONG_TEXT && text.offsetHeight > FOLD_HEIGHT) fold(text);
  }
}

function fold(text) {
  text.classList.add("folded");
  const more = Object.assign(document.createElement("button"), { type: "button", className: "link" });
  more.textContent = say("show_all");
  more.addEventListener("click", () => {
    text.classList.remove("folded");
    more.remove();
  });
  text.after(more);
}

function markUnread(count) {
  const inbound = messages().filter((message) => message.dataset.author === "user");
  const first = count > 0 ? inbound.at(-Math.min(count, inbound.length)) : null;
  if (!first) return null;
  const line = parseOne('<div class="between between-new"><span></span></div>');
  line.firstElementChild.textContent = say("new_since", { time: clock(Date.parse(first.dataset.at)) });
  first.before(line);
  return first;
}

function toEnd() {
  scroller().scrollTop = scroller().scrollHeight;
}

// Live: new and changed messages by id, rendered.
export function applyMessages(fresh) {
  let isNew = false;
  for (const [id, html] of Object.entries(fresh)) {
    const message = parseOne(html);
    if (place(id, message)) {
      isNew = true;
      speak(message);
      if (!state.isPinned && message.dataset.author !== "system") state.unseen += 1;
    }
  }
  finish();
  if (isNew) look();
}

// Puts a message where its id belongs; true when it was not there before.
function place(id, message) {
  message.placedAt = performance.now();
  const { client } = message.dataset;
  const present = byId(id) ?? (client && $(`.msg[data-client="${client}"]`, holder()));
  if (present) {
    const isOpen = $(".msg-edits[open]", present);
    present.replaceWith(message);
    if (isOpen) $(".msg-edits", message)?.setAttribute("open", "");
    settle(message);
    return false;
  }
  if (!isAtLiveEnd() && id > lastId()) return true; // comes with its page
  const all = messages();
  if (all.length && scroller().dataset.before && id < all[0].dataset.id) return false;
  const later = all.findLast((other) => other.dataset.id < id);
  message.classList.add("arriving");
  if (later) later.after(message);
  else holder().prepend(message);
  settle(message);
  return true;
}

function finish() {
  $(".timeline-empty")?.remove();
  if (state.isPinned && isAtLiveEnd()) trimTop();
  arrange(holder());
  if (state.isPinned) toEnd();
  hidePassedDays(scroller());
  showPills();
}

const spoken = { at: 0, count: 0 };

function speak(message) {
  const { author, name } = message.dataset;
  if (author !== "user") return;
  const isNewBurst = performance.now() - spoken.at > 5_000;
  if (isNewBurst) Object.assign(spoken, { at: performance.now(), count: 0 });
  spoken.count += 1;
  const text = $(".msg-text", message)?.textContent ?? "";
  announce(spoken.count > 3 ? say("new_messages_from", { n: spoken.count, name }) : `${name}: ${text}`);
}

// A message on its way out: shown at once, replaced when the server has it.
export function addOutgoing(message) {
  if ($(`.msg[data-client="${message.dataset.client}"]`, holder())) return;
  holder().append(message);
  settle(message);
  state.isPinned = true;
  finish();
}

export function settleOutgoing(client, html) {
  const message = parseOne(html);
  const waiting = $(`.msg[data-client="${client}"]`, holder());
  if (byId(message.dataset.id) && byId(message.dataset.id) !== waiting) waiting?.remove();
  else waiting?.replaceWith(message);
  settle(message);
  finish();
}

export const outgoing = (client) => $(`.msg[data-client="${client}"]:not([data-id])`);

// Pages

async function load(side, cursor) {
  state.isLoading = true;
  const { id } = state;
  scroller().ariaBusy = true;
  const skeleton = parseOne('<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>');
  const delay = setTimeout(() => side === "before" && holder().prepend(skeleton), 300);
  try {
    const part = parse(await fetchFragment(`${pathOf(id, "messages/")}?${side}=${cursor}`)).firstElementChild;
    return id === state.id ? part : null;
  } catch {
    return null;
  } finally {
    clearTimeout(delay);
    skeleton.remove();
    if (id === state.id) {
      scroller().ariaBusy = null;
      state.isLoading = false;
    }
  }
}

async function loadOlder() {
  const part = await load("before", scroller().dataset.before);
  if (!part) return;
  const height = fromEnd();
  scroller().dataset.before = part.dataset.before;
  const fresh = [...part.children];
  holder().prepend(...fresh);
  settle(...fresh);
  arrange(holder());
  scroller().scrollTop = scroller().scrollHeight - scroller().clientHeight - height;
  const surplus = messages().slice(MOST);
  if (surplus.length) {
    for (const message of surplus) message.remove();
    scroller().dataset.after = lastId();
    arrange(holder());
  }
  hidePassedDays(scroller());
}

async function loadNewer() {
  const part = await load("after", scroller().dataset.after);
  if (!part) return;
  scroller().dataset.after = part.dataset.after;
  const fresh = [...part.children];
  holder().append(...fresh);
  settle(...fresh);
  arrange(holder());
  trimTop();
}

function trimTop() {
  const surplus = messages().slice(0, -MOST);
  if (!surplus.length) return;
  const height = fromEnd();
  for (const message of surplus) message.remove();
  scroller().dataset.before = messages()[0].dataset.id;
  arrange(holder());
  scroller().scrollTop = scroller().scrollHeight - scroller().clientHeight - height;
}

// The messages anew: the newest, or those from `id` on.
export async function reloadMessages(id = "") {
  const { id: conversation } = state;
  const from = id ? `?after=${justBefore(id)}` : "";
  const asked = performance.now();
  const part = parse(await fetchFragment(`${pathOf(conversation, "messages/")}${from}`)).firstElementChild;
  if (conversation !== state.id) return;
  const waiting = $$(".msg:not([data-id])", holder());
  Object.assign(scroller().dataset, { before: part.dataset.before, after: part.dataset.after });
  const fresh = [...part.children];
  const newer = messages().filter((message) => message.placedAt > asked);
  holder().replaceChildren(...fresh, ...(id ? [] : waiting));
  settle(...fresh);
  for (const message of newer) place(message.dataset.id, message);
  state.isPinned = !id;
  state.unseen = 0;
  finish();
}

// Single messages that the live view named without showing them. What it shows meanwhile is newer than the answer.
export async function fetchMessages(ids) {
  const { id } = state;
  const asked = performance.now();
  const part = parse(await fetchFragment(`${pathOf(id, "messages/")}?ids=${ids.join(",")}`)).firstElementChild;
  if (id !== state.id) return;
  const fresh = [...part.children].filter(({ id }) => !(document.getElementById(id)?.placedAt > asked));
  applyMessages(Object.fromEntries(fresh.map((message) => [message.dataset.id, message.outerHTML])));
}

function justBefore(id) {
  const text = (BigInt(`0x${id.replaceAll("-", "")}`) - 1n).toString(16).padStart(32, "0");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export async function goTo(id) {
  if (!byId(id)) await reloadMessages(id);
  const message = byId(id);
  if (!message) return;
  state.isPinned = false;
  message.scrollIntoView({ block: "center" });
  message.focus({ preventScroll: true });
  message.classList.remove("flash");
  requestAnimationFrame(() => message.classList.add("flash"));
}

const onScroll = throttle(80, () => {
  const end = fromEnd();
  state.isPinned = end <= AT_END && isAtLiveEnd();
  if (state.isPinned) state.unseen = 0;
  hidePassedDays(scroller());
  showPills();
  look();
  if (state.isLoading) return;
  if (scroller().scrollTop < NEAR_EDGE && scroller().dataset.before) loadOlder();
  else if (end < NEAR_EDGE && !isAtLiveEnd()) loadNewer();
});

function showPills() {
  const newer = $("#newer");
  newer.hidden = state.unseen === 0;
  if (state.unseen) newer.textContent = `${sayCount("new_messages", state.unseen)} ↓`;
  $("#latest").hidden = state.unseen > 0 || (isAtLiveEnd() && fromEnd() <= scroller().clientHeight);
}

async function toLatest() {
  state.unseen = 0;
  state.isPinned = true;
  if (isAtLiveEnd()) toEnd();
  else await reloadMessages();
  showPills();
  look();
}

// Reading

export const look = debounce(LOOK, () => {
  if (!scroller() || state.isPeek || document.hidden || !document.hasFocus()) return;
  if ($(`.msg[data-unseen~="${conf.me.id}"]`)) import("./later/seen.js").then(({ see }) => see(scroller(), state.id));
  if (!state.isPinned || scroller().dataset.unread === "0" || !$("#head[data-reads]")) return;
  scroller().dataset.unread = "0";
  post(pathOf(state.id, "read/"), { up_to: lastId() }).catch(() => {});
});

export function setUnread(count) {
  if (scroller()) scroller().dataset.unread = count;
  look();
}

export function stopPeeking() {
  state.isPeek = false;
  look();
}

// The window: a message's id begins with its time, and what is older than the cutoff leaves the page.
export function expireMessages(cutoff) {
  if (!scroller()) return;
  const limit = Date.parse(cutoff);
  const isOver = (id) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16) < limit;
  const over = messages().filter((message) => isOver(message.dataset.id));
  for (const message of over) message.remove();
  for (const quote of $$(".quote[data-go]", holder())) {
    if (!isOver(quote.dataset.go)) continue;
    delete quote.dataset.go;
    quote.replaceChildren(Object.assign(document.createElement("span"), { textContent: say("quote_gone") }));
  }
  const { before } = scroller().dataset;
  if (before && isOver(before)) scroller().dataset.before = "";
  if (over.length) finish();
}

// Somebody writes

let quiet = 0;

export function showTyping(text) {
  const line = $("#typing");
  if (!line) return;
  clearTimeout(quiet);
  line.hidden = !text;
  line.lastElementChild.textContent = text;
  if (text) quiet = setTimeout(() => showTyping(""), 6_000);
  if (state.isPinned) toEnd();
}

export const tellTyping = throttle(3_000, () => sendLive({ t: "typing", conversation: state.id, on: true }));
export const tellSilent = () => sendLive({ t: "typing", conversation: state.id, on: false });

export function startTimeline() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("#newer, #latest")) toLatest();
    const quote = event.target.closest(".quote[data-go]");
    if (quote) goTo(quote.dataset.go);
  });
  document.addEventListener("keydown", (event) => {
    const message = event.target.closest(".msg, #timeline");
    if (!message || event.target.closest("button, a, audio, video, summary")) return;
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    if (message.id === "timeline") {
      if (event.key === "ArrowUp" && fromEnd() <= AT_END) messages().at(-1)?.focus();
      else return;
    } else {
      const all = $$(".msg:not(.folded)", holder());
      all[all.indexOf(message) + (event.key === "ArrowUp" ? -1 : 1)]?.focus();
    }
    event.preventDefault();
  });
  for (const name of ["focus", "visibilitychange"]) addEventListener(name, () => app.dataset.conversation && look());
  onDo("unread", async (button) => {
    const { id } = button.closest(".msg").dataset;
    state.isPeek = true; // looking on does not undo it
    await post(pathOf(state.id, "unread/"), { since: id });
    announce(say("marked_unread"));
  });
}
