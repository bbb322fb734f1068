/*
 * The kernel's mm/ in this page: one address space, which commands are given to, a line of text each. All that is known
 * of it here is what its trace says.
 */

/*
 * What one command led to: {line, events, warnings, note, misread, panic}; events are objects of the trace. misread says
 * why the line is no command, panic which invariant of the kernel's own is broken.
 */
const newOutcome = (line) => ({ line, events: [], warnings: [], note: "", usage: [], misread: null, panic: null });

export class Engine {
    /* @bytes: the module, or one that is compiled. */
    constructor(bytes) {
        this.module = bytes instanceof WebAssembly.Module ? bytes : new WebAssembly.Module(bytes);
        this.restart();
    }

    /* An empty address space. `opening` becomes the events that tell of it, `usage` [form, words] of each command. */
    restart() {
        const words = (take) => (at, length) => take(this.outcome, this.text(at, length));
        this.outcome = newOutcome("");
        const { exports } = new WebAssembly.Instance(this.module, {
            page: {
                event: words((outcome, text) => outcome.events.push(JSON.parse(text))),
                warning: words((outcome, text) => outcome.warnings.push(text)),
                usage: words((outcome, text) => outcome.usage.push(text.split("\t"))),
                note: words((outcome, text) => (outcome.note = text)),
                misread: words((outcome, text) => (outcome.misread = text)),
                panic: words((outcome, text) => (outcome.panic = text)),
            },
        });
        this.exports = exports;
        this.capacity = exports.capacity();
        exports.start();
        exports.usage();
        this.usage ??= this.outcome.usage;
        this.opening = this.look();
    }

    text(at, length) {
        return new TextDecoder().decode(new Uint8Array(this.exports.memory.buffer, at, length));
    }

    /* The events that tell of all there is, the settings first. */
    look() {
        this.outcome = newOutcome("");
        this.exports.look();
        return this.outcome.events;
    }

    /* Runs one command and looks at what is then: the outcome, with `state`, the events that tell of it. */
    run(line) {
        const bytes = new TextEncoder().encode(line);
        const outcome = (this.outcome = newOutcome(line));

        if (bytes.length >= this.capacity) return { ...outcome, misread: "the line is too long", state: this.look() };
        const buffer = new Uint8Array(this.exports.memory.buffer, this.exports.line(), this.capacity);
        buffer.set(bytes);
        buffer[bytes.length] = 0;
        try {
            this.exports.run();
        } catch (error) {
            outcome.panic ??= `the code stopped: ${error.message}`;
            return { ...outcome, state: [] };
        }
        return { ...outcome, state: this.look() };
    }
}
