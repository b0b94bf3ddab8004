// Where the details stand: beside the conversation, over it, or in its place.

import { setCookie } from "../conf.js";
import { $, app, isPhone, isWide, show } from "../dom.js";

export const pane = $("#panel");

export function setPanel(isShown) {
  if (isPhone()) {
    show(isShown ? "details" : "conversation");
    if (isShown) pane.focus();
  } else if (isWide()) {
    app.dataset.panel = isShown ? "on" : "off";
    setCookie("panel", app.dataset.panel);
  } else {
    app.dataset.panel = isShown ? "open" : "on";
    if (isShown) pane.focus();
  }
}
