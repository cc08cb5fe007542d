// What the pages behind mailed links share.
//
//     /verify#token=...&name=alice
//
// The token stands in the fragment, which browsers send to nobody. It is read
// once and leaves the address bar at once, so that it stays out of histories and
// screenshots. Opening a page spends nothing; only its button sends the token.
//
// The name is shown as text and only if it is a user name: whoever makes up a
// link cannot put sentences of their own on our page.

const USER_NAME = /^[a-z][a-z0-9._-]{2,31}$/;
const INCOMPLETE = "This link is not complete. Open it again, from the mail.";
const UNREACHABLE = "The server cannot be reached. Try again in a moment.";

/**
 * Run a page with one form.
 *
 * The form posts the token and its password field to `path`, relative so that
 * it works below any folder. `refusals` words problems that another try may
 * mend, `ends` those that end it here; other problems speak for themselves.
 */
export function run({ path, done, refusals, ends }) {
  const { token, name } = readFragment();
  const form = document.querySelector("form");
  const password = form.querySelector("#password");
  const show = form.querySelector("#show");
  // The next link may be opened in this same tab.
  addEventListener("hashchange", () => location.reload());
  if (!token || !USER_NAME.test(name)) {
    finish(form, INCOMPLETE);
    return;
  }
  form.querySelector("#username").value = name;
  form.hidden = false;
  password.focus();
  show.addEventListener("change", () => {
    password.type = show.checked ? "text" : "password";
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    complain(form, "");
    const problem = await post(path, { token, [password.name]: password.value });
    button.disabled = false;
    if (problem === null) {
      finish(form, done);
    } else if (problem.code in ends) {
      finish(form, ends[problem.code]);
    } else {
      complain(form, refusals[problem.code] ?? sentence(problem));
    }
  });
}

function readFragment() {
  const parts = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  return { token: parts.get("token"), name: parts.get("name") ?? "" };
}

/** Return the problem that the server answers with, or null if it agreed. */
async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) return null;
    const problem = await answer.json();
    return { ...problem, wait: Number(answer.headers.get("Retry-After")) };
  } catch {
    return { detail: UNREACHABLE };
  }
}

function sentence(problem) {
  if (problem.code === "too_many_requests") {
    const minutes = Math.ceil(problem.wait / 60);
    return `Too many tries. Wait ${minutes === 1 ? "a minute" : `${minutes} minutes`}.`;
  }
  return problem.errors?.[0]?.message ?? problem.detail;
}

function complain(form, text) {
  const password = form.querySelector("#password");
  form.querySelector("#fault").textContent = text;
  password.setAttribute("aria-invalid", String(text !== ""));
  if (text) password.select();
}

function finish(form, text) {
  form.remove();
  document.querySelector("#outcome").textContent = text;
}
