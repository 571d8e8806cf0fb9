// How hard a new password is to guess, as far as a page can tell. What is typed stays in the page:
// no address is asked, so nothing can be logged, throttled or held up. What this cannot know, such
// as the list of common passwords, the server checks when the form is sent.

// Characters after these add nothing: by then a password is strong, or repeats itself.
const MOST = 72;
// Guesses as powers of two: below the first it is weak, from the last one on strong. Guessing at a
// stolen database costs some ms of a processor each (Argon2id): 2^50 of them are thousands of years
// of a thousand processors.
const LEVELS = [34, 42, 50];
const WORDS = ["", "Weak", "Fair", "Good", "Strong"];
const PAUSE_MS = 400;

// Words that many passwords are made of; the server knows 20,000 whole ones.
const COMMON = ("password passwort parola motdepasse contrasena secret private access welcome letmein "
  + "login admin administrator root user guest master system server internet computer changeme "
  + "default test testing temp hello iloveyou loveyou love lovely sweet angel princess queen king "
  + "prince baby girl babygirl sunshine summer winter spring autumn monday tuesday wednesday "
  + "thursday friday saturday sunday january february march april june july august september "
  + "october november december football baseball basketball soccer hockey liverpool chelsea arsenal "
  + "barcelona yankees superman batman spiderman pokemon starwars matrix monkey dragon tiger lion "
  + "eagle horse dolphin butterfly flower rose purple orange yellow green black white silver golden "
  + "diamond crystal rainbow shadow hunter killer ninja warrior ranger cowboy knight legend hero "
  + "freedom forever heaven jesus christ blessed lucky magic mustang ferrari porsche mercedes harley "
  + "toyota samsung google facebook linkedin apple chocolate cookie cheese pepper banana coffee "
  + "ginger buster charlie jordan michael jennifer jessica ashley daniel andrew joshua matthew "
  + "thomas robert james john david william george alexander anthony nicole michelle samantha maria "
  + "family friend mother father school student teacher doctor music guitar money success power "
  + "trustno whatever nothing something please thunder phoenix galaxy london america canada mexico "
  + "company office business project security secure agent memory playbook").split(" ");
const KEYS = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm",
  "azertyuiop", "qsdfghjklm", "wxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn", "qazwsxedcrfvtgb",
  "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "!@#$%^&*()"];
const ROWS = [...KEYS, ...KEYS.map((row) => [...row].reverse().join(""))];
const STANDS_FOR = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t", "@": "a", $: "s", "!": "i" };

const is = {
  digit: (sign) => /\d/.test(sign),
  letter: (sign) => /\p{L}/u.test(sign),
  upper: (sign) => sign !== sign.toLowerCase(),
};

// What a sign is worth beside the one before it: letters in a row are mostly words, and a word of
// five letters is one of some thousands.
function bitsOf(signs, at) {
  const [before, sign, after] = [signs[at - 1], signs[at], signs[at + 1]];
  if (sign === before) return 1;
  const isLetter = (other) => other !== undefined && is.letter(other);
  if (is.digit(sign)) return sign in STANDS_FOR && isLetter(before) && isLetter(after) ? 3 : 3.3;
  if (!is.letter(sign)) return sign === " " || sign === "-" ? 2.5 : 5;
  if (!isLetter(before) && !(before in STANDS_FOR && isLetter(signs[at - 2]))) return 4.7;
  return is.upper(sign) === is.upper(before ?? sign) ? 2.5 : 4.5;
}

// The parts of a password that are no surprise: [start, end, bits, what they are].
function* known(signs, own) {
  const plain = signs.map((sign) => sign.toLowerCase());
  const read = plain.map((sign) => STANDS_FOR[sign] ?? sign);
  function* places(word, bits, what) {
    for (let at = 0; at + word.length <= plain.length; at += 1) {
      const as = (text) => [...word].every((sign, step) => text[at + step] === sign);
      const isPlain = as(plain);
      if (!isPlain && !as(read)) continue;
      const spelled = signs.slice(at, at + word.length).some(is.upper) ? 1 : 0;
      yield [at, at + word.length, bits + spelled + (isPlain ? 0 : 2), what];
    }
  }
  for (const word of own) yield* places(word, 2, "your name or address, or the name of this site");
  for (const word of COMMON) yield* places(word, 8, "words that many passwords are made of");
  for (let from = 0; from < plain.length; from += 1) {
    for (const row of ROWS) {
      const start = row.indexOf(plain[from]);
      let length = 1;
      while (start >= 0 && from + length < plain.length
        && row[start + length] === plain[from + length]) length += 1;
      if (length > 2) yield [from, from + length, 5 + Math.log2(length), "keys that lie side by side"];
    }
    const step = (at) => plain[at]?.codePointAt(0) - plain[at - 1]?.codePointAt(0);
    let end = from + 1;
    while (Math.abs(step(end)) === 1 && step(end) === step(from + 1)) end += 1;
    if (end - from > 2) yield [from, end, 4 + Math.log2(end - from), "letters or digits in their order"];
    for (let size = 1; from + 2 * size <= plain.length; size += 1) {
      let until = from + size;
      while (until < plain.length && plain[until] === plain[until - size]) until += 1;
      if (until - from < Math.max(3, 2 * size)) continue;
      yield [from, until, { of: [from, from + size], times: (until - from) / size },
        "the same again and again"];
    }
    const year = plain.slice(from, from + 4).join("");
    if (/^(19|20)\d\d$/.test(year)) yield [from, from + 4, 6, "a year"];
  }
}

// The cheapest way to build signs[0..n]: for each place the bits and the last part that leads there.
function cheapest(signs, own) {
  const parts = [...known(signs, own)].sort((one, other) => one[1] - other[1]);
  const best = [{ bits: 0 }];
  const between = (from, to) => {
    let bits = 0;
    for (let at = from; at < to; at += 1) bits += bitsOf(signs, at);
    return bits;
  };
  let next = 0;
  for (let end = 1; end <= signs.length; end += 1) {
    best[end] = { bits: best[end - 1].bits + bitsOf(signs, end - 1), from: end - 1 };
    for (; next < parts.length && parts[next][1] === end; next += 1) {
      const [from, , cost, what] = parts[next];
      const alone = typeof cost === "number" ? cost
        : Math.min(between(...cost.of), best[cost.of[1]].bits - best[from].bits) + Math.log2(cost.times);
      const bits = best[from].bits + Math.max(alone, 1);
      if (bits < best[end].bits) best[end] = { bits, from, what };
    }
  }
  return best;
}

/**
 * How hard a password is to guess.
 *
 * @param {string} password - what is typed
 * @param {string[]} own - words its owner is known by, in lower case, three letters or more each
 * @param {number} least - characters the server asks for
 * @returns {{level: number, said: string}} 0 where nothing is typed, then 1 (weak) to 4 (strong)
 */
export function estimate(password, own, least) {
  const all = [...password];
  if (!all.length) return { level: 0, said: "" };
  if (all.length < least) {
    const left = least - all.length;
    return { level: 1, said: `Too short: ${left} more ${left === 1 ? "character" : "characters"}.` };
  }
  if (all.every(is.digit)) return { level: 1, said: "Weak: only digits, which is refused." };
  const signs = all.slice(0, MOST);
  const best = cheapest(signs, own);
  const level = 1 + LEVELS.filter((bits) => best.at(-1).bits >= bits).length;
  const covered = new Map();
  for (let end = signs.length; end > 0; end = best[end].from) {
    const { what, from } = best[end];
    if (what) covered.set(what, (covered.get(what) ?? 0) + end - from);
  }
  const [why] = [...covered].sort((one, other) => other[1] - one[1])[0] ?? [];
  const advice = level === 4 ? "" : " Add another word.";
  return { level, said: `${WORDS[level]}${why && advice ? `: it holds ${why}` : ""}.${advice}` };
}

function wordsOf(text) {
  const parts = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return [text.toLowerCase(), ...parts].filter((word) => word.length > 2);
}

function show(box, field) {
  const others = [...field.form.elements].filter((f) => /^(username|name|email)$/.test(f.name));
  const own = [box.dataset.own, ...others.map((other) => other.value)].flatMap(wordsOf);
  const { level, said } = estimate(field.value, [...new Set(own)], Number(box.dataset.least));
  box.querySelector("meter").value = level;
  box.dataset.level = level;
  clearTimeout(box.said);
  // Read out when somebody pauses, not at each key.
  box.said = setTimeout(() => {
    const line = box.querySelector("[aria-live]");
    if (line.textContent !== said) line.textContent = said;
  }, PAUSE_MS);
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  for (const box of form?.querySelectorAll("[data-strength]") ?? []) {
    show(box, document.getElementById(box.dataset.strength));
  }
});
