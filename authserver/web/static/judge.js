// A new password is judged while it is typed.
//
// The server's own rules judge, so the hint never says other than the answer
// will. It is a courtesy: when it cannot be had, or not now, nothing is said.

import { ask } from "./api.js";
import { note } from "./form.js";
import { fault, say } from "./words.js";

const PAUSE_MS = 400; // nobody is judged in the middle of a word

/** Judge what is typed into `input`; `others` returns the user's identifiers. */
export function judge(input, others = () => ({})) {
  let timer;
  let latest = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    latest += 1;
    if (input.value) timer = setTimeout(look, PAUSE_MS, latest);
  });
  // A password may be somebody's name, which is perhaps written afterwards.
  input.form.addEventListener("change", ({ target }) => {
    if (target !== input && input.value) look((latest += 1));
  });
  for (const over of ["submit", "reset"]) {
    input.form.addEventListener(over, () => {
      clearTimeout(timer);
      latest += 1;
    });
  }

  async function look(asked) {
    const body = { password: input.value, ...others() };
    const answer = await ask("POST", "auth/password/check", body);
    if (asked !== latest || !answer.ok) return;
    const { acceptable, errors } = answer.payload;
    if (acceptable) note(input, say("password_good"), "good");
    else note(input, fault(errors[0]));
  }
}
