// A form: what is wrong stands beside its field, in words.
//
//     press -> empty fields? -> busy -> sent -> done
//                                        |----> refused: complaints, focus
//                                        '----> too early: the button counts down
//
// Each input has a line below it (`<id>-note`) that holds a hint, and in its
// stead a complaint. The first field at fault gets the focus, so that a screen
// reader reads the field and its complaint. What was typed always stays.
//
// A button at work is not `disabled`: that would lose the focus. It says that it
// is, and a second press does nothing.

import { early } from "./page.js";
import { explain, fault, lasting, say } from "./words.js";

const hints = new WeakMap();

/** Write into the line below an input: a complaint, praise, or its hint again. */
export function note(input, text = "", kind = "") {
  const line = document.getElementById(`${input.id}-note`);
  if (!line) return;
  if (!hints.has(line)) hints.set(line, line.textContent);
  const wanted = text || hints.get(line); // written anew, it is read out anew
  if (line.textContent !== wanted) line.textContent = wanted;
  line.className = `note ${kind}`;
  input.setAttribute("aria-invalid", String(kind === "bad"));
}

/** Tell what became of it, where a screen reader hears it. */
export function tell(place, text, kind = "") {
  place.textContent = text;
  place.className = `outcome ${kind}`;
}

/**
 * Run a form. `send` takes its values and returns what `ask` does; `done` takes
 * the payload and the values. `blame` names the field for a code that has none
 * of its own, and perhaps a sentence that is clearer here; `refused` may deal
 * with a refusal otherwise, and returns true if it did.
 */
export function run(form, { send, done, blame = {}, refused = () => false }) {
  const button = form.querySelector(".main");
  const outcome = form.querySelector("[role=status]");
  const inputs = [...form.querySelectorAll("input")];
  for (const input of inputs) input.addEventListener("input", () => note(input));
  form.addEventListener("reset", () => inputs.forEach((input) => note(input)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") return;
    tell(outcome, "");
    if (lacks(inputs)) return;
    const short = inputs.filter(isShort).map((each) => [each, fault({ code: "not_a_code" })]);
    if (complain(short)) return;
    const release = occupy(button);
    conceal(inputs);
    const values = Object.fromEntries(
      inputs.filter((each) => each.value).map((each) => [each.name, each.value]),
    );
    const answer = await send(values);
    if (answer.ok) await done(answer.payload, values);
    release();
    if (answer.ok || refused(answer, values)) return;
    const [name, sentence = ""] = blame[answer.code] ?? [];
    const found = answer.faults.map((each) => [form.elements[each.field], fault(each)]);
    if (name && !found.length) {
      found.push([form.elements[name], sentence ? say(sentence) : explain(answer)]);
    }
    if (!complain(found)) refuse(answer, button, outcome);
  });
  if (early.has(form)) form.requestSubmit();
}

/** Complain of those that must be filled in and are empty; returns if there are. */
export function lacks(inputs) {
  return complain(inputs.filter(isMissing).map((each) => [each, say("required")]));
}

/** Tell why something was refused, and count down to the next try. */
export function refuse(answer, button, outcome) {
  if (!answer.wait) {
    tell(outcome, answer.faults.map(fault)[0] ?? explain(answer), "bad");
    return;
  }
  const time = lasting(answer.wait);
  const told = `${explain(answer)} ${say("again_in", { time })}`;
  tell(outcome, told, "bad");
  countDown(button, answer.wait, () => {
    if (outcome.textContent === told) tell(outcome, say("again_now"));
  });
}

/** Show that a button is at work; returns what ends that. */
export function occupy(button) {
  const label = button.textContent;
  button.textContent = button.dataset.busy ?? label;
  button.ariaBusy = button.ariaDisabled = "true";
  return () => {
    button.textContent = label;
    button.ariaBusy = button.ariaDisabled = null;
  };
}

// The seconds are for the eye alone: read out, each would interrupt the last.
function countDown(button, seconds, over) {
  const end = Date.now() + 1000 * seconds;
  const left = document.createElement("span");
  left.className = "left";
  left.ariaHidden = "true";
  button.append(left);
  button.ariaDisabled = "true";
  const tick = () => {
    const rest = Math.ceil((end - Date.now()) / 1000);
    left.textContent = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
    if (rest > 0) return;
    clearInterval(timer);
    left.remove();
    button.ariaDisabled = null;
    over();
  };
  const timer = setInterval(tick, 250);
  tick();
}

function isMissing(input) {
  const blanks = input.closest(".secret"); // count in a password
  return input.required && !(blanks ? input.value : input.value.trim());
}

// A try at a code counts: one that cannot be right is not sent.
function isShort(input) {
  return input.value && input.value.length < input.minLength;
}

function complain(found) {
  const visible = found.filter(([input]) => input && !input.closest("[hidden]"));
  for (const [input, text] of visible) note(input, text, "bad");
  const first = visible.map(([input]) => input).reduce(upper, null);
  first?.focus();
  first?.select();
  return visible.length > 0;
}

// The server complains in the order of its own fields, not of the page's.
function upper(one, other) {
  const follows = one?.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
  return follows ? one : other;
}

// A password that is sent is hidden again, or browsers keep it as plain text.
function conceal(inputs) {
  for (const input of inputs) {
    const secret = input.closest(".secret");
    if (input.type === "text") secret?.querySelector("button").click();
  }
}
