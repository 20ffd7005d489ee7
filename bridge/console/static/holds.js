// Chooses all that stand on the page at once.
const every = document.getElementById("every");
if (every) {
  every.hidden = false;
  every.addEventListener("change", () => {
    for (const one of document.querySelectorAll("input[name=id]")) one.checked = every.checked;
  });
}
