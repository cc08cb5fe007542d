// A name for a device, made out of what its browser says of itself.
//
//     Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like
//     Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0      "Edge, Windows"
//
// Every browser claims to be all those before it, so the order matters: who
// copied last is looked for first. Anything can be claimed, so this is for
// recognising one's own devices and proves nothing; it is shown as text.

const BROWSERS = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChrome\/|\bCriOS\/|\bChromium\/|\bHeadlessChrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS = [
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bLinux\b|\bX11\b/, "Linux"],
];
const MAX_CHARS = 40;

/** Return a name that a person recognises, "" if nothing was said. */
export function deviceName(userAgent) {
  const found = [BROWSERS, SYSTEMS].map(
    (table) => table.find(([pattern]) => pattern.test(userAgent))?.[1],
  );
  const name = found.filter(Boolean).join(", ");
  if (name) return name;
  const program = userAgent.split(" ")[0].replace("/", " ");
  return program.length > MAX_CHARS ? `${program.slice(0, MAX_CHARS)}…` : program;
}
