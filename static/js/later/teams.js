// Giving a conversation to a team, in the menu that gives it to people.

import { command, known } from "../actions.js";
import { say } from "../conf.js";
import { $, $$ } from "../dom.js";
import { openId } from "../pane.js";

const buttons = $$("[data-give]");

function give(team, name, id = openId()) {
  const { team: before = "", assignees } = known(id);
  const undo = () => command(id, "assign/", { team: before, assignee: assignees.trim().split(" ")[0] });
  command(id, "assign/", { team }, { text: team ? say("assigned", { name }) : say("teamless"), undo });
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    $("#assign-menu").hidePopover();
    give(button.dataset.give, $("bdi", button)?.textContent);
  });
}
$("#assign-menu").addEventListener("beforetoggle", () => {
  const team = known(openId())?.team ?? "";
  for (const button of buttons) button.ariaChecked = button.dataset.give === team;
});
