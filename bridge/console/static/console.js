// Moments in the zone of whoever reads; without this they stand there in UTC.
const words = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
});
for (const told of document.querySelectorAll("time[datetime]")) {
  const at = new Date(told.dateTime);
  told.title = `${told.textContent}`;
  told.textContent = words.format(at);
}
