// Colleagues in private notes: @ and what follows it finds them.

import { conf, say } from "../conf.js";
import { $, parseOne } from "../dom.js";

const MOST = 8;

const isFit = (name, q) => name.split(/\s+/).some((word) => word.startsWith(q)) || name.startsWith(q);

function option([id, name]) {
  const item = parseOne('<li class="suggestion" role="option" aria-selected="false"><b><bdi></bdi></b></li>');
  item.dataset.agent = id;
  $("bdi", item).textContent = name;
  return item;
}

export const mentions = {
  pattern: /(?:^|\s)(@[^\s@]{0,40}(?: [^\s@]{1,40})?)$/,
  isOn: () => $("#composer").dataset.mode === "note",
  label: () => say("colleagues"),
  async find(q) {
    const wanted = q.toLocaleLowerCase();
    const others = Object.entries(conf.agents).filter(([id]) => Number(id) !== conf.me.id);
    return others.filter(([, name]) => isFit(name.toLocaleLowerCase(), wanted)).slice(0, MOST).map(option);
  },
  textOf: (item) => `@${item.textContent} `,
  onTaken: (item) => $("#composer").dispatchEvent(new CustomEvent("called", { bubbles: true, detail: item.dataset.agent })),
};
