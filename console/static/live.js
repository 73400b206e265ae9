// The stream: server-sent events with a banner when it is lost. The screen never goes blank: it keeps its last state, dimmed.

import { clockTime, elapsedSince, moment, serverNow } from "./ages.js";

const SILENCE_MS = 15000;

export function listen(handlers) {
  const banner = document.getElementById("banner");
  let source = null;
  let lastHeard = moment();
  let lostAt = null;
  let trouble = "";
  let troubleAt = null; // since when nothing new can be on the screen
  let isFresh = true;
  let isEnded = false; // the log-in is over, and somebody is in the middle of writing

  function show() {
    const since = trouble && troubleAt ? `（自 ${clockTime(serverNow() - elapsedSince(troubleAt))} 起）` : "";
    const text = isEnded ? "登录已过期，画面不再更新；正在填写的内容还在，登录后可以照常提交：" : lostAt ? `连接中断，自 ${clockTime(serverNow() - elapsedSince(lostAt))} 起画面未更新，正在重新连接…` : trouble + since;
    banner.textContent = text;
    if (isEnded) banner.append(Object.assign(document.createElement("a"), { href: "/login", target: "_blank", rel: "noopener", textContent: "在新窗口登录" }));
    banner.hidden = !text;
    document.body.classList.toggle("stale", Boolean(lostAt || troubleAt) || isEnded);
  }

  function heard() {
    lastHeard = moment();
    if (lostAt || isEnded) {
      lostAt = null;
      isEnded = false;
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
    source.addEventListener("trouble", (event) => { heard(); const { text } = JSON.parse(event.data); setTrouble(text, Boolean(text)); });
    source.addEventListener("ended", () => { source.close(); logIn(); });
  }

  // A closed stream is a refused one: after a log-out or an expired session only a log-in helps.
  async function retry() {
    try {
      const answer = await fetch("/screen/cases?group=new", { headers: { accept: "application/json" } });
      if (answer.status === 401) return logIn();
    } catch { /* still out of reach: try the stream again */ }
    open();
  }

  // What is half written stays, and the stream is tried until somebody is logged in again.
  function logIn() {
    if (!handlers.isWriting()) return location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    isEnded = true;
    show();
    setTimeout(retry, 3000);
  }

  function setTrouble(text, isStale = false) {
    trouble = text;
    troubleAt = isStale ? troubleAt ?? moment() : null;
    show();
  }

  setInterval(() => { if (elapsedSince(lastHeard) > SILENCE_MS) { lost(); open(); lastHeard = moment(); } }, 3000);
  open();
  return { setTrouble };
}
