// The button that a site embeds:  <script async src="…/widget/loader.js" data-key="…" data-lang="de"></script>
// The chat itself lies in a frame of ours, made when it is first wanted. window.OneView: open, close, identify, logout, on.
(() => {
  const script = document.currentScript;
  if (!script || window.OneView) return;
  const base = new URL(script.src).origin;
  const { key, lang = document.documentElement.lang || "en", color = "", label = "Chat" } = script.dataset;
  const store = `oneview-site:${key}`;
  const listeners = {};
  const waiting = [];
  let frame, ready = false, open = false, unread = 0, news = "";

  const host = document.createElement("oneview-chat");
  const root = host.attachShadow({ mode: "closed" });
  const button = document.createElement("button");
  const badge = document.createElement("i");
  const sheet = new CSSStyleSheet(); // which a site's content security policy has nothing against
  // The sign on the button is black or white, whichever is easier to see.
  sheet.replaceSync(`
    :host { all: initial !important; }
    @media print { :host { display: none !important; } }
    button { all: unset; display: grid; place-items: center; inline-size: 52px; block-size: 52px; border: 2px solid #0000; border-radius: 50%; cursor: pointer;
      background: #0a6780; background: ${color}; color: #fff; color: oklch(from ${color || "#0a6780"} calc((.65 - l) * 999) 0 0); box-shadow: 0 4px 16px #0004; }
    button, iframe { position: fixed; z-index: 2147483000; inset-block-end: 20px; inset-inline-end: 20px; }
    button:focus-visible { outline: 3px solid #0b57d0; outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
    button::before { content: ""; inline-size: 20px; block-size: 20px; border: 2px solid; border-radius: 50%; border-end-start-radius: 3px; }
    i { position: absolute; inset-block-start: -6px; inset-inline-end: -6px; padding: 0 8px; border-radius: 12px; background: #b3261e; color: #fff; font: 600 13px/24px system-ui; }
    iframe { border: 0; inset-block-end: 88px; inline-size: 380px; block-size: min(640px, 100dvh - 108px); border-radius: 16px; background: Canvas; color-scheme: light dark; box-shadow: 0 8px 40px #0005; }
    @media (max-width: 480px), (max-height: 480px) { iframe { inset: 0; inline-size: 100%; block-size: 100%; border-radius: 0; } .covered { display: none; } }
    [hidden] { display: none; }
  `);
  root.adoptedStyleSheets = [sheet];
  button.ariaHasPopup = "dialog";
  badge.ariaHidden = "true";
  button.append(badge);
  root.append(button);

  function show() {
    button.ariaExpanded = open;
    button.ariaLabel = unread && !open ? `${label}. ${news}` : label;
    button.className = open && ready ? "covered" : ""; // a frame that failed has nothing else to close it
    badge.hidden = !unread || open;
    badge.textContent = unread > 9 ? "9+" : unread;
    if (!frame) return;
    frame.hidden = !open;
    if (open && ready) frame.focus(); // before it is there it would lose it again
  }

  function make() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = label;
    frame.src = `${base}/widget/${key}/?lang=${lang}&dir=${getComputedStyle(host).direction}`;
    root.append(frame);
    show();
  }

  function say(message) {
    make();
    if (ready) frame.contentWindow.postMessage({ oneview: { ...message, page: location.origin + location.pathname } }, base);
    else waiting.push(message);
  }

  function emit(name, value) {
    (listeners[name] || []).forEach((call) => call(value));
  }

  function set(value) {
    const inside = root.activeElement === frame;
    open = value;
    say({ t: open ? "open" : "close" });
    show();
    if (!open && inside) button.focus();
    emit(open ? "open" : "close");
  }

  const heard = {
    ready() {
      ready = true;
      say({ t: "page" });
      waiting.splice(0).forEach(say);
      show();
    },
    close: () => set(false),
    session: () => remember("1"),
    ended: () => remember(""),
    unread({ count, words }) {
      [unread, news] = [count, words];
      show();
      emit("unread", unread);
    },
  };

  // Whether there is a session; a site without storage has none that lasts.
  function remember(value) {
    try { return value === undefined ? localStorage.getItem(store) : localStorage.setItem(store, value); } catch { /* blocked */ }
  }

  addEventListener("message", ({ origin, source, data }) => {
    if (origin === base && frame && source === frame.contentWindow) heard[data?.oneview?.t]?.(data.oneview);
  });
  button.onpointerenter = button.onfocus = make;
  button.onclick = () => set(!open);
  button.onkeydown = ({ key }) => { if (key === "Escape" && open) set(false); };

  window.OneView = {
    open: () => set(true),
    close: () => set(false),
    identify: ({ token }) => say({ t: "identify", token }),
    logout: () => say({ t: "logout" }),
    on: (name, call) => (listeners[name] ||= []).push(call),
  };
  const start = () => {
    document.body.append(host);
    show();
    if (remember()) make();
  };
  document.body ? start() : addEventListener("DOMContentLoaded", start);
})();
