// Names on the map that found no free place when it was drawn: one with something amiss is shown where nothing is in its way.

const MOST = 60; // measured at a time: on a map that is fuller, names come with the pointer
let before = "";

const touches = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const rank = (point) => (point.matches(".bad") ? 0 : point.matches(".open") ? 1 : 2);

export function showFreeNames() {
  const points = [...document.querySelectorAll(".point")];
  const isCrowded = (point) => Boolean(point.querySelector(".crowded"));
  const wanted = points.filter((point) => isCrowded(point) && point.matches(".open, .bad, .warn"));
  const size = document.getElementById("map").clientWidth;
  const key = `${size} ${wanted.map((point) => `${point.dataset.checkpoint} ${rank(point)}`)}`;
  if (key === before) return;
  before = key;
  for (const point of points) point.classList.remove("free");
  const taken = points.flatMap((point) => [...point.querySelectorAll(".halo, .name:not(.crowded)")].map((part) => part.getBoundingClientRect()));
  for (const point of wanted.sort((a, b) => rank(a) - rank(b)).slice(0, MOST)) {
    point.classList.add("free");
    const box = point.querySelector(".name").getBoundingClientRect();
    if (taken.some((other) => touches(box, other))) point.classList.remove("free");
    else taken.push(box);
  }
}
