// Figures and instants as people read them, in the time zone of whoever looks.

const HOURS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const CLOCK = new Intl.DateTimeFormat(undefined, { ...HOURS, second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const MINUTE = new Intl.DateTimeFormat(undefined, HOURS);

export function clock(instant) {
  return CLOCK.format(new Date(instant));
}

// The time, and the day where it is another one than today's.
export function moment(instant, now) {
  const [at, today] = [new Date(instant), new Date(now)];
  const day = at.toDateString() === today.toDateString() ? "" : `${DAY.format(at)}, `;
  return day + MINUTE.format(at);
}

// A span until something, rounded up: it says zero only when the time has come.
export function countdown(ms) {
  const left = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const days = Math.floor(left / 86400);
  const rest = `${two(Math.floor((left % 86400) / 3600))}:${two(Math.floor((left % 3600) / 60))}:${two(left % 60)}`;
  return days ? `${days} d ${rest}` : rest;
}

export function took(from, to) {
  const ms = new Date(to) - new Date(from);
  return ms < 10000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}

// A rule's own text, with a minus sign and contracts as on a ticket.
export function figure(said) {
  return said.replace(/CON(\.[A-Z0-9]+){4}/g, contract).replace(/(^|\s)-(?=\d)/g, "$1−");
}

export function money(said) {
  if (said === null) return "unknown";
  const [whole, part] = said.replace("-", "").split(".");
  const sign = said.startsWith("-") ? "−" : Number(said) > 0 ? "+" : "";
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${part}`;
}

// CON.F.US.MNQ.Z26 is MNQ Z26 on every ticket.
export function contract(id) {
  const parts = id.split(".");
  return parts.length === 5 ? `${parts[3]} ${parts[4]}` : id;
}

export function title(rule) {
  const said = rule.replaceAll("_", " ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}
