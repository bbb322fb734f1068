/* Parts of the playground: each shows something, and tells of what the visitor does with it. */
import { useEffect, useRef, useState } from "preact/hooks";
import sources from "realign:sources";
import { PAGE, hex, sized } from "./play-space.js";
import { commands, modes, summary } from "./play-words.js";
import { themeButton } from "./theme.js";
import { mountViewer } from "./viewer.js";

export function Theme({ onChange }) {
    const ref = useRef(null);
    useEffect(() => themeButton(ref.current, onChange), []);
    return <button type="button" class="p-theme" ref={ref} />;
}

/* What acts on the whole layout. @on: undo, redo, clear, copy, again(mode, words). */
export function Toolbar({ session, realign, told, on }) {
    return (
        <div class="p-bar" role="group" aria-label="session">
            <button type="button" onClick={on.undo} disabled={!session.past.length} aria-keyshortcuts="Control+Z">
                Undo
            </button>
            <button type="button" onClick={on.redo} disabled={!session.future.length} aria-keyshortcuts="Control+Shift+Z">
                Redo
            </button>
            <button type="button" onClick={on.clear} disabled={!session.outcomes.length}>
                Start over
            </button>
            <button type="button" onClick={on.copy}>
                Copy link
            </button>
            <span class="p-modes" role="group" aria-label="run all of this again with realign">
                Run again with realign=
                {modes.map(([mode, words]) => (
                    <button
                        key={mode}
                        type="button"
                        title={words}
                        aria-pressed={mode === realign}
                        onClick={() => on.again(mode, words)}
                    >
                        {mode}
                    </button>
                ))}
            </span>
            <output class="p-told" aria-live="polite">
                {told}
            </output>
        </div>
    );
}

export function CommandLine({ text, usage, onText, onCommand, lines, inputRef, problem, disabled }) {
    const [back, setBack] = useState(0);
    const first = text.trim().split(/\s+/)[0];
    const fitting = usage.filter(([form]) => !first || form.startsWith(first) || first === form.split(" ")[0]);

    function key(event) {
        const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        if (!step) return;
        const next = Math.min(Math.max(0, back + step), lines.length);
        setBack(next);
        onText(next ? lines[lines.length - next] : "");
        event.preventDefault();
    }

    function submit(event) {
        event.preventDefault();
        setBack(0);
        if (text.trim()) onCommand(text.trim());
    }

    return (
        <form class="p-line" onSubmit={submit}>
            <label for="command">Command</label>
            <input
                id="command"
                ref={inputRef}
                type="text"
                value={text}
                placeholder="mmap 0x100000 5M rw"
                autocomplete="off"
                autocapitalize="none"
                spellcheck={false}
                disabled={disabled}
                aria-describedby="usage"
                aria-invalid={Boolean(problem)}
                onInput={(event) => onText(event.target.value)}
                onKeyDown={key}
            />
            <button disabled={disabled}>Run</button>
            {problem && (
                <p class="p-problem" role="alert">
                    {problem}
                </p>
            )}
            <details id="usage" class="p-usage" open={Boolean(first) && fitting.length > 0}>
                <summary>{first && fitting.length ? "Its form" : "All commands"}</summary>
                <dl>
                    {(fitting.length ? fitting : usage).map(([form, words]) => (
                        <div key={form}>
                            <dt>
                                <code>{form}</code>
                            </dt>
                            <dd>{words}</dd>
                        </div>
                    ))}
                </dl>
            </details>
        </form>
    );
}

/* What can be done with the area that is chosen. */
export function AreaTools({ area, onCommand, onType, disabled }) {
    const tools = [
        ["Populate", () => onCommand(commands.populate(area))],
        ["Move to …", () => onType(commands.move(area, ""))],
        ["Resize to …", () => onType(commands.resize(area, area.end - area.start))],
        ["Read-only", () => onCommand(commands.protect(area, "r"))],
        ["Unmap", () => onCommand(commands.unmap(area))],
    ];
    return (
        <div class="p-tools" role="group" aria-label="the chosen area">
            <span>
                <code>
                    {hex(area.start)} – {hex(area.end)}
                </code>{" "}
                {area.prot} {sized(area.end - area.start)}, {(area.end - area.start) / PAGE} pages
            </span>
            {tools.map(([name, act]) => (
                <button key={name} type="button" disabled={disabled} onClick={act}>
                    {name}
                </button>
            ))}
        </div>
    );
}

/* @row of @list comes into sight. scrollIntoView() would scroll the page, too, and let Tab go on from there. */
function scrollTo(list, row) {
    if (!row) return;
    const [outer, inner] = [list, row].map((element) => element.getBoundingClientRect());
    list.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
}

export function History({ outcomes, undone, shown, onShow }) {
    const ref = useRef(null);
    useEffect(() => scrollTo(ref.current, ref.current?.querySelector("[aria-current]")), [shown, outcomes]);
    return (
        <ol class="p-history" ref={ref} aria-label="commands">
            {outcomes.map((outcome, i) => (
                <li key={i}>
                    <button type="button" aria-current={i === shown ? "true" : undefined} onClick={() => onShow(i)}>
                        <code>{outcome.line}</code>
                        <span class={/^(refused|panic)|warning/.test(summary(outcome)) ? "p-result p-bad" : "p-result"}>
                            {summary(outcome)}
                        </span>
                    </button>
                </li>
            ))}
            {[...undone].reverse().map((line, i) => (
                <li key={`undone ${i}`} class="p-undone">
                    <code>{line}</code>
                    <span class="p-result">undone</span>
                </li>
            ))}
        </ol>
    );
}

/* The steps of one command. */
export function Steps({ before, outcome, onMount }) {
    const ref = useRef(null);
    const viewer = useRef(null);
    const [problem, setProblem] = useState(null);

    useEffect(() => {
        viewer.current = mountViewer(ref.current, { name: "realign-playground" });
        onMount(viewer.current);
        return () => viewer.current.destroy();
    }, []);
    useEffect(() => {
        try {
            viewer.current.load([...before, ...(outcome?.events ?? [])], sources);
            if (!outcome?.events.some(({ event }) => event === "move")) viewer.current.go(viewer.current.steps() - 1);
            setProblem(null);
        } catch (error) {
            setProblem(error.message);
        }
    }, [before, outcome]);
    return (
        <section aria-label="steps">
            {problem && (
                <p class="p-problem" role="alert">
                    {problem}
                </p>
            )}
            <div class="p-steps" ref={ref} />
        </section>
    );
}

/* An outlook on a place that nothing is mapped in yet. */
export function Outlook({ onLook }) {
    function submit(event) {
        event.preventDefault();
        const start = Number(event.target.elements.at.value);
        if (Number.isSafeInteger(start) && start >= 0 && start < 2 ** 47) onLook({ start, end: start + 1 });
        event.target.elements.at.setCustomValidity("");
    }
    return (
        <form class="p-outlook" onSubmit={submit}>
            <label for="look">Show another place</label>
            <input id="look" name="at" type="text" placeholder="0x40000000" pattern="(0x[0-9a-fA-F]+|[0-9]+)" required />
            <button>Show</button>
        </form>
    );
}
