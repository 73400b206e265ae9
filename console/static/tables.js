// On a narrow page a row of a table stands as a card: each cell says its column, and nothing has to be pushed sideways.
const NARROW_ENOUGH = 2; // columns that fit on any phone
const ROLES = { thead: "rowgroup", tbody: "rowgroup", tr: "row", "thead th": "columnheader", "tbody th": "rowheader", td: "cell" };

for (const table of document.querySelectorAll(".scroll table:not(.heat)")) {
  const names = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
  if (names.length <= NARROW_ENOUGH) continue;
  table.classList.add("cards");
  for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, at) => { cell.dataset.column = names[at]; });
  // Drawn as blocks, it is still a table for whoever hears it.
  table.setAttribute("role", "table");
  for (const [selector, role] of Object.entries(ROLES)) for (const part of table.querySelectorAll(selector)) part.setAttribute("role", role);
}
