// Being away, and back: who is away is given nothing by itself.

import { conf, say } from "../conf.js";
import { $, toast } from "../dom.js";
import { post } from "../net.js";

$("#go-away").addEventListener("click", async ({ currentTarget: button }) => {
  const isAway = button.getAttribute("aria-checked") !== "true";
  $("#profile").hidePopover();
  try {
    await post(`${conf.page}away/`, { away: isAway ? "true" : "" });
    button.ariaChecked = isAway;
    $("#away").hidden = !isAway;
    $(".nav-profile").toggleAttribute("data-away", isAway);
    toast(say(isAway ? "away" : "here"));
  } catch (problem) {
    toast(problem.detail || say("failed"));
  }
});
