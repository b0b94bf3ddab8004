// Menus, dialogs, the side menu and the edge of the list.

import { conf, memory, setCookie } from "./conf.js";
import { $, $$, app, onDo } from "./dom.js";
import { post } from "./net.js";

const GAP = 4;

// Under its button where there is room, else above; never outside of the window.
function place(menu, opener) {
  const button = opener.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const isRtl = document.documentElement.dir === "rtl";
  const start = isRtl ? button.right - width : button.left;
  const end = isRtl ? button.left : button.right - width;
  const x = start + width > innerWidth - 8 || start < 8 ? end : start;
  const below = button.bottom + GAP;
  const y = below + height > innerHeight - 8 ? button.top - height - GAP : below;
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, y)}px`;
}

function startMenus() {
  let opener = null;
  document.addEventListener("click", (event) => {
    opener = event.target.closest("[popovertarget]") ?? opener;
  }, { capture: true });
  document.addEventListener("toggle", ({ target, newState }) => {
    if (!target.matches(".menu")) return;
    const button = opener?.getAttribute("popovertarget") === target.id ? opener : $(`[popovertarget="${target.id}"]`);
    button?.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    place(target, button);
    ($('[aria-checked="true"]', target) ?? $(".menu-item", target))?.focus();
  }, { capture: true });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest(".menu");
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (!menu || !(event.key in steps)) return;
    event.preventDefault();
    const all = $$(".menu-item", menu);
    all.at((all.indexOf(event.target.closest(".menu-item")) + steps[event.key]) % all.length).focus();
  });
}

function startDialogs() {
  for (const dialog of $$("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog && dialog.id !== "session") dialog.close();
    });
  }
  $("#session").addEventListener("cancel", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    event.target.closest("[data-close]")?.closest("dialog").close();
    const picture = event.target.closest("[data-picture]");
    if (!picture || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const viewer = $("#viewer");
    const image = $("img", picture);
    $("header span", viewer).textContent = image.alt;
    $("a", viewer).href = picture.href;
    Object.assign($("img", viewer), { src: picture.href, alt: image.alt });
    viewer.showModal();
  });
  onDo("shortcuts", showShortcuts);
  $("#single-keys").addEventListener("change", ({ target }) => {
    conf.keys = target.checked;
    savePreference({ single_keys: target.checked ? "true" : "false" });
  });
}

export const showShortcuts = () => $("#shortcuts").showModal();

const savePreference = (content) => post(`${conf.page}preferences/`, content).catch(() => {});

function startThemes() {
  for (const button of $$("[data-theme-choice]")) {
    button.addEventListener("click", () => {
      const theme = button.dataset.themeChoice;
      document.documentElement.dataset.theme = theme;
      for (const other of $$("[data-theme-choice]")) other.ariaChecked = other === button;
      savePreference({ theme });
    });
  }
  $("#collapse").addEventListener("click", () => {
    app.dataset.nav = app.dataset.nav === "rail" ? "full" : "rail";
    setCookie("nav", app.dataset.nav);
  });
}

// The width of the list, by dragging or with the arrow keys.
function startEdge() {
  const root = document.documentElement;
  const set = (width) => {
    const kept = Math.round(Math.max(280, Math.min(440, width)));
    root.style.setProperty("--list", `${kept}px`);
    $("#edge").ariaValueNow = kept;
    memory.set("list", kept);
  };
  if (memory.get("list") && innerWidth >= 1280) set(memory.get("list"));
  const current = () => $("#list").getBoundingClientRect();
  const isRtl = root.dir === "rtl";
  $("#list").addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: isRtl ? 8 : -8, ArrowRight: isRtl ? -8 : 8 };
    if (event.target.id === "edge" && event.key in steps) set(current().width + steps[event.key]);
  });
  $("#list").addEventListener("pointerdown", (event) => {
    if (event.target.id !== "edge") return;
    event.target.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => set(isRtl ? current().right - clientX : clientX - current().left);
    event.target.addEventListener("pointermove", move);
    event.target.addEventListener("pointerup", () => event.target.removeEventListener("pointermove", move), { once: true });
  });
}

export function startChrome() {
  startMenus();
  startDialogs();
  startThemes();
  startEdge();
}
