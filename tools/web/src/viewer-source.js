/* Lines of mm/ around the place where an event is told of. */

const AROUND = 5;

/* The lines of the statement that @line (counted from 1) is part of: from the one with TRACE on, to the semicolon. */
function statement(lines, line) {
    let first = line - 1;
    let last = line - 1;
    while (first > 0 && first > line - 8 && !/\b[A-Z]*TRACE\w*\(/.test(lines[first])) first--;
    if (!/\b[A-Z]*TRACE\w*\(/.test(lines[first])) return { first: line - 1, last: line - 1 };
    for (last = first; last + 1 < lines.length && !/;\s*$/.test(lines[last]);) last++;
    return last >= line - 1 ? { first, last } : { first: line - 1, last: line - 1 };
}

/* The name of the function that line index @at is in: the nearest line above that starts in the first column. */
function functionAround(lines, at) {
    for (let i = at; i >= 0; i--) {
        const match = /^[a-z][\w\s*]*?(\w+)\(/.exec(lines[i].replace(/__attribute__\(\(.*?\)\)\s*/g, ""));
        if (match && !lines[i].trimEnd().endsWith(";")) return match[1];
    }
    return "";
}

/*
 * Of "pt_move.c:376": {file, line, name, lines: [{number, text, lit}]}; null where the source is not there. @sources:
 * file names and texts.
 */
export function sourceAround(sources, place) {
    const [file, number] = (place ?? "").split(":");
    const text = sources?.[file] ?? sources?.[file.split("/").at(-1)];
    const lines = text?.split("\n");
    const line = Number(number);
    if (!lines || !(line >= 1 && line <= lines.length)) return null;
    const { first, last } = statement(lines, line);
    const from = Math.max(0, first - AROUND);
    const to = Math.min(lines.length - 1, last + AROUND);
    const shown = [];
    for (let i = from; i <= to; i++) shown.push({ number: i + 1, text: lines[i], lit: i >= first && i <= last });
    return { file, line, name: functionAround(lines, first), lines: shown };
}
