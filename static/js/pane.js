// Which conversation is open, and what a pane says when its content did not come.

import { say } from "./conf.js";
import { $, app, stamp } from "./dom.js";

export const openId = () => app.dataset.conversation;

export function showError(pane, problem, again) {
  const state = stamp("pane-error");
  const words = { 403: "not_allowed", 404: "gone" }[problem.status] ?? "not_loaded";
  $("h2", state).textContent = say(words);
  $("code", state).textContent = problem.reference ? say("reference", { id: problem.reference }) : "";
  const button = $("button", state);
  button.hidden = words !== "not_loaded";
  button.addEventListener("click", again);
  const hadFocus = pane.contains(document.activeElement);
  pane.replaceChildren(state);
  if (hadFocus) button.focus();
}
