// Codes of six digits: typed, pasted with the words around them, or filled in
// by the telephone. The sixth digit sends them by itself.
//
// One input, not six: screen readers, password managers, paste and the keys for
// editing all know what to do with one.

import { ask } from "./api.js";
import { lacks, occupy, refuse, tell } from "./form.js";
import { say } from "./words.js";

const LENGTH = 6;
const LINE = /^\s*\d(?:[ -]?\d){5}\s*$/m; // nothing else stands there
// "Your code is 123 456." But no part of alice123456, 123456@example.org, a number.
const ALONE = /(?<![\p{L}\p{N}_.@+-]|\d )\d(?:[ -]?\d){5}(?![\p{L}_@]|[ .-]?\d|[.-]\p{L})/u;

/** Make an input one for codes. */
export function takeCode(input) {
  let [before, sent] = ["", ""];
  input.addEventListener("beforeinput", () => (before = input.value));
  input.addEventListener("paste", (event) => {
    // An input has no lines: they are read before it joins them.
    const code = find(plain(event.clipboardData.getData("text")));
    if (!code) return;
    event.preventDefault();
    input.value = code;
    input.dispatchEvent(new Event("input"));
  });
  input.addEventListener("input", () => {
    const text = plain(input.value);
    const other = /[^\d\s-]/.test(text); // without a code in it, it changes nothing
    const digits = find(text) ?? (other ? before : text.replace(/\D/g, "").slice(0, LENGTH));
    if (input.value !== digits) input.value = digits;
    const complete = digits.length === LENGTH && digits !== sent;
    sent = digits;
    if (complete) input.form.requestSubmit();
  });
}

// What was wrong before says nothing of the code that comes now.
function empty(input) {
  input.value = "";
  input.dispatchEvent(new Event("input"));
  input.focus();
}

function find(text) {
  return (LINE.exec(text) ?? ALONE.exec(text))?.[0].replace(/\D/g, "");
}

function plain(text) {
  return text.normalize("NFKC"); // full-width digits, blanks of other widths
}

/** Let a button send the code again; `bodies` returns what to ask with. */
export function sendAgain(button, outcome, bodies, path = "auth/otp") {
  const whose = [...button.form.querySelectorAll("[name=identifier]")];
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    tell(outcome, "");
    if (lacks(whose)) return;
    const release = occupy(button);
    const answers = await Promise.all(bodies().map((body) => ask("POST", path, body)));
    release();
    const refused = answers.find((answer) => !answer.ok);
    if (refused) return refuse(refused, button, outcome);
    empty(button.form.elements.otp);
    return tell(outcome, say("sent_again"), "good");
  });
}
