// What scripts say, in the language of their page.
//
// Sentences are in the file of the language; numbers and durations are worded by
// the browser, which knows the plurals of every language (ECMA-402).

export const language = document.documentElement.lang;
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

function counted(value, unit) {
  const style = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(language, style).format(value);
}
