// The numbers beside the filters and in the title. What the live frames say of conversations seen before is counted here;
// for one never seen the server is asked, at most every five seconds.

import { conf, say } from "./conf.js";
import { $, $$, throttle } from "./dom.js";
import { fetchFragment } from "./net.js";

const known = new Map();
let counts = { mine: 0, unassigned: 0, all: 0, badge: 0, mentions: 0 };
let title = "";

function read(row) {
  const { status, unread, assignees, mentions = "" } = row.dataset;
  const isMine = assignees.split(" ").includes(String(conf.me.id));
  const isFree = assignees.trim() === "";
  const isOpen = status === "open";
  const isCalled = mentions.split(" ").includes(String(conf.me.id));
  return {
    mine: Number(isOpen && isMine),
    unassigned: Number(isOpen && isFree),
    all: Number(isOpen),
    badge: Number(isOpen && unread !== "0" && (isMine || isFree)),
    mentions: Number(isCalled),
  };
}

export function learn(row) {
  known.set(row.dataset.id, read(row));
}

export function recount(row) {
  const before = known.get(row.dataset.id);
  learn(row);
  if (!before) return askAgain();
  const after = known.get(row.dataset.id);
  for (const name in counts) counts[name] += after[name] - before[name];
  showCounts();
}

export function forget(id) {
  const before = known.get(id);
  known.delete(id);
  if (!before) return askSometime();
  for (const name in counts) counts[name] -= before[name];
  showCounts();
}

const askAgain = throttle(5_000, ask);
const askSometime = throttle(60_000, ask); // agents hear of what they never saw: mostly it was not counted

async function ask() {
  try {
    counts = JSON.parse(await fetchFragment(`${conf.page}counts/`));
    showCounts();
  } catch {
    // The next frame asks again.
  }
}

export function setCounts(text) {
  const [mine, unassigned, all, badge, mentions] = text.split(" ").map(Number);
  counts = { mine, unassigned, all, badge, mentions };
  showCounts();
}

export function setTitle(name) {
  title = name ? `${name} – ${say("messages")} – ${conf.account.name}` : `${say("messages")} – ${conf.account.name}`;
  $("#title").textContent = title;
  showCounts();
}

function showCounts() {
  for (const link of $$(".boxes a")) link.lastElementChild.textContent = counts[link.dataset.box];
  const badge = $("#badge");
  badge.hidden = counts.badge < 1;
  badge.firstElementChild.textContent = counts.badge > 99 ? "99+" : counts.badge;
  const n = Math.max(0, counts.badge + counts.mentions);
  document.title = n ? say("unread_title", { n, title }) : title;
  navigator.setAppBadge?.(n).catch(() => {});
}
