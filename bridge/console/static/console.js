// Moments in the zone of whoever reads, unless they chose one; without this they stand in UTC.
const words = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
});

export function tellMoments(within) {
  for (const told of within.querySelectorAll("time[datetime]:not([data-told])")) {
    const at = new Date(told.dateTime);
    told.title = `${told.textContent}`;
    told.textContent = words.format(at);
  }
}

tellMoments(document);
