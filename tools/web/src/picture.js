/*
 * The page of one trace: the one that was put into it, or a file that is opened or dropped here. What is wrong with a
 * trace is said, and what came before is shown.
 */
import sources from "realign:sources";
import { themeButton } from "./theme.js";
import { mountViewer } from "./viewer.js";
import { parseTrace } from "./viewer-trace.js";
import { number } from "./viewer-words.js";

const find = (selector) => document.querySelector(selector);
const embedded = find("#trace");
const viewer = mountViewer(find(".p-viewer"), { keys: document, name: embedded.dataset.name || "realign" });

function line(parent, tag, text) {
    const element = parent.appendChild(document.createElement(tag));
    element.textContent = text;
    return element;
}

function showProblem({ problem, gaps, events }) {
    const box = find(".p-problem");
    box.replaceChildren();
    box.hidden = !problem && !gaps.length;
    box.classList.toggle("p-mild", !problem);
    if (problem) {
        line(box, "b", `The trace is malformed in line ${problem.line}: `);
        line(box, "span", `${problem.reason}. `);
        if (events.length) line(box, "span", `The ${number(events.length)} events before it are shown.`);
        if (problem.content) line(box, "pre", String(problem.content).slice(0, 400));
    } else if (gaps.length) {
        line(box, "span", `The trace is not whole: line ${gaps[0].line}: ${gaps[0].words}.`);
    }
}

function showHead(begin, name) {
    const program = name || begin?.program || "a run";
    const about = begin
        ? [begin.realign && `realign=${begin.realign}`, `${2 ** begin.bits} entries a table`].filter(Boolean)
        : [];
    document.title = `Realign: ${program}`;
    find("h1").textContent = `Realign: ${program}`;
    find(".p-about").textContent = about.join(", ");
}

/* Shows the trace @text, or says what is wrong with it. */
function open(text, name) {
    const result = parseTrace(text);
    const usable = result.events.length > 0;
    showProblem(result);
    showHead(result.events[0], name);
    find(".p-viewer").hidden = !usable;
    find(".p-drop").hidden = usable;
    if (!usable) return;
    viewer.show(result.events, sources);
    viewer.goFirstCall();
}

async function openFile(file) {
    if (file) open(await file.text(), file.name);
}

find(".p-open input").addEventListener("change", ({ target }) => openFile(target.files[0]));
addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("p-over");
});
addEventListener("dragleave", () => document.body.classList.remove("p-over"));
addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("p-over");
    openFile(event.dataTransfer.files[0]);
});
themeButton(find(".p-theme"), () => viewer.redraw());

if (embedded.textContent.trim()) open(embedded.textContent.trimEnd().replace(/^\n/, ""), embedded.dataset.name);
else {
    find(".p-viewer").hidden = true;
    find(".p-drop").hidden = false;
    showHead(null, "a run in pictures");
}
