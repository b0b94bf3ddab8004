// Puts the parts together: what the socket says goes to the list, the timeline and the details.

import { conf, memory, say } from "./conf.js";
import { $, announce, app, onDo, parseOne, toast, whenReleased } from "./dom.js";
import { startActions } from "./actions.js";
import { startBlocking } from "./blocking.js";
import { giveBack, preferThread, startComposer } from "./composer.js";
import { dropCached, follow, note, openAgain, refreshBar, refreshPanel, reloadConversation, startConversation } from "./conversation.js";
import { startKeys } from "./keys.js";
import { applyRows, expireRows, loadList, list, startList } from "./list.js";
import { connect, live, onLive } from "./live.js";
import { startChrome } from "./menus.js";
import { flush, forgetDelivered, onRefused, startOutbox } from "./outbox.js";
import { openId } from "./pane.js";
import { startTools } from "./tools.js";
import { applyMessages, expireMessages, fetchMessages, setUnread, showTyping, startTimeline } from "./timeline.js";

const STALE = 5 * 60_000;

onLive("events", (frame) => whenReleased(() => apply(frame)));

function apply({ events, rows = {}, messages = {}, gone = [] }) {
  const open = openId();
  for (const event of events) {
    if (event.type === "conversation.moved") follow(event.from, event.to);
    if (event.type === "contact.updated" && event.conversation === open) refreshPanel();
    if (event.type === "channel.updated") refreshBar();
    if (event.message && event.message === $("#context")?.dataset.message) refreshPanel();
    if (event.message) note(event);
  }
  applyRows(rows, gone);
  for (const id of [...Object.keys(rows), ...gone]) dropCached(id);
  if (gone.includes(open) && open === openId()) return openAgain(open); // which says that it is not there for us
  showMessages(open, events, messages);
  if (!rows[open]) return;
  refreshBar();
  setUnread(parseOne(rows[open]).dataset.unread);
  if (events.some((event) => event.type === "conversation.updated" && event.conversation === open)) refreshPanel();
}

// Rendered messages come for the conversation that the server knows to be open; what it does not know yet is asked for.
function showMessages(open, events, messages) {
  const fresh = Object.fromEntries(Object.entries(messages).filter(([, html]) => parseOne(html).dataset.conversation === open));
  receive(fresh);
  const missing = events.filter((event) => event.message && event.conversation === open && !(event.message in fresh));
  if (missing.length) fetchMessages([...new Set(missing.map((event) => event.message))]).catch(() => {});
}

function receive(fresh) {
  if (!Object.keys(fresh).length) return;
  applyMessages(fresh);
  for (const id of Object.keys(fresh)) {
    const message = document.getElementById(`m-${id}`);
    if (message?.dataset.client) forgetDelivered(message.dataset.client);
    if (message?.dataset.author === "user") preferThread(message.dataset.thread);
  }
}

onLive("cutoff", (cutoff) => {
  if (!cutoff) return;
  expireMessages(cutoff);
  expireRows(cutoff);
});

onLive("reset", () => {
  loadList(list.query, { push: false });
  reloadConversation();
});

onLive("typing", ({ conversation, author, on }) => {
  if (conversation !== openId() || (author.kind === "agent" && author.id === conf.me.id)) return;
  showTyping(on ? say(author.kind === "agent" ? "replying" : "typing", { name: author.name }) : "");
});

onLive("viewing", ({ conversation, agents }) => {
  if (conversation !== openId() || !$("#presence")) return;
  const others = agents.filter((agent) => agent.id !== conf.me.id).map((agent) => agent.name);
  $("#presence").textContent = others.length ? `· ${say("viewing", { name: others.join(", ") })}` : "";
});

let wasAway = false;

onLive("state", showState);

function showState(state) {
  app.dataset.link = state;
  const isAway = state === "down" || state === "offline";
  $("#link-state").textContent = say({ on: "online", wait: "connecting", down: "connecting", offline: "offline" }[state]);
  if (state === "on") flush();
  const strip = $("#strip");
  if (!strip) return;
  if (isAway) {
    const isStale = performance.now() - live.since > STALE;
    strip.firstElementChild.textContent = say(state === "offline" ? "offline_long" : isStale ? "stale" : "reconnecting");
    strip.lastElementChild.hidden = state === "offline";
    strip.classList.remove("strip-ok");
    strip.hidden = false;
    if (!wasAway) announce(strip.firstElementChild.textContent);
  } else if (wasAway && state === "on") {
    strip.firstElementChild.textContent = say("back");
    strip.lastElementChild.hidden = true;
    strip.classList.add("strip-ok");
    announce(say("back"));
    setTimeout(() => strip.classList.contains("strip-ok") && (strip.hidden = true), 4_000);
  } else strip.hidden = true;
  wasAway = isAway;
}

new MutationObserver(() => $("#strip") && live.state !== "on" && showState(live.state)).observe($("#middle"), { childList: true });
document.addEventListener("minute", () => live.state !== "on" && showState(live.state));

onDo("reconnect", connect);
onRefused((item, problem) => {
  if (problem.code === "window_closed") refreshBar();
  const isBack = giveBack(item);
  if (isBack) toast(`${say("not_sent")} ${problem.detail}`, { seconds: 8 });
  return isBack;
});

startChrome();
startList();
startTimeline();
startComposer();
startActions();
startTools();
startBlocking();
startConversation();
startOutbox();
startKeys();
connect();

const loadNotices = () => import("./later/notify.js");
if (memory.get("notices")?.on) loadNotices();
else $("#profile").addEventListener("beforetoggle", loadNotices, { once: true });
