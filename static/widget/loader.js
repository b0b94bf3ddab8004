// The button that a site embeds:  <script async src="…/widget/loader.js" data-key="…" data-lang="de"></script>
// The chat itself lives in a frame of ours, made when it is first wanted. window.OneView: open, close, identify, logout, on.
(() => {
  const script = document.currentScript;
  if (!script || window.OneView) return;
  const base = new URL(script.src).origin;
  const { key, lang = document.documentElement.lang || "en", color = "#0a6780", label = "Chat" } = script.dataset;
  const store = `oneview:${key}`;
  const listeners = {};
  const waiting = [];
  let frame = null, ready = false, open = false, unread = 0;

  const host = document.createElement("oneview-chat");
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; }
    @media print { :host { display: none; } }
    button { all: unset; box-sizing: border-box; position: fixed; z-index: 2147483000; inset-block-end: max(20px, env(safe-area-inset-bottom)); inset-inline-end: 20px;
      inline-size: 56px; block-size: 56px; border-radius: 50%; display: grid; place-items: center; cursor: pointer; background: ${on(color)[0]}; color: ${on(color)[1]};
      box-shadow: 0 4px 16px rgb(0 0 0 / .24); }
    button:focus-visible { outline: 3px solid #0b57d0; outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
    svg { inline-size: 26px; block-size: 26px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    i { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-inline-size: 22px; block-size: 22px; box-sizing: border-box; padding: 0 6px; border-radius: 11px;
      background: #b3261e; color: #fff; font: 600 13px/22px system-ui, sans-serif; text-align: center; }
    [hidden] { display: none !important; }
    iframe { position: fixed; z-index: 2147483000; border: 0; inset-block-end: 88px; inset-inline-end: 20px; inline-size: 380px; block-size: min(640px, 100dvh - 108px);
      border-radius: 16px; background: Canvas; color-scheme: light dark; box-shadow: 0 8px 40px rgb(0 0 0 / .28); }
    @media (max-width: 480px), (max-height: 480px) { iframe { inset: 0; inline-size: 100%; block-size: 100%; border-radius: 0; } .open { display: none; } }
  `);
  root.adoptedStyleSheets = [sheet];
  host.dir = document.documentElement.dir || "ltr";
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-haspopup", "dialog");
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M21 12a8 8 0 0 1-11.6 7.1L4 20l1-4.6A8 8 0 1 1 21 12Z"/></svg><i hidden aria-hidden="true"></i>`;
  const badge = button.querySelector("i");
  root.append(button);

  // The colour, and black or white on it: whichever is easier to read.
  function on(colour) {
    if (!/^#[0-9a-f]{6}$/i.test(colour)) colour = "#0a6780";
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4));
    return [colour, .2126 * r + .7152 * g + .0722 * b > .179 ? "#000" : "#fff"];
  }

  function show() {
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-label", unread && !open ? `${label} (${unread})` : label);
    button.classList.toggle("open", open);
    badge.hidden = !unread || open;
    badge.textContent = unread > 9 ? "9+" : unread;
    if (frame) frame.hidden = !open;
  }

  function make() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = label;
    frame.allow = "clipboard-write";
    frame.src = `${base}/widget/${encodeURIComponent(key)}/?lang=${encodeURIComponent(lang)}`;
    frame.hidden = true;
    root.append(frame);
  }

  function say(message) {
    make();
    if (ready) frame.contentWindow.postMessage({ oneview: message }, base);
    else waiting.push(message);
  }

  function set(value) {
    open = value;
    make();
    show();
    say({ t: open ? "open" : "close" });
    if (!open) button.focus();
    (listeners[open ? "open" : "close"] || []).forEach((call) => call());
  }

  window.addEventListener("message", ({ origin, source, data }) => {
    if (origin !== base || !frame || source !== frame.contentWindow || !data || !data.oneview) return;
    const message = data.oneview;
    if (message.t === "ready") {
      ready = true;
      say({ t: "page", url: location.origin + location.pathname, title: document.title });
      waiting.splice(0).forEach(say);
    } else if (message.t === "close") set(false);
    else if (message.t === "session") localStorage.setItem(store, "1");
    else if (message.t === "ended") localStorage.removeItem(store);
    else if (message.t === "unread") {
      unread = message.count;
      show();
      (listeners.unread || []).forEach((call) => call(unread));
    }
  });
  button.addEventListener("pointerenter", make, { once: true });
  button.addEventListener("focus", make, { once: true });
  button.addEventListener("click", () => set(!open));

  window.OneView = {
    open: () => set(true),
    close: () => set(false),
    identify: ({ token }) => say({ t: "identify", token }),
    logout: () => say({ t: "logout" }),
    on: (name, call) => (listeners[name] ||= []).push(call),
  };
  show();
  const start = () => {
    document.body.append(host);
    try { if (localStorage.getItem(store)) make(); } catch { /* a page without storage has no session */ }
  };
  document.body ? start() : addEventListener("DOMContentLoaded", start);
})();
