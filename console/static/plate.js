// <kk-plate data-text data-class data-probs data-other>: draws a plate as a plate. Text only ever enters as text.

// Names, colours and forms are those of ocr/looks.py; the page carries them.
const TABLE = JSON.parse(document.getElementById("plate-table").textContent);
const FORMS = TABLE.forms.map(({ pattern, styles }) => ({ pattern: new RegExp(pattern, "u"), styles }));
const WEAK = 0.9;

export function className(code) {
  return TABLE.class_names[code] ?? TABLE.other_class;
}

export function plateOf(view) {
  const plate = document.createElement("kk-plate");
  setPlate(plate, view);
  return plate;
}

export function setPlate(plate, view) {
  plate.dataset.class = view.plate_class;
  plate.dataset.probs = (view.char_probs || []).join(",");
  plate.dataset.other = view.level === "possible" ? view.other_reading || "" : "";
  plate.dataset.text = view.plate_text || "已删除";
}

class Plate extends HTMLElement {
  static observedAttributes = ["data-text"];

  connectedCallback() { this.draw(); }
  attributeChangedCallback() { if (this.isConnected) this.draw(); }

  draw() {
    const text = [...(this.dataset.text || this.textContent)];
    const other = [...(this.dataset.other || "")];
    const probs = (this.dataset.probs || "").split(",").filter(Boolean).map(Number);
    paint(this, text.join(""));
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", label(text, other, probs));
    this.replaceChildren(...text.flatMap((character, index) => {
      const drawn = [drawCharacter(character, probs[index], other.length === text.length ? other[index] : character)];
      if (index === 1 && text.length > 6) drawn.push(Object.assign(document.createElement("span"), { className: "dot" }));
      return drawn;
    }));
  }
}

function paint(plate, text) {
  plate.dataset.look = styleOf(text, plate.dataset.class);
  for (const [part, colour] of Object.entries(TABLE.looks[plate.dataset.look])) plate.style.setProperty(`--plate-${part}`, colour);
}

// As ocr.looks.style_of.
function styleOf(text, code) {
  const fitting = FORMS.filter(({ pattern }) => pattern.test(text));
  const named = [...fitting, ...FORMS].find(({ styles }) => code in styles);
  return named?.styles[code] ?? Object.values(fitting[0]?.styles ?? {})[0] ?? TABLE.unknown_style;
}

function drawCharacter(character, probability, other) {
  const box = document.createElement("span");
  box.className = "c";
  box.textContent = character;
  box.classList.toggle("red", TABLE.red_characters.includes(character));
  if (other !== character) {
    box.classList.add("differs");
    box.append(Object.assign(document.createElement("small"), { textContent: other }));
  }
  if (probability !== undefined && probability < WEAK) {
    box.title = `把握 ${Math.round(probability * 100)}%`;
    const line = Object.assign(document.createElement("span"), { className: "weak" });
    line.style.opacity = String(Math.max(0.35, 1 - probability * 0.6));
    box.append(line);
  }
  return box;
}

function label(text, other, probs) {
  const weak = text.filter((_, index) => probs[index] !== undefined && probs[index] < WEAK);
  const doubts = other.length ? `，也可能是 ${other.join("")}` : "";
  return `号牌 ${text.join("")}${doubts}${weak.length ? `，不确定的字符 ${weak.join("、")}` : ""}`;
}

customElements.define("kk-plate", Plate);
