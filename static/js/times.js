// Instants come in UTC and are shown in the agent's zone and language. Time goes by the server's clock.

import { conf, language, say } from "./conf.js";
import { $$ } from "./dom.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const zone = (() => {
  try {
    return new Intl.DateTimeFormat(language, { timeZone: conf.zone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
})();

function formatter(options) {
  const format = new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
  return (at) => format.format(at);
}

const formatClock = formatter({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const formatWeekday = formatter({ weekday: "short" });
const formatDay = formatter({ day: "numeric", month: "short" });
const formatDate = formatter({ day: "2-digit", month: "2-digit", year: "2-digit" });
const formatLong = formatter({ weekday: "long", day: "numeric", month: "long" });
const formatLongYear = formatter({ day: "numeric", month: "long", year: "numeric" });
const formatFull = formatter({ dateStyle: "full", timeStyle: "long" });
const formatYear = formatter({ year: "numeric" });
const keyFormat = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
const partsFormat = new Intl.DateTimeFormat("en-US", {
  timeZone: zone,
  hourCycle: "h23",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "numeric",
});
const hours = new Intl.NumberFormat(language, { style: "unit", unit: "hour", unitDisplay: "short" });
const minutes = new Intl.NumberFormat(language, { style: "unit", unit: "minute", unitDisplay: "short" });
const days = new Intl.NumberFormat(language, { style: "unit", unit: "day", unitDisplay: "short" });

let offset = 0;

export function setClock(serverNow) {
  offset = Date.parse(serverNow) - Date.now();
}

export const now = () => Date.now() + offset;
export const dayKey = (at) => keyFormat.format(at);
export const clock = (at) => formatClock(at);

export function dayName(at) {
  const key = dayKey(at);
  if (key === dayKey(now())) return say("today");
  if (key === dayKey(now() - DAY)) return say("yesterday");
  return formatYear(at) === formatYear(now()) ? formatLong(at) : formatLongYear(at);
}

export function listTime(at) {
  const age = now() - at;
  if (age < MINUTE) return say("now");
  if (dayKey(at) === dayKey(now())) return formatClock(at);
  if (age < 6 * DAY) return formatWeekday(at);
  return formatYear(at) === formatYear(now()) ? formatDay(at) : formatDate(at);
}

// An instant ahead: the clock, with its day when that is not today.
export function soon(at) {
  return dayKey(at) === dayKey(now()) ? formatClock(at) : `${formatWeekday(at)} ${formatClock(at)}`;
}

export function span(milliseconds) {
  const total = Math.max(0, Math.floor(milliseconds / MINUTE));
  if (total >= 48 * 60) return days.format(Math.floor(total / 1440));
  if (total < 60) return minutes.format(total);
  const rest = total % 60;
  return total < 12 * 60 && rest ? `${hours.format(Math.floor(total / 60))} ${minutes.format(rest)}` : hours.format(Math.floor(total / 60));
}

// The instant of a clock time some days from today in the agent's zone.
export function zoned(daysAhead, hour) {
  const [year, month, day] = dayKey(now()).split("-").map(Number);
  const guess = Date.UTC(year, month - 1, day + daysAhead, hour);
  const shown = Object.fromEntries(partsFormat.formatToParts(guess).map(({ type, value }) => [type, Number(value)]));
  return guess - (Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute) - guess);
}

export function weekday() {
  return new Date(`${dayKey(now())}T00:00Z`).getUTCDay();
}

const forms = { list: listTime, soon, day: (at) => formatDay(at), moment: (at) => `${formatDay(at)}, ${formatClock(at)}` };

// Fills every <time> under `root`.
export function fillTimes(root = document) {
  for (const element of $$("time[datetime]", root)) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    element.textContent = (forms[element.dataset.form] ?? clock)(at);
    const received = Date.parse(element.dataset.received ?? "");
    const late = received - at > 5 * MINUTE ? `, ${say("received", { time: clock(received) })}` : "";
    element.title = formatFull(at) + late;
  }
}

setInterval(() => document.dispatchEvent(new Event("minute")), MINUTE);
