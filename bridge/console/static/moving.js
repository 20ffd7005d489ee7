// Parts of a page that move: asked for again and again while somebody looks.
import { tellMoments } from "./console.js";

function ids(part) {
  return new Set([...part.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
}

// What the person holds on to must not be taken from under their fingers.
function isHeld(part) {
  const chosen = document.getSelection();
  return part.contains(document.activeElement) || (!chosen.isCollapsed && part.contains(chosen.anchorNode));
}

async function renew(part, last) {
  const answer = await fetch(part.dataset.follow, { headers: { "X-Live": "1" } });
  if (!answer.ok || answer.redirected) return null;
  const text = await answer.text();
  if (text === last || isHeld(part)) return last;
  const known = ids(part);
  part.innerHTML = text;
  for (const row of part.querySelectorAll("[data-id]")) {
    if (!known.has(row.dataset.id)) row.classList.add("fresh");
  }
  tellMoments(part);
  return text;
}

async function follow(part) {
  let last = "";
  while (part.isConnected && !part.querySelector("[data-done]")) {
    await new Promise((resolve) => setTimeout(resolve, Number(part.dataset.every)));
    if (document.hidden) continue;
    try {
      const told = await renew(part, last);
      if (told === null) return;
      last = told;
    } catch {
      // The network is away for a moment; it is asked again.
    }
  }
}

for (const part of document.querySelectorAll("[data-follow]")) follow(part);
