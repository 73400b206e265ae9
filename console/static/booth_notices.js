// What is amiss at a booth, above the vehicle.

// What is amiss with the box itself, calmly: the gravest in one line with what to do, the others behind a touch.
export function drawNotices(notices) {
  const box = document.getElementById("notices");
  const key = JSON.stringify(notices);
  box.hidden = !notices.length;
  if (box.hidden) box.open = false; // what comes next has not been read: it begins as one line again
  if (box.hidden || box.dataset.key === key) return;
  box.dataset.key = key;
  box.className = `notices${notices[0].is_grave ? " grave" : ""}${notices.length > 1 ? "" : " one"}`;
  const [first, ...others] = notices.map(lineOf);
  if (others.length) first.push(make("b", "", `（共 ${notices.length} 项）`));
  box.querySelector("summary").replaceChildren(...first);
  box.querySelector("ul").replaceChildren(...others.map((line) => { const item = make("li", "", ""); item.append(...line); return item; }));
}

function lineOf({ is_grave: isGrave, camera_id: camera, title, detail, to_do: toDo }) {
  const what = [camera, title, detail && `（${detail}）`].filter(Boolean).join(" ");
  return [make("b", "", `${isGrave ? "! " : ""}${what}：`), make("span", "", toDo)];
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
