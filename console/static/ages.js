// Ages and time limits, by the console's clock: a screen whose own clock is wrong still tells the truth.

// Made once: making one costs more than a hundred uses of it.
const TIME = { timeZone: "Asia/Shanghai", hourCycle: "h23", hour: "numeric", minute: "2-digit", second: "2-digit" };
const CLOCK = new Intl.DateTimeFormat("zh-CN", TIME);
const EXACT = new Intl.DateTimeFormat("zh-CN", { year: "numeric", month: "numeric", day: "numeric", ...TIME });
let offset = 0;

export function setServerTime(iso) {
  offset = Date.parse(iso) - Date.now();
}

export function serverNow() {
  return Date.now() + offset;
}

// How long ago that was: also where the device's clock was put back meanwhile, or the device slept.
export function elapsedSince({ wall, run }) {
  return Math.max(Date.now() - wall, performance.now() - run);
}

export function moment() {
  return { wall: Date.now(), run: performance.now() };
}

export function spokenAge(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} 秒`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分 ${String(seconds % 60).padStart(2, "0")} 秒`;
  const minutes = Math.floor((seconds % 3600) / 60);
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} 小时${minutes ? ` ${minutes} 分` : ""}`;
  return `${Math.floor(seconds / 86400)} 天`;
}

// A warning that came long after its vehicle: nobody needs to look for it at the checkpoint.
export function lateWords(view) {
  return view.late_s > 60 ? `迟到 ${spokenAge(view.late_s * 1000)}，车辆早已离开` : "";
}

export function exactTime(iso) {
  return EXACT.format(new Date(iso));
}

export function clockTime(moment) {
  return CLOCK.format(new Date(moment));
}

export function tick() {
  const now = serverNow();
  const clock = document.getElementById("clock");
  if (clock) clock.textContent = clockTime(now);
  for (const element of document.querySelectorAll("time[data-since]")) {
    element.textContent = `${spokenAge(now - Date.parse(element.dataset.since))}前`;
  }
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = Date.parse(element.dataset.due) - now;
    const words = left >= 0 ? element.dataset.left ?? "剩余 {}" : element.dataset.over ?? "超时 {}";
    element.textContent = words.replace("{}", spokenAge(Math.abs(left)));
    element.closest(".row, .task")?.classList.toggle("overdue", left < 0);
  }
}
