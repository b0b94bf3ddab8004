// What is done to one message: its details, and taking out what it says.

import { say } from "./conf.js";
import { $, announce, onDo, toast } from "./dom.js";
import { showDetailsOf } from "./conversation.js";
import { pathOf, post } from "./net.js";
import { openId } from "./pane.js";
import { applyMessages } from "./timeline.js";

let chosen = ""; // the message whose menu was opened

async function redact() {
  const dialog = $("#redact");
  dialog.close();
  try {
    const html = await post(pathOf(openId(), `messages/${chosen}/redact/`), {});
    applyMessages({ [chosen]: html });
    announce(say("redacted"));
    document.getElementById(`m-${chosen}`)?.focus();
  } catch (problem) {
    toast(problem.detail || say("failed"));
  }
}

export function startTools() {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest('[popovertarget="message-menu"]');
    if (button) chosen = button.closest(".msg").dataset.id;
    const time = target.closest(".msg-foot > time");
    if (time) showDetailsOf(time.closest(".msg").dataset.id);
  }, { capture: true });
  document.addEventListener("keydown", ({ key, target }) => {
    if (key === "Enter" && target.matches(".msg[data-id]:not(.msg-system)")) showDetailsOf(target.dataset.id);
  });
  onDo("context", () => showDetailsOf(chosen));
  onDo("redact", () => $("#redact").showModal());
  onDo("redact-now", redact);
}
