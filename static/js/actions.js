// What an agent does to a conversation: assigning, resolving, snoozing. The list lets the row go at once.

import { conf, say } from "./conf.js";
import { $, app, onDo, toast } from "./dom.js";
import { currentLink, release, rowLinks } from "./list.js";
import { pathOf, post } from "./net.js";
import { openId } from "./pane.js";
import { now, soon, weekday, zoned } from "./times.js";

const idOf = (button) => button?.closest(".row")?.dataset.id ?? openId();

// The state of a conversation as the page knows it: the head for the open one, else its row.
export const known = (id) => (id === openId() ? $("#head") : $(`.row[data-id="${id}"]`))?.dataset;

export async function command(id, path, content, { text, undo } = {}) {
  release(id);
  try {
    await post(pathOf(id, path), content);
    if (text) toast(text, undo ? { label: say("undo"), act: undo, seconds: 8 } : {});
  } catch (problem) {
    toast(problem.detail || say("failed"));
  }
}

function setStatus(id, status, until = null, { quiet = false } = {}) {
  const content = until ? { status, snoozed_until: new Date(until).toISOString() } : { status };
  const text = { resolved: say("resolved"), open: say("reopened"), snoozed: until && say("snoozed", { time: soon(until) }) }[status];
  const before = known(id)?.status ?? "open";
  const undo = quiet || before === status ? null : () => setStatus(id, before, null, { quiet: true });
  return command(id, "status/", content, { text, undo });
}

export function resolve(id = openId()) {
  if (id) setStatus(id, known(id)?.status === "resolved" ? "open" : "resolved");
}

export function assignTo(agent, id = openId()) {
  if (!id) return;
  const before = known(id)?.assignees.trim().split(" ")[0] ?? "";
  const text = agent ? say("assigned", { name: conf.agents[agent] ?? conf.me.name }) : say("unassigned");
  command(id, "assign/", { assignee: agent }, { text, undo: () => command(id, "assign/", { assignee: before }) });
}

export const claim = (id = openId()) => assignTo(String(conf.me.id), id);

const takeOver = (id) => command(id, "take_over/", {}, { text: say("taken_over") });
const handBack = (id) => command(id, "hand_back/", {}, { text: say("handed_back"), undo: () => takeOver(id) });

export function markUnread() {
  const first = [...document.querySelectorAll('.msg[data-id][data-author="user"]')].at(-1);
  if (first) $("[data-do=unread]", first)?.click();
}

export function step(direction) {
  const links = rowLinks();
  const at = links.indexOf(currentLink());
  return links[at < 0 ? 0 : at + direction];
}

const snoozes = {
  hours: () => now() + 3 * 3_600_000,
  tomorrow: () => zoned(1, 9),
  week: () => zoned((8 - weekday()) % 7 || 7, 9),
};

export function startActions() {
  onDo("resolve", (button) => setStatus(idOf(button), "resolved"));
  onDo("reopen", (button) => setStatus(idOf(button), "open"));
  onDo("claim", (button) => claim(idOf(button)));
  onDo("take-over", () => takeOver(openId()));
  onDo("hand-back", () => handBack(openId()));
  for (const button of document.querySelectorAll("[data-snooze]")) {
    button.addEventListener("click", () => {
      $("#snooze-menu").hidePopover();
      setStatus(openId(), "snoozed", snoozes[button.dataset.snooze]());
    });
  }
  for (const button of document.querySelectorAll("[data-assign]")) {
    button.addEventListener("click", () => {
      $("#assign-menu").hidePopover();
      assignTo(button.dataset.assign);
    });
  }
  $("#snooze-menu").addEventListener("beforetoggle", () => {
    for (const button of document.querySelectorAll("[data-snooze]")) {
      $("small", button).textContent = soon(snoozes[button.dataset.snooze]());
    }
  });
  $("#assign-menu").addEventListener("beforetoggle", () => {
    const bot = $("#head")?.dataset.bot;
    $("#hand-back").hidden = bot === undefined;
    $("#hand-back .grow").textContent = bot ? say("hand_back_to", { name: bot }) : say("hand_back");
    const assignees = known(app.dataset.conversation)?.assignees.split(" ") ?? [];
    for (const button of document.querySelectorAll("[data-assign][aria-checked]")) {
      button.ariaChecked = assignees.includes(button.dataset.assign);
    }
  });
}
