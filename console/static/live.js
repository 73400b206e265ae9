// The stream: server-sent events with a banner when it is lost. The screen never goes blank: it keeps its last state, dimmed.

import { clockTime, elapsedSince, moment, serverNow } from "./ages.js";

const SILENCE_MS = 15000;

export function listen(handlers) {
  const banner = document.getElementById("banner");
  let source = null;
  let lastHeard = moment();
  let lostAt = null;
  let trouble = "";
  let isFresh = true;

  function show() {
    const text = lostAt ? `连接中断，自 ${clockTime(serverNow() - elapsedSince(lostAt))} 起画面未更新，正在重新连接…` : trouble;
    banner.textContent = text;
    banner.hidden = !text;
    document.body.classList.toggle("stale", Boolean(lostAt));
  }

  function heard() {
    lastHeard = moment();
    if (lostAt) {
      lostAt = null;
      show();
    }
    if (!isFresh) return;
    isFresh = false;
    handlers.resync({}); // what happened before the stream was open is only in the list
  }

  function lost() {
    lostAt ??= lastHeard;
    show();
  }

  function open() {
    source?.close();
    source = new EventSource("/screen/stream");
    source.onopen = () => { isFresh = true; };
    source.onerror = () => {
      lost();
      if (source.readyState === EventSource.CLOSED) setTimeout(retry, 3000);
    };
    for (const kind of ["cases", "gone", "state", "tiles", "lane", "resync", "ping"]) {
      source.addEventListener(kind, (event) => { heard(); handlers[kind]?.(JSON.parse(event.data)); });
    }
    source.addEventListener("trouble", (event) => { heard(); setTrouble(JSON.parse(event.data).text); });
    source.addEventListener("ended", () => { source.close(); location.assign("/login?next=/screen"); });
  }

  // A closed stream is a refused one: after a log-out or an expired session only a log-in helps.
  async function retry() {
    try {
      const answer = await fetch("/screen/cases?group=new", { headers: { accept: "application/json" } });
      if (answer.status === 401) return location.assign("/login?next=/screen");
    } catch { /* still out of reach: try the stream again */ }
    open();
  }

  function setTrouble(text) {
    trouble = text;
    show();
  }

  setInterval(() => { if (elapsedSince(lastHeard) > SILENCE_MS) { lost(); open(); lastHeard = moment(); } }, 3000);
  open();
  return { setTrouble };
}
