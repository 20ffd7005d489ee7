// Rows of a list as they come and change, while somebody looks at it.
import { tellMoments } from "./console.js";

const EVERY_MS = 5000;
const MOST_ROWS = 200;

function takeIn(table, text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  let before = table.rows[0] ?? null;
  for (const fresh of [...template.content.querySelectorAll("tr[id]")]) {
    const told = fresh.outerHTML;
    const shown = table.rows.namedItem(fresh.id);
    if (shown === null) {
      fresh.classList.add("fresh");
      table.insertBefore(fresh, before);
    } else if (shown.told === told || shown.contains(document.activeElement)) {
      before = shown.nextElementSibling;
      continue;
    } else {
      shown.replaceWith(fresh);
    }
    tellMoments(fresh);
    fresh.told = told;
    before = fresh.nextElementSibling;
  }
  while (table.rows.length > MOST_ROWS) table.deleteRow(-1);
}

async function look(table) {
  if (document.hidden) return;
  try {
    const answer = await fetch(table.dataset.live, { redirect: "error", headers: { "X-Live": "1" } });
    if (answer.ok) takeIn(table, await answer.text());
  } catch {
    // The next look may be luckier; what is shown stays true for its moment.
  }
}

for (const table of document.querySelectorAll("tbody[data-live]")) {
  setInterval(look, EVERY_MS, table);
}
