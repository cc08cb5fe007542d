// What every page does with its address, before anything is shown.
//
//     /verify#token=...&name=alice     a mailed link
//     /verify#to=alice@example.org     where a code went, from page to page
//     /login#notice=reset              which of our sentences to greet with
//
// What pages hand on to each other stands in the fragment, which browsers send
// to nobody; nothing is stored. A token leaves the address bar at once, so that
// it stays out of histories and screenshots.
//
// A page shows by it what it is about, before it is seen for the first time:
//
//     data-if="link"  data-if="no to"  data-if="reset"      shown only then
//     data-told="to"                                        says where the code went
//
// Anybody can make up a link, so nothing of it is believed: a value is either
// one of a closed list or has the shape of an identifier, and it is shown as
// text. Whoever makes up a link cannot put sentences of their own on our page.

export const SHAPES = {
  name: /^[a-z][a-z0-9._-]{2,31}$/,
  id: /^[0-9a-f-]{36}$/,
  to: /^(?:[a-z][a-z0-9._-]{2,31}|[^\s@<>"]{1,64}@[a-z0-9.-]{3,253}|\+?\(?[0-9][0-9 ().-]{5,30})$/,
  token: /^[A-Za-z0-9._~-]{16,512}$/,
  notice: /^(?:again|confirmed|ended|needed|registered|reset|unproven)$/,
  back: /^(?:contacts|password|sessions)$/, // parts of the account
};
SHAPES.or = SHAPES.to;
const LINK = "link"; // kept by the history: here was a link, whose token is gone
const opened = location.hash || (history.state === LINK ? "#notice=again" : "");
const given = new URLSearchParams(opened.slice(1));

/** What came in the fragment: values of the right shape, by name. */
export const told = Object.fromEntries(
  [...given].filter(([name, value]) => Object.hasOwn(SHAPES, name) && SHAPES[name].test(value)),
);

/** Whether this is a mailed link; it names the account. */
export const link = Boolean(told.token && told.name);

if (given.has("token")) {
  history.replaceState(LINK, "", location.pathname + location.search);
}

const facts = new Set([...Object.keys(told), told.notice]);
if (link) facts.add("link");
else if (given.has("token")) facts.add("broken");
for (const each of document.querySelectorAll("[data-if]")) {
  const [fact, negated] = each.dataset.if.split(" ").reverse();
  each.hidden = facts.has(fact) === Boolean(negated);
}
for (const each of document.querySelectorAll("[data-told]")) {
  each.textContent = told[each.dataset.told] ?? "";
}

// The next link may be opened in this same tab. Also, a page that comes back
// from the browser's memory may show what is over.
addEventListener("hashchange", () => {
  if (/[#&](token|to|back)=/.test(location.hash)) location.reload();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// Neither another language nor a jump to the content loses the fragment.
for (const link of document.querySelectorAll("a[hreflang]")) {
  link.addEventListener("click", () => (link.hash = opened));
}
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("main").focus();
});

/**
 * Forms that were sent before their script was there; `run` catches up. Not even
 * without this would a browser send one: they are of method "dialog".
 */
export const early = new Set();
addEventListener("submit", (event) => {
  event.preventDefault();
  early.add(event.target);
});

/** Return the element with this id. */
export function element(id) {
  return document.getElementById(id);
}

/** Make an element with a text in it, which never becomes markup. */
export function written(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/** Open a page of ours; the promise never comes true, for this one is over. */
export function leave(page, fragment = {}) {
  const hash = new URLSearchParams(fragment).toString();
  location.assign(new URL(`../../${page}${hash && `#${hash}`}`, import.meta.url));
  return new Promise(() => {});
}
