// Notes that call who looks count as seen once they are in view.

import { conf } from "../conf.js";
import { $$ } from "../dom.js";
import { pathOf, post } from "../net.js";

export function see(scroller, conversation) {
  const { top, bottom } = scroller.getBoundingClientRect();
  for (const note of $$(`.msg[data-unseen~="${conf.me.id}"]`, scroller)) {
    const { top: from, bottom: to } = note.getBoundingClientRect();
    if (from > bottom || to < top) continue;
    delete note.dataset.unseen;
    post(pathOf(conversation, "mentions/"), { message: note.dataset.id }).catch(() => {});
  }
}
