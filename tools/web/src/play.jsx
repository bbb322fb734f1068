/* The playground: the map of areas, the line for commands, the list of those given, and the view of what each did. */
import { render } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import wasm from "realign:wasm";
import scenes from "realign:scenes";
import { Engine } from "./play-engine.js";
import { Gallery } from "./play-gallery.jsx";
import { AreaMap } from "./play-map.jsx";
import { AreaTools, CommandLine, History, Outlook, Steps, Theme, Toolbar } from "./play-parts.jsx";
import { readScene } from "./play-scene.js";
import { Session, fromLink, toLink } from "./play-session.js";
import { readState } from "./play-space.js";
import { again, realignOf, summary } from "./play-words.js";

const GALLERY = scenes.map(readScene);
const START = GALLERY.find(({ name }) => name === "5-free-below") ?? GALLERY[0];

/* Areas of @before that are not in @now, as they were. */
const wasThere = (before, now) =>
    before.filter(({ start, end }) => !now.some((area) => area.start <= start && end <= area.end));

const areasOf = (state) => readState(state).areas;

/* What is there now, of what was there before the command that is shown, and all that was there at any time. */
function readSpace(session, before) {
    const space = readState(session.stateBefore(session.outcomes.length));
    const seen = session.outcomes.flatMap(({ state }) => areasOf(state).map(({ start }) => ({ start, end: start + 1 })));
    return { ...space, was: wasThere(areasOf(before), space.areas), seen };
}

/*
 * The session, and what changes it. Each change brings the last command's steps into view, a sentence to be told or a
 * problem, and the link.
 */
function useSession(session) {
    const [shown, show] = useState(-1);
    const [told, tell] = useState("");
    const [problem, setProblem] = useState(null);
    const [, changed] = useReducer((n) => n + 1, 0);

    function settle(words = "", wrong = null) {
        const link = `#${toLink(session.lines)}`;
        if (location.hash !== link) history.replaceState(null, "", link);
        show(session.outcomes.length - 1);
        tell(words);
        setProblem(wrong);
        changed();
    }

    /* Whether it could be understood. */
    function give(line) {
        const given = session.give(line);
        if (given.misread) settle("", `${line}: ${given.misread}`);
        else settle(`${line}: ${summary(given) || "done"}`);
        return !given.misread;
    }

    function load(lines, words = "", first = false) {
        const problems = first ? session.become(lines) : session.load(lines);
        const bad = problems.map(({ number, line, misread }) => `line ${number}, ${line}: ${misread}`);
        settle(words, bad.join("\n") || null);
    }

    function follow(hash, first) {
        const lines = fromLink(hash);
        if (!lines) setProblem("The link is malformed: what stands behind # is no list of commands.");
        else if (lines.join("\n") !== session.lines.join("\n")) load(lines, "", first);
    }

    const undo = () => settle(session.undo() ? "undone" : "nothing to undo");
    const redo = () => settle(session.redo() ? "done again" : "nothing to do again");
    return { shown, show, told, tell, problem, give, load, follow, undo, redo };
}

/* The layout that the page is opened with, and those that its address changes to. */
function useLink({ follow, load }) {
    useEffect(() => {
        const changed = () => follow(location.hash, false);
        if (location.hash.length > 1) follow(location.hash, true);
        else if (START) load(START.lines, "", true);
        addEventListener("hashchange", changed);
        return () => removeEventListener("hashchange", changed);
    }, []);
}

function useKeys({ undo, redo }, input, viewer) {
    useEffect(() => {
        function key(event) {
            const field = event.target.closest("input, textarea, select");
            const name = event.key.toLowerCase();
            const command = (event.ctrlKey || event.metaKey) && !event.altKey && !field?.value;
            if (command && name === "z") event.shiftKey ? redo() : undo();
            else if (command && name === "y") redo();
            else if (field || event.ctrlKey || event.metaKey || event.altKey) return;
            else if (name === "/") input.current.focus();
            else if (name === "arrowright") viewer.current.go(viewer.current.step() + 1);
            else if (name === "arrowleft") viewer.current.go(viewer.current.step() - 1);
            else return;
            event.preventDefault();
        }
        addEventListener("keydown", key);
        return () => removeEventListener("keydown", key);
    });
}

async function copyLink(tell) {
    try {
        await navigator.clipboard.writeText(location.href);
        tell("The link is copied.");
    } catch {
        tell("The link to this layout is the page's address.");
    }
}

function App({ session }) {
    const play = useSession(session);
    const [text, setText] = useState("");
    const [chosen, setChosen] = useState(null);
    const [extra, setExtra] = useState([]);
    const input = useRef(null);
    const viewer = useRef(null);

    const { shown } = play;
    const state = session.stateBefore(session.outcomes.length);
    const before = session.stateBefore(Math.max(shown, 0));
    const space = useMemo(() => readSpace(session, before), [before, state]);
    const area = space.areas.find(({ start }) => start === chosen);
    const outcome = session.outcomes[shown];
    const disabled = Boolean(session.panicked);

    useLink(play);
    useKeys(play, input, viewer);

    function type(line) {
        setText(line);
        input.current.focus();
    }

    const on = {
        undo: play.undo,
        redo: play.redo,
        clear: () => play.load([]),
        copy: () => copyLink(play.tell),
        again: (mode, words) => play.load(again(session.lines, mode), `realign=${mode}: ${words}`),
    };
    return (
        <>
            <header class="p-head">
                <h1>Realign</h1>
                <p>
                    What mremap(2) does to page tables, by the kernel's own code: <code>mm/*.c</code>, compiled for this page.
                </p>
                <Theme onChange={() => viewer.current?.redraw()} />
            </header>
            <Gallery scenes={GALLERY} lines={session.lines} onScene={(scene) => play.load(scene.lines)} />
            <Toolbar session={session} realign={realignOf(state)} told={play.told} on={on} />
            {disabled && (
                <p class="p-panic" role="alert">
                    <strong>The kernel panicked.</strong> An invariant of its own is broken, which is a mistake in its code, not
                    yours: <code>{session.panicked}</code> Undo the last command to go on.
                </p>
            )}
            <AreaMap {...{ space, extra, chosen, disabled }} onChoose={setChosen} onCommand={play.give} onType={type} />
            <Outlook onLook={(place) => setExtra([...extra, place])} />
            {area && <AreaTools {...{ area, disabled }} onCommand={play.give} onType={type} />}
            <div class="p-columns">
                <CommandLine
                    {...{ text, disabled }}
                    problem={play.problem}
                    usage={session.engine.usage}
                    inputRef={input}
                    lines={session.lines}
                    onText={setText}
                    onCommand={(line) => play.give(line) && setText("")}
                />
                <History outcomes={session.outcomes} undone={session.undone} shown={shown} onShow={play.show} />
            </div>
            {outcome?.warnings.map((words, i) => (
                <p class="p-warning" key={i} role="status">
                    The kernel warns: {words}{" "}
                    <button onClick={() => viewer.current.goWarning(i)}>Show the step</button>
                </p>
            ))}
            <Steps {...{ before, outcome }} onMount={(mounted) => (viewer.current = mounted)} />
        </>
    );
}

function start(element) {
    try {
        const engine = new Engine(Uint8Array.from(atob(wasm), (c) => c.charCodeAt(0)));
        render(<App session={new Session(engine)} />, element);
    } catch (error) {
        element.textContent = `This page needs WebAssembly, which this browser does not let it have: ${error.message}`;
    }
}

start(document.getElementById("app"));
