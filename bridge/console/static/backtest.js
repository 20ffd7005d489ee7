// Runs a backtest and shows how far it is; without this the page comes back when it has ended.
const form = document.getElementById("backtest");
const progress = document.getElementById("progress");
const result = document.getElementById("result");
const button = form.querySelector("button");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  progress.hidden = false;
  progress.value = 0;
  result.replaceChildren();
  try {
    await run();
  } catch {
    result.textContent = form.dataset.lost;
  }
  button.disabled = false;
  progress.hidden = true;
});

async function run() {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/x-ndjson" },
  });
  if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  for (;;) {
    const { done, value } = await reader.read();
    kept += value ?? "";
    const lines = kept.split("\n");
    kept = done ? "" : lines.pop();
    for (const line of lines) if (line) tell(JSON.parse(line));
    if (done) return;
  }
}

function tell(told) {
  if (told.html !== undefined) result.innerHTML = told.html;
  else progress.value = told.of ? told.done / told.of : 1;
}
