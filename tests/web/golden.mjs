/*
 * The steps of a scene as golden files have them: the words of its events, made the same wherever mm/ runs. What depends
 * on the machine is left out, which frames there are; and lines that differ by constant numbers become one.
 */

/* How single pages come to be there is not what scenes are about: a populated area is thousands of such lines. */
const LEFT_OUT = /^(set|fault|call|return) /;

const masked = (line) => line.replace(/ (entry|over) [0-9a-f]+/g, "");
const NUMBER = /\b[0-9a-f]{4,16}\b/g;
const skeleton = (line) => line.replace(NUMBER, "#");
const numbers = (line) => (line.match(NUMBER) ?? []).map((word) => BigInt(`0x${word}`));
const signed = (delta) => `${delta < 0n ? "-" : "+"}${(delta < 0n ? -delta : delta).toString(16)}`;

/* What is added to each number of @a to have @b; null when they are not lines of one kind. */
function deltas(a, b) {
    if (skeleton(a) !== skeleton(b) || !numbers(a).length) return null;
    const before = numbers(a);
    return numbers(b)
        .map((n, i) => signed(n - before[i]))
        .join(" ");
}

function fold(lines) {
    const out = [];
    for (let i = 0; i < lines.length; ) {
        const step = i + 1 < lines.length ? deltas(lines[i], lines[i + 1]) : null;
        let n = 1;
        while (step && i + n < lines.length && deltas(lines[i + n - 1], lines[i + n]) === step) n++;
        if (n < 4) n = 1;
        out.push(lines[i]);
        if (n > 1) out.push(`    and ${n - 1} more, each ${step}`);
        i += n;
    }
    return out;
}

/* @story: [{line, words}], a command and the words of its events and warnings. */
export function goldenText(story) {
    return story
        .map(({ line, words }) => [`> ${line}`, ...fold(words.filter((word) => !LEFT_OUT.test(word)).map(masked))])
        .flat()
        .map((line) => `${line}\n`)
        .join("");
}
