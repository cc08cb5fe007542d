// A forgotten password: have a code sent, and enter it on the next page. The
// answer is the same for everybody, so nobody learns here who has an account.

import { element, leave, told } from "./page.js";
import { ask } from "./api.js";
import { run } from "./form.js";

if (told.name) element("identifier").value = told.name;
element("identifier").focus();
run(element("forgot"), {
  send: ({ identifier }) => ask("POST", "auth/password/forgot", { identifier }),
  done: (_, { identifier }) => leave("reset", { to: identifier.trim().toLowerCase() }),
});
