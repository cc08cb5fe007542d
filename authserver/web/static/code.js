// Codes of six digits: typed, pasted with the words around them, or filled in
// by the telephone. The sixth digit sends them by itself.
//
// One input, not six: screen readers, password managers, paste and the keys for
// editing all know what to do with one.

import { ask } from "./api.js";
import { occupy, refuse, tell } from "./form.js";
import { say } from "./words.js";

const LENGTH = 6;
const CODE = /\d(?:[ -]?\d){5}(?!\d)/; // "Your code is 123 456."

/** Make an input one for codes. */
export function takeCode(input) {
  let sent = "";
  input.addEventListener("input", () => {
    const text = input.value.normalize("NFKC"); // also full-width digits
    const digits = (CODE.exec(text)?.[0] ?? text).replace(/\D/g, "").slice(0, LENGTH);
    if (input.value !== digits) input.value = digits;
    const complete = digits.length === LENGTH && digits !== sent;
    sent = digits;
    if (complete) input.form.requestSubmit();
  });
}

/** Let a button send the code again; `bodies` returns what to ask with. */
export function sendAgain(button, outcome, bodies, path = "auth/otp") {
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    tell(outcome, "");
    const release = occupy(button);
    const answers = await Promise.all(bodies().map((body) => ask("POST", path, body)));
    release();
    const refused = answers.find((answer) => !answer.ok);
    if (refused) refuse(refused, button, outcome);
    else tell(outcome, say("sent_again"), "good");
  });
}
