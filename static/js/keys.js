// The keyboard. Single keys work outside of fields and dialogs and can be switched off; every one has a button or menu item too.

import { conf } from "./conf.js";
import { $, $$, app, isPhone, isTyping } from "./dom.js";
import { assignTo, claim, markUnread, resolve, step } from "./actions.js";
import { writeNote, writeReply } from "./composer.js";
import { backToList, closePanel, openConversation, togglePanel } from "./conversation.js";
import { currentLink, rowLinks } from "./list.js";
import { showShortcuts } from "./menus.js";
import { openId } from "./pane.js";

async function go(link) {
  link?.focus();
  if (link) await openConversation(link.parentElement.dataset.id);
}

async function walk(direction, { keepWriting = false } = {}) {
  await go(step(direction));
  if (keepWriting) $("#text")?.focus();
}

function walkToUnread(direction) {
  const links = rowLinks();
  const at = links.indexOf(currentLink());
  const ahead = direction > 0 ? links.slice(at + 1) : links.slice(0, Math.max(0, at)).reverse();
  go(ahead.find((link) => link.parentElement.dataset.unread !== "0"));
}

const single = {
  j: () => walk(1),
  k: () => walk(-1),
  "]": () => walkToUnread(1),
  "[": () => walkToUnread(-1),
  r: writeReply,
  n: writeNote,
  e: () => resolve(),
  E: () => {
    const next = step(1);
    resolve();
    if (next) openConversation(next.parentElement.dataset.id);
  },
  i: () => claim(),
  a: () => openId() && $(".head-assignee")?.click(),
  u: markUnread,
  U: backToList,
  s: () => $('[popovertarget="snooze-menu"]')?.click(),
  d: () => openId() && togglePanel(),
  "/": () => {
    if (isPhone()) backToList();
    $("#search").select();
    $("#search").focus();
  },
  "?": showShortcuts,
};

// From a field to the messages, from there to the list.
function leave(target) {
  if (closePanel()) return;
  if (target.id === "search") {
    (currentLink() ?? rowLinks()[0])?.focus();
  } else if (isTyping(target)) $("#timeline")?.focus();
  else if (target.closest("#middle, #panel")) backToList();
}

function nextPane(direction) {
  const panes = $$("[data-pane]").filter((pane) => pane.offsetParent !== null || pane.getClientRects().length);
  const at = panes.findIndex((pane) => pane.contains(document.activeElement));
  const pane = panes.at((at + direction) % panes.length);
  const inside = pane.id === "list" ? (currentLink() ?? rowLinks()[0]) : pane.id === "main" ? $("#timeline") : null;
  (inside ?? pane).focus();
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const { key, target } = event;
    if (key === "F6") {
      event.preventDefault();
      nextPane(event.shiftKey ? -1 : 1);
      return;
    }
    if ($("dialog[open]") || $(".menu:popover-open")) return;
    if (key === "Escape") {
      leave(target);
      return;
    }
    if (event.altKey && (key === "ArrowDown" || key === "ArrowUp") && target.id === "text") {
      event.preventDefault();
      walk(key === "ArrowDown" ? 1 : -1, { keepWriting: true });
      return;
    }
    if ((key === "ArrowDown" || key === "ArrowUp") && target.matches(".row-link")) {
      const links = rowLinks();
      event.preventDefault();
      links[links.indexOf(target) + (key === "ArrowDown" ? 1 : -1)]?.focus();
      return;
    }
    if (key === "Enter" && target.matches(".row-link") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openConversation(target.parentElement.dataset.id, { focus: true });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target) || !conf.keys) return;
    const run = single[key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}
