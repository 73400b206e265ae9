// What arrives above a card takes nothing away from under a thumb that is on its way down.

import { toast } from "./ask.js";

const STEADY_MS = 700; // a tap on a card that stood elsewhere just before was meant for another one
const AT_TOP_PX = 40; // somebody who is up here wants to see what comes
const moved = new WeakMap(); // of a card, when its button got where it stands

const box = document.getElementById("tasks");

// Of each part of a card that is to be seen, by its case and its name, where it stands: a card may be drawn anew, and be
// taller than the screen.
function places() {
  const parts = [...box.querySelectorAll(".task > *")].map((part) => [`${part.parentElement.dataset.case} ${part.classList[0]}`, part.getBoundingClientRect()]);
  return new Map(parts.filter(([, { height }]) => height));
}

// Whoever reads further down keeps before the eyes what stands there; buttons that move all the same note it.
export function holdStill(change) {
  const before = places();
  const answer = change();
  const after = places();
  const looked = [...before].find(([part, { bottom }]) => bottom > innerHeight / 4 && after.has(part));
  const gone = looked ? after.get(looked[0]).top - looked[1].top : 0;
  const back = scrollY > AT_TOP_PX && Math.abs(gone) > 0.5 ? scrollFrom(gone) : 0;
  for (const card of box.querySelectorAll(".task")) {
    const [was, is] = [before, after].map((at) => at.get(`${card.dataset.case} accept`)?.top);
    const isMoved = was === undefined ? before.size > 0 : Math.abs(is - back - was) > 4;
    if (is !== undefined && isMoved) moved.set(card, performance.now());
  }
  return answer;
}

// Returns how far the page could be scrolled.
function scrollFrom(distance) {
  const start = scrollY;
  scrollBy(0, distance);
  return scrollY - start;
}

box.addEventListener("click", (event) => {
  const card = event.detail && event.target.closest(".accept")?.closest(".task"); // a key has no thumb
  if (!card || performance.now() - (moved.get(card) ?? -Infinity) > STEADY_MS) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  toast("任务刚刚移动了位置，请看清后再点一次。");
}, true);
