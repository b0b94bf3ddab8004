// Writing first on a channel that a contact has not used; asked for in the details.

import { say } from "../conf.js";
import { $, $$, onDo, toast } from "../dom.js";
import { pathOf, post } from "../net.js";
import { openId } from "../pane.js";

const dialog = $("#start");
const form = $("form", dialog);
const error = $(".fact-error", form);
let wanted = {};

onDo("start", (button) => {
  wanted = { id: openId(), channel: button.dataset.channel, client_id: crypto.randomUUID() };
  const mode = "template" in button.dataset ? "template" : "text";
  form.reset();
  error.hidden = true;
  $("#start-channel").textContent = button.dataset.name;
  for (const part of $$("[data-for]", form)) {
    part.hidden = part.dataset.for !== mode;
    const field = $("input, textarea", part);
    if (field) field.required = !part.hidden;
  }
  dialog.showModal();
  $(`[name=${mode}]`, form).focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { id, ...content } = wanted;
  try {
    await post(pathOf(id, "start/"), { ...content, ...Object.fromEntries(new FormData(form)) });
    dialog.close();
    toast(say("started"));
  } catch (problem) {
    error.textContent = problem.errors[0]?.message ?? (problem.detail || say("failed"));
    error.hidden = false;
  }
});
