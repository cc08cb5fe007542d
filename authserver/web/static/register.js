// Registering: the next page takes the code. What it must know, which
// registration and where the code went, travels in the fragment.

import { element, leave } from "./page.js";
import { ask } from "./api.js";
import { run } from "./form.js";
import { judge } from "./judge.js";
import "./password.js";

const form = element("register");

element("username").focus();
judge(element("password"), () => {
  const typed = ["username", "email", "phone"].map((name) => [name, element(name).value]);
  return Object.fromEntries(typed.filter(([, value]) => value));
});
run(form, {
  send: (values) => ask("POST", "auth/register", values),
  done: ({ user }) => {
    if (user.is_verified) return leave("login", { notice: "registered", name: user.username });
    const [to, or] = [user.email, user.phone].filter(Boolean);
    return leave("verify", { to, ...(or && { or }), id: user.id, name: user.username });
  },
  blame: {
    username_taken: ["username"],
    get contact_taken() {
      return [element("email").value ? "email" : "phone"];
    },
  },
});
