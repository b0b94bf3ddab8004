// What the server handed over with the page, the phrases in the agent's language, and what this browser remembers.

export const conf = JSON.parse(document.getElementById("conf").textContent);
export const language = document.documentElement.lang;
export const isMac = navigator.platform.startsWith("Mac");

const plurals = new Intl.PluralRules(language);

export function say(key, values = {}) {
  return conf.phrases[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function sayCount(key, n, values = {}) {
  const one = `${key}_one`;
  return say(plurals.select(n) === "one" && one in conf.phrases ? one : key, { n, ...values });
}

// One namespace per account and agent; a browser that refuses storage only forgets.
const prefix = `oneview.${conf.account.id}.${conf.me.id}.`;

export const memory = {
  get(key, otherwise = null) {
    try {
      return JSON.parse(localStorage.getItem(prefix + key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      if (value == null) localStorage.removeItem(prefix + key);
      else localStorage.setItem(prefix + key, JSON.stringify(value));
    } catch {
      // Full or refused.
    }
  },
};

// Read by the server, so that the first paint is right.
export function setCookie(name, value) {
  document.cookie = `${name}=${value}; path=/inbox/; max-age=31536000; samesite=lax`;
}
