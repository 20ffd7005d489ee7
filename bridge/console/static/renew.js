// Parts of a page that change by themselves, <… id="x" data-renew="SECONDS" data-lost="…">: the page,
// or what data-src names, is fetched again while somebody looks at it, and the part put in the old
// one's place. It ends once the part says no seconds any more.
import { tellMoments } from "./console.js";

const LONGEST_S = 30;

function later(id, seconds) {
  setTimeout(() => renew(id, seconds), seconds * 1000);
}

async function renew(id, seconds) {
  const old = document.getElementById(id);
  if (!old) return;
  if (document.hidden) return later(id, seconds);
  let fresh;
  try {
    const answer = await fetch(old.dataset.src || location.href, { headers: { "X-Live": "1" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    fresh = page.getElementById(id);
  } catch {
    fresh = null;
  }
  if (!fresh) {
    lost(old);
    return later(id, Math.min(seconds * 2, LONGEST_S));
  }
  if (old.contains(document.activeElement)) return later(id, seconds);
  tellMoments(fresh);
  old.replaceWith(fresh);
  if (fresh.dataset.renew) later(id, Number(fresh.dataset.renew));
}

function lost(part) {
  if (!part.dataset.lost || part.querySelector(".lost")) return;
  const told = document.createElement("p");
  told.className = "lost alert alert-warning";
  told.setAttribute("role", "status");
  told.textContent = part.dataset.lost;
  part.prepend(told);
}

for (const part of document.querySelectorAll("[data-renew]")) later(part.id, Number(part.dataset.renew));
