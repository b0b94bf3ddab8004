// What stands between messages: days, changes of channel, folded runs of the system. Depends on neighbours and on the agent's zone,
// so it is made here, again whenever messages come or go. Messages themselves are never moved.

import { say } from "./conf.js";
import { $$ } from "./dom.js";
import { dayKey, dayName } from "./times.js";

const TOGETHER = 5 * 60_000;
const LONGEST_RUN = 3;

const unfolded = new Set(); // ids of the first message of a run the agent opened

function line(className, text) {
  const element = document.createElement("div");
  element.className = className;
  element.append(Object.assign(document.createElement("span"), { textContent: text }));
  return element;
}

function continues(message, before) {
  const now = message.dataset;
  const then = before.dataset;
  return (
    now.author === then.author &&
    now.agent === then.agent &&
    now.name === then.name &&
    now.thread === then.thread &&
    ("private" in now) === ("private" in then) &&
    Date.parse(now.at) - Date.parse(then.at) < TOGETHER
  );
}

export function arrange(holder) {
  for (const made of $$(".day, .between:not(.between-new), .fold", holder)) made.remove();
  let before = null;
  let thread = null;
  let run = [];
  for (const message of $$(".msg", holder)) {
    const { at, author, label } = message.dataset;
    const isNewDay = !before || dayKey(Date.parse(before.dataset.at)) !== dayKey(Date.parse(at));
    const above = message.previousElementSibling;
    const isFirstUnread = Boolean(above?.classList.contains("between-new"));
    if (isNewDay) (isFirstUnread ? above : message).before(line("day", dayName(Date.parse(at))));
    let isNewChannel = false;
    if (author !== "system" && !("private" in message.dataset)) {
      isNewChannel = thread !== null && thread !== message.dataset.thread;
      if (isNewChannel) message.before(line("between", say("switched", { channel: label })));
      thread = message.dataset.thread;
    }
    const isCut = isNewDay || isNewChannel || isFirstUnread;
    message.classList.toggle("joined", Boolean(before) && !isCut && continues(message, before));
    message.classList.remove("folded");
    if (author === "system" && !isCut) run.push(message);
    else {
      fold(run);
      run = author === "system" ? [message] : [];
    }
    before = message;
  }
  fold(run);
}

function fold(run) {
  if (run.length <= LONGEST_RUN || unfolded.has(run[0].dataset.id)) return;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "link fold" });
  button.textContent = say("changes", { n: run.length });
  button.addEventListener("click", () => {
    unfolded.add(run[0].dataset.id);
    button.remove();
    for (const message of run) message.classList.remove("folded");
    run[0].focus();
  });
  run[0].before(button);
  for (const message of run) message.classList.add("folded");
}

// Only the day one is in stays at the top: the earlier ones would shine through behind it.
export function hidePassedDays(scroller) {
  let passed = null;
  for (const day of $$(".day", scroller)) {
    const isAbove = day.nextElementSibling.offsetTop - scroller.scrollTop < 40;
    day.classList.remove("passed");
    if (isAbove) passed?.classList.add("passed");
    passed = isAbove ? day : passed;
  }
}
