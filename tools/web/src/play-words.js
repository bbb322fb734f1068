/* Commands as they are typed, and what is said about them and about what they led to. */
import { hex, typed } from "./play-space.js";

const length = ({ start, end }) => typed(end - start);

export const commands = {
    map: (start, bytes) => `mmap ${hex(start)} ${typed(bytes)} rw`,
    populate: (area) => `populate ${hex(area.start)} ${length(area)}`,
    unmap: (area) => `munmap ${hex(area.start)} ${length(area)}`,
    protect: (area, rights) => `mprotect ${hex(area.start)} ${length(area)} ${rights}`,
    resize: (area, bytes) => `mremap ${hex(area.start)} ${length(area)} ${typed(bytes)} maymove`,
    move: (area, to) => `mremap ${hex(area.start)} ${length(area)} ${length(area)} maymove,fixed ${to === "" ? "" : hex(to)}`,
    realign: (mode) => `realign ${mode}`,
};

export const modes = [
    ["off", "as Linux before the series: by whole entries only where both places are aligned to them"],
    ["pmd", "as Linux with it: the start is widened, at the PMD"],
    ["full", "at every level, at both ends"],
];

const errors = {
    "-1": "-EPERM",
    "-11": "-EAGAIN",
    "-12": "-ENOMEM",
    "-13": "-EACCES",
    "-14": "-EFAULT",
    "-17": "-EEXIST",
    "-22": "-EINVAL",
    "-75": "-EOVERFLOW",
};

/* The same commands with another mode for all of them. */
export const again = (lines, mode) => [commands.realign(mode), ...lines.filter((line) => !/^realign\b/.test(line))];

/* The setting in force, by the event that says so. */
export const realignOf = (state) => state.find(({ event }) => event === "begin")?.realign ?? "full";

const moved = ({ pte, pmd, pud, pgd }) =>
    [
        [pgd, "PGD"],
        [pud, "PUD"],
        [pmd, "PMD"],
        [pte, "PTE"],
    ]
        .filter(([n]) => n)
        .map(([n, name]) => `${n} ${name}`)
        .join(", ");

/* In a few words, what a command led to. */
export function summary({ events, note, panic, warnings }) {
    if (panic) return "panic";
    const refused = events.findLast(({ event }) => event === "refused");
    const moves = events.filter(({ event }) => event === "moved").map(moved);
    const words = [];

    if (refused) words.push(`refused: ${refused.words} (${errors[refused.errno] ?? refused.errno})`);
    else if (moves.length) words.push(`moved ${moves.filter(Boolean).join("; ") || "nothing"}`);
    else if (note.startsWith("-")) words.push(`refused: ${errors[note] ?? note}`);
    else if (note) words.push(note);
    if (warnings.length) words.push(warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`);
    return words.join(", ");
}
