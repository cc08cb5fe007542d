// What scripts say, in the language of their page.
//
// Sentences are in the file of the language; numbers, durations and times are
// worded by the browser, which knows the plurals of every language (ECMA-402).

const language = document.documentElement.lang;
const { script, fields, problems } = (await import(`./text.${language}.js`)).default;
document.documentElement.classList.add("runs"); // see .stalled in style.css

/** Return a sentence, its places ($name) filled in once. */
export function say(key, places = {}) {
  return script[key].replace(/\$([a-z]+)/g, (_, name) => places[name]);
}

/** Return what to tell of a refusal; unknown ones speak for themselves. */
export function explain({ code, detail }) {
  return script[code] ?? problems[code] ?? detail;
}

/** Return what is wrong with a field; else the server's own sentence. */
export function fault({ code, message }) {
  return fields[code] ?? message;
}

/** Return a duration, rounded up: "40 seconds", "3 Minuten". */
export function lasting(seconds) {
  if (seconds < 60) return counted(seconds, "second");
  if (seconds < 3600) return counted(Math.ceil(seconds / 60), "minute");
  return counted(Math.ceil(seconds / 3600), "hour");
}

/** Return how long ago a moment was: "5 minutes ago", "gestern". */
export function ago(at) {
  const seconds = Math.max(0, Date.now() / 1000 - at);
  if (seconds < 60) return say("just_now");
  const [unit, length] = [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ].find(([, each]) => seconds >= each);
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return words.format(-Math.floor(seconds / length), unit);
}

/** Return a moment as date and time. */
export function moment(at) {
  const style = { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language, style).format(at * 1000);
}

function counted(value, unit) {
  const style = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(language, style).format(value);
}
