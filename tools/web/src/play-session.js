/*
 * A session: the layout, which is a list of commands with what each led to, and the layouts before it and those that were
 * undone. Undoing starts with an empty address space and gives the commands that are left once more, when it has to.
 */
const isPrefix = (lines, of) => lines.length <= of.length && lines.every((line, i) => line === of[i]);

export class Session {
    constructor(engine) {
        this.engine = engine;
        this.past = []; /* layouts as lists of lines, the latest last */
        this.future = []; /* undone ones, the next to be done last */
        this.restart();
    }

    restart() {
        this.engine.restart();
        this.opening = this.engine.opening;
        this.outcomes = []; /* of the commands in force */
        this.stale = false; /* the engine has run more than that */
    }

    /* The commands in force. */
    get lines() {
        return this.outcomes.map(({ line }) => line);
    }

    /* Commands that redo() would give again, as far as they follow on those in force. */
    get undone() {
        const { lines } = this;
        const after = this.future.filter((layout) => isPrefix(lines, layout)).sort((a, b) => b.length - a.length)[0];
        return after ? after.slice(lines.length) : [];
    }

    get panicked() {
        return this.outcomes.at(-1)?.panic ?? null;
    }

    /* The events that tell of the state before command @i; of that after all of them when @i is their number. */
    stateBefore(i) {
        return i > 0 ? this.outcomes[i - 1].state : this.opening;
    }

    catchUp() {
        if (!this.stale) return;
        this.stale = false;
        this.engine.restart();
        for (const line of this.lines) this.engine.run(line);
    }

    /* One that cannot be understood is not kept. */
    run(line) {
        this.catchUp();
        const outcome = this.engine.run(line);
        if (!outcome.misread) this.outcomes.push(outcome);
        return outcome;
    }

    remember(lines) {
        this.past.push(lines);
        this.future = [];
    }

    /* One command more. Its outcome. */
    give(line) {
        const { lines } = this;
        const outcome = this.run(line);
        if (!outcome.misread) this.remember(lines);
        return outcome;
    }

    /* These commands in place of all there are. Those that could not be understood, as [{number, line, misread}]. */
    load(lines) {
        this.remember(this.lines);
        return this.become(lines);
    }

    /* As load(), where there was nothing that could be undone. */
    become(lines) {
        const bad = [];
        if (isPrefix(lines, this.lines)) {
            this.stale ||= lines.length < this.outcomes.length;
            this.outcomes.length = lines.length;
            return bad;
        }
        if (!isPrefix(this.lines, lines)) this.restart();
        for (let i = this.outcomes.length; i < lines.length && !this.panicked; i++) {
            const { misread } = this.run(lines[i]);
            if (misread) bad.push({ number: i + 1, line: lines[i], misread });
        }
        return bad;
    }

    undo() {
        if (!this.past.length) return false;
        this.future.push(this.lines);
        this.become(this.past.pop());
        return true;
    }

    redo() {
        if (!this.future.length) return false;
        this.past.push(this.lines);
        this.become(this.future.pop());
        return true;
    }
}

/* ---- A layout as the part of a link behind # ---- */

const KEPT = /[A-Za-z0-9|.,:_/-]/;

/* "mmap 0x1000 5M rw" and "munmap 0x1000 5M": "mmap+0x1000+5M+rw;munmap+0x1000+5M" */
export function toLink(lines) {
    const word = (char) => (char === " " ? "+" : KEPT.test(char) ? char : encodeURIComponent(char));
    return lines.map((line) => Array.from(line, word).join("")).join(";");
}

/* The commands of a link; null where it is malformed. */
export function fromLink(hash) {
    const text = hash.replace(/^#/, "");
    try {
        return text
            .split(";")
            .map((line) => decodeURIComponent(line.replaceAll("+", " ")).trim())
            .filter((line) => line);
    } catch {
        return null;
    }
}
