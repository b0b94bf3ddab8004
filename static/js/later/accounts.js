// For who has several accounts: a tab that chooses another one takes the other tabs of the browser along.

import { conf } from "../conf.js";

const tabs = new BroadcastChannel("oneview.account");
tabs.addEventListener("message", ({ data }) => {
  if (data !== conf.account.id) location = conf.page;
});
tabs.postMessage(conf.account.id);
