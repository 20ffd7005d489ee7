// The editor of mappings: what is typed is looked at by the server a moment later, and the form
// and the YAML are kept in step.
const editor = document.getElementById("editor");
const text = document.getElementById("document");
const fields = document.getElementById("fields");
const looked = document.getElementById("looked");
const picker = document.getElementById("picker");
const view = editor.elements.view;
const WAIT = 120; // milliseconds after the last key

document.documentElement.classList.add("scripted");

let waiting;
let asked = 0;
let last = view.value === "form" ? editor.querySelector(".words") : text;

async function look() {
  clearTimeout(waiting);
  const mine = ++asked;
  looked.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(editor.dataset.look, { method: "POST", body: new FormData(editor) });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    if (mine === asked) show(told); // otherwise something newer is on its way
  } catch {
    if (mine === asked) lost();
  }
  if (mine === asked) looked.removeAttribute("aria-busy");
}

function show(told) {
  const open = looked.querySelector(".trace")?.open;
  looked.innerHTML = told.look;
  const trace = looked.querySelector(".trace");
  if (trace && open !== undefined) trace.open = open;
  picker.innerHTML = told.picker;
  if (view.value === "form") {
    text.value = told.document;
    const shown = fields.querySelector("[data-template]")?.dataset.template;
    if (shown !== told.template) showFields(told);
    for (const made of fields.querySelectorAll("[data-made]"))
      made.firstElementChild.textContent = told.made[made.dataset.made] ?? "";
    for (const wrong of fields.querySelectorAll("[data-wrong]"))
      wrong.textContent = told.wrong[wrong.dataset.wrong] ?? "";
  } else {
    showFields(told);
  }
}

function showFields(told) {
  const open = [...fields.querySelectorAll("details")].map((one) => one.open);
  const focused = fields.contains(document.activeElement) ? document.activeElement.id : "";
  fields.innerHTML = told.fields;
  fields.querySelectorAll("details").forEach((one, number) => {
    if (open[number] !== undefined) one.open = open[number];
  });
  if (focused) document.getElementById(focused)?.focus();
}

function lost() {
  const said = document.createElement("p");
  said.className = "alert alert-warning";
  said.textContent = editor.dataset.lost;
  looked.replaceChildren(said);
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(look, WAIT);
}

async function turnTo(wanted) {
  await look(); // so that the other says what was typed last
  view.value = wanted;
  for (const pane of editor.querySelectorAll("[data-view]"))
    pane.hidden = pane.dataset.view !== wanted;
  for (const button of editor.querySelectorAll(".views button"))
    button.setAttribute("aria-pressed", String(button.value === wanted));
  last = wanted === "form" ? editor.querySelector(".words") : text;
}

function insert(button) {
  const value = `${button.dataset.insert}${button.dataset.filter ?? ""}`;
  const plain = last.name === "f.match.when"; // a condition has no braces
  last.setRangeText(
    plain ? button.dataset.insert : `{{ ${value} }}`,
    last.selectionStart,
    last.selectionEnd,
    "end",
  );
  last.focus();
  soon();
}

async function goTo(line, column) {
  if (view.value !== "yaml") await turnTo("yaml");
  const lines = text.value.split("\n");
  const at = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, column - 1);
  text.focus();
  text.setSelectionRange(at, at);
  text.scrollTop = Math.max(0, (line - 5) * (text.scrollHeight / lines.length));
}

editor.addEventListener("input", (event) => {
  if (event.target.name !== "reason") soon();
});
editor.addEventListener("focusin", (event) => {
  if (event.target.matches("#document, .words")) last = event.target;
});
editor.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches(".views button")) {
    event.preventDefault();
    if (button.value !== view.value) turnTo(button.value);
  } else if (button.matches(".insert") && last) {
    insert(button);
  } else if (button.matches(".place-of")) {
    goTo(Number(button.dataset.line), Number(button.dataset.column));
  }
});
