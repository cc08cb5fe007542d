// When something was, worded by the browser for the language of the page. Apart
// from `words.js`, as the log-in page shows no times and is to stay light.

import { language, say } from "./words.js";

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
