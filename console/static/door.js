// Which door somebody went through; whoever may not see it, learns that it was one. Text only ever enters as text.

export function doorOf(view) {
  return Object.assign(document.createElement("strong"), { className: "door", textContent: view.door || "隔离门" });
}
