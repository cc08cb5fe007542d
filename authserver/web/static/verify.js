// Proving an address: by the code that came, or by the link beside it.
//
// The link asks for the password too, so that nobody completes an account that
// a stranger opened with their address. Opening it spends nothing; only the
// button sends the token. A code may have gone to two places, an address and a
// telephone; either one will do, so it is tried for both.

import { element, leave, link, told } from "./page.js";
import { ask } from "./api.js";
import { sendAgain, takeCode } from "./code.js";
import { run, tell } from "./form.js";
import "./password.js";
import { explain } from "./words.js";

async function confirmed() {
  // Whoever is logged in here proved a change of theirs.
  const me = link ? await ask("GET", "auth/me") : { ok: false };
  if (me.ok && me.payload.user.username === told.name) return leave("account");
  return leave("login", { notice: "confirmed", ...(told.name && { name: told.name }) });
}

function identifiers() {
  const typed = element("identifier").value;
  return (told.to ? [told.to, told.or] : [typed]).filter(Boolean);
}

function registration() {
  return told.id && { id: told.id };
}

async function prove({ otp }) {
  let answer;
  for (const identifier of identifiers()) {
    answer = await ask("POST", "auth/verify-otp", { identifier, otp, ...registration() });
    if (answer.code !== "invalid_code") break;
  }
  return answer;
}

if (link) {
  element("username").value = told.name;
  element("password").focus();
} else if (told.to) {
  element("identifier").required = false;
  element("otp").focus();
} else {
  element("identifier").value = told.name ?? "";
  element(told.name ? "otp" : "identifier").focus();
}

takeCode(element("otp"));
run(element("code-form"), {
  send: prove,
  done: confirmed,
  blame: { invalid_code: ["otp", "wrong_code"] },
});
sendAgain(element("again"), element("code-outcome"), () =>
  identifiers().map((identifier) => ({ identifier, purpose: "verify", ...registration() })),
);
run(element("link-form"), {
  send: ({ password }) => ask("POST", "verify/confirm", { token: told.token, password }),
  done: confirmed,
  blame: { invalid_credentials: ["password", "wrong_password"] },
  refused: (answer) => {
    if (answer.code !== "invalid_code" && answer.code !== "username_taken") return false;
    element("link-form").remove();
    element("link-lead").remove();
    const outcome = element("link-outcome");
    tell(outcome, explain({ ...answer, code: `link_${answer.code}` }), "bad");
    outcome.focus();
    return true;
  },
});
