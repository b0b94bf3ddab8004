// Blocking whom the open conversation is with, and marking it as spam.

import { conf, say } from "./conf.js";
import { $, $$, onDo, toast } from "./dom.js";
import { pathOf, post } from "./net.js";
import { openId } from "./pane.js";

const head = () => $("#head").dataset;
const isMine = () => head().assignees.trim().split(" ").includes(String(conf.me.id));

async function command(id, path, content, text, undo = null) {
  try {
    await post(pathOf(id, path), content);
    toast(text, undo ? { label: say("undo"), act: undo, seconds: 8 } : {});
  } catch (problem) {
    toast(problem.detail || say("failed"));
  }
}

const unblock = (id) => command(id, "unblock/", {}, say("unblocked"));

function block({ spam = false } = {}) {
  const id = openId();
  const { status } = head();
  const undo = async () => {
    await unblock(id);
    if (spam && status === "open") await post(pathOf(id, "status/"), { status }).catch(() => {});
  };
  command(id, "block/", spam ? { spam: "true" } : {}, say(spam ? "marked_spam" : "blocked"), conf.supervises ? undo : null);
}

// What can't be done now stays visible, with the reason.
function dress() {
  const isBlocked = "blocked" in head();
  for (const item of $$(".menu-item", $("#more-menu"))) {
    const isLift = item.dataset.do === "unblock";
    item.hidden = isLift !== isBlocked;
    item.disabled = !(conf.supervises || (!isLift && isMine()));
    $(".section-note", item).hidden = !item.disabled;
  }
}

export function startBlocking() {
  $("#more-menu").addEventListener("beforetoggle", dress);
  onDo("block", () => block());
  onDo("spam", () => block({ spam: true }));
  onDo("unblock", () => unblock(openId()));
}
