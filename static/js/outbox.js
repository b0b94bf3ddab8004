// Messages on their way to our own server. Kept in this browser until it has them, sent in order for each conversation, and safe to send
// again: the server knows the client id. Files are kept in memory only.

import { conf, memory, say } from "./conf.js";
import { $, announce, onDo, parse, stamp, toast } from "./dom.js";
import { pathOf, post } from "./net.js";
import { addOutgoing, outgoing, settleOutgoing } from "./timeline.js";

const PAUSES = [2_000, 8_000, 30_000];

let items = memory.get("queue", []).map((item) => ({ ...item, tries: 0, notBefore: 0 }));
const files = new Map(); // client id -> File[]
const busy = new Set(); // conversations with a request in flight
let takeBack = () => false;

// Asked with a message that the server will never take: true when its text is in the composer again.
export const onRefused = (handler) => {
  takeBack = handler;
};

function save() {
  memory.set("queue", items.length ? items.filter((item) => !files.has(item.client_id)) : null);
}

// `item`: {conversation, text, thread, private, reply_to, label}; returns after the message is on the screen.
export function enqueue(item, attached = []) {
  const queued = { ...item, client_id: crypto.randomUUID?.() ?? randomId(), at: new Date().toISOString(), state: "waiting", tries: 0 };
  if (attached.length) files.set(queued.client_id, attached);
  items.push(queued);
  save();
  draw(queued);
  flush();
}

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function drawWaiting(conversation) {
  for (const item of items) if (item.conversation === conversation) draw(item);
}

function draw(item) {
  if ($(".conversation")?.dataset.id !== item.conversation) return;
  const message = outgoing(item.client_id) ?? stamp("outgoing");
  const { client_id: client, at, thread, label } = item;
  Object.assign(message.dataset, { client, at, thread, label, author: "agent", agent: conf.me.id, name: conf.me.name });
  if (item.private) message.dataset.private = "";
  message.classList.toggle("msg-note", Boolean(item.private));
  message.classList.add("msg-agent");
  $("bdi", message).textContent = conf.me.name;
  $(".via", message).textContent = item.private ? say("note") : item.label;
  const names = (files.get(item.client_id) ?? []).map((file) => file.name);
  $(".msg-text", message).textContent = [item.text, ...names].filter(Boolean).join("\n");
  $("time", message).dateTime = item.at;
  const failed = $(".msg-failed", message);
  failed.hidden = item.state !== "failed";
  failed.firstElementChild.textContent = `${say("not_sent")} ${item.reason ?? ""}`;
  $("[data-do=retry]", message).hidden = item.isFinal === true;
  $(".tick", message).hidden = item.state === "failed";
  $(".tick", message).title = say("waiting_for_connection");
  addOutgoing(message);
}

export function flush() {
  for (const { conversation } of items) {
    const next = items.find((item) => item.conversation === conversation && item.state !== "failed");
    if (next && !busy.has(conversation) && !(next.notBefore > Date.now())) deliver(next);
  }
}

async function deliver(item) {
  busy.add(item.conversation);
  try {
    const html = await post(pathOf(item.conversation, "messages/"), fieldsOf(item));
    drop(item);
    const [, hint] = parse(html).children; // what comes with a note
    if (hint) toast(hint.textContent, { seconds: 8 });
    if (outgoing(item.client_id)) settleOutgoing(item.client_id, html);
  } catch (problem) {
    if (problem.status === 401) item.notBefore = Infinity;
    else if (problem.status === 0 && !navigator.onLine) item.notBefore = Date.now() + PAUSES[0];
    else if (problem.isTemporary && item.tries < PAUSES.length) again(item);
    else fail(item, problem);
  } finally {
    busy.delete(item.conversation);
  }
  flush();
}

function fieldsOf(item) {
  const form = new FormData();
  for (const name of ["client_id", "text", "thread", "reply_to", "mentions"]) if (item[name]) form.set(name, item[name]);
  if (item.private) form.set("private", "1");
  for (const file of files.get(item.client_id) ?? []) form.append("files", file);
  return form;
}

function again(item) {
  const pause = PAUSES[item.tries];
  item.tries += 1;
  item.notBefore = Date.now() + pause;
  setTimeout(flush, pause + 10);
}

function fail(item, problem) {
  announce(`${say("not_sent")} ${problem.detail}`, { urgent: true });
  if (!problem.isTemporary && takeBack(item, problem)) {
    drop(item);
    outgoing(item.client_id)?.remove();
    return;
  }
  Object.assign(item, { state: "failed", reason: problem.detail, isFinal: !problem.isTemporary });
  save();
  draw(item);
}

function drop(item) {
  items = items.filter((other) => other !== item);
  files.delete(item.client_id);
  save();
}

// The live view brought a message of ours: the answer to its request may have been lost.
export function forgetDelivered(client) {
  const item = items.find((other) => other.client_id === client);
  if (item && item.state === "failed") drop(item);
}

const itemOf = (button) => items.find((item) => item.client_id === button.closest(".msg").dataset.client);

export function startOutbox() {
  onDo("retry", (button) => {
    const item = itemOf(button);
    if (!item) return;
    Object.assign(item, { state: "waiting", tries: 0, notBefore: 0 });
    draw(item);
    flush();
  });
  onDo("discard", (button) => {
    const item = itemOf(button);
    if (item) drop(item);
    button.closest(".msg").remove();
  });
  addEventListener("online", () => {
    for (const item of items) item.notBefore = 0;
    flush();
  });
  flush();
}
