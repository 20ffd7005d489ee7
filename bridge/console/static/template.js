// Draws the sample page anew as values are chosen.
const sample = document.getElementById("sample");
const form = document.getElementById("template");
const picture = document.getElementById("picture");
const fault = document.getElementById("fault");
const WAIT = 120; // milliseconds after the last change

document.documentElement.classList.add("scripted");

let waiting;
let asked = 0;

async function look() {
  const mine = ++asked;
  const sent = new FormData(form);
  for (const [name, value] of new FormData(sample)) sent.set(name, value);
  for (const name of [...sent.keys()]) if (name.startsWith("file.")) sent.delete(name);
  try {
    const answer = await fetch(form.dataset.look, { method: "POST", body: sent });
    if (answer.redirected || !answer.ok || mine !== asked) return;
    const told = await answer.json();
    fault.textContent = told.fault ?? "";
    if (told.picture && picture) picture.src = `data:image/svg+xml;base64,${told.picture}`;
  } catch {
    // The picture stays as it was.
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(look, WAIT);
}

if (form && picture) {
  form.addEventListener("input", soon);
  sample.addEventListener("input", soon);
} else {
  sample.addEventListener("change", () => sample.submit());
}
