// What arrives above a card takes nothing away from under a thumb that is on its way down.

import { toast } from "./ask.js";

const STEADY_MS = 700; // a tap on a card that stood elsewhere just before was meant for another one
const AT_TOP_PX = 40; // somebody who is up here wants to see what comes
const moved = new WeakMap(); // of a card, when it got where it stands

const box = document.getElementById("tasks");
const rectOf = (card) => card.getBoundingClientRect();
const cards = () => new Map([...box.querySelectorAll(".task")].map((card) => [card.dataset.case, card]));

// Whoever reads further down keeps the card before the eyes; cards that move all the same note it.
export function holdStill(change) {
  const before = new Map([...cards()].map(([id, card]) => [id, rectOf(card)]));
  const answer = change();
  const after = cards();
  const looked = [...before].find(([id, { bottom }]) => bottom > innerHeight / 4 && after.has(id));
  if (looked && scrollY > AT_TOP_PX) scrollBy(0, rectOf(after.get(looked[0])).top - looked[1].top);
  for (const [id, card] of after) {
    const isMoved = before.has(id) ? Math.abs(rectOf(card).top - before.get(id).top) > 4 : before.size > 0;
    if (isMoved) moved.set(card, performance.now());
  }
  return answer;
}

box.addEventListener("click", (event) => {
  const card = event.detail && event.target.closest(".accept")?.closest(".task"); // a key has no thumb
  if (!card || performance.now() - (moved.get(card) ?? -Infinity) > STEADY_MS) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  toast("任务刚刚移动了位置，请看清后再点一次。");
}, true);
