/*
 * The view of a run: areas above, tables side by side to scale, one step lit, its line of the trace and of source.
 *
 * mountViewer(element, options) puts it into @element and returns
 *   load(events, sources)  shows these events of a trace: its text, or objects as its JSON lines have them, where
 *                          `begin` may be missing; stands before the first step. sources: {"pt_move.c": text, ...}.
 *                          Throws a TraceProblem (words, line) when they are malformed; what was shown before stays.
 *   goFirstCall()          to where the first mremap that moves something begins
 *   goWarning(i)           to the i-th warning, from 0; false where there is none
 *   go(step), step(), steps()  to a step; which is shown, from 0; how many there are
 *   help()                 opens the explanation
 *   destroy()
 * options:
 *   keys      whose keys step: an element, the document; none by default but the viewer's own
 *   onStep    called with the step after each change
 *   name      of files that are exported
 */
import { Player, inSpace, spacesOf } from "./viewer-run.js";
import { drawStage } from "./viewer-stage.js";
import { download, gifBlob, pngBlob, svgText } from "./viewer-export.js";
import { TraceList } from "./viewer-list.js";
import { TEMPLATE, icon } from "./viewer-template.js";
import { sourceAround } from "./viewer-source.js";
import { LEVELS, parseTrace } from "./viewer-trace.js";
import { entryWords, eventWords, hex, number, plural, size } from "./viewer-words.js";

const NARROWEST = 760;
const PLAY_TIME = 24_000; /* milliseconds for a long run; a short one has SLOWEST a step */
const SLOWEST = 900;
const FASTEST = 40;

const KEYS = {
    ArrowRight: "on",
    ArrowUp: "on",
    ArrowLeft: "back",
    ArrowDown: "back",
    Home: "first",
    End: "last",
    PageDown: "onGroup",
    PageUp: "backGroup",
    " ": "play",
    "?": "help",
};

let viewers = 0;

class Viewer {
    constructor(element, options) {
        this.element = element;
        this.options = options;
        this.id = `v${++viewers}`;
        element.classList.add("v-viewer");
        element.innerHTML = TEMPLATE;
        this.find = (selector) => element.querySelector(selector);
        this.slider = this.find("input[type=range]");
        this.svg = this.find(".v-stage svg");
        this.#nameButton("Play");
        this.list = new TraceList(this.find(".v-list"), (stop) => this.go(stop));
        this.#listen();
    }

    #listen() {
        const { keys = this.element } = this.options;
        this.onKey = (event) => this.#key(event);
        this.keys = keys;
        keys.addEventListener("keydown", this.onKey);
        this.slider.addEventListener("input", () => this.go(this.slider.valueAsNumber));
        this.element.addEventListener("click", ({ target }) => {
            const action = target.closest("button")?.dataset.do;
            if (action) this.#act(action);
        });
        this.find(".v-moves").addEventListener("change", ({ target }) => this.go(Number(target.value)));
        this.find(".v-spaces").addEventListener("change", ({ target }) => this.#showSpace(Number(target.value)));
        this.resized = new ResizeObserver(() => this.#redraw());
        this.resized.observe(this.find(".v-stage"));
        this.printed = () => this.#redraw();
        addEventListener("beforeprint", this.printed);
    }

    destroy() {
        this.#stopPlaying();
        this.keys.removeEventListener("keydown", this.onKey);
        removeEventListener("beforeprint", this.printed);
        this.resized.disconnect();
        this.list.destroy();
        this.element.classList.remove("v-viewer");
        this.element.textContent = "";
    }

    load(source, sources = this.sources) {
        const { events, problem } = parseTrace(source);
        if (problem) throw problem;
        this.show(events, sources);
    }

    /* @events as parseTrace() made them; of several address spaces the one with the most steps. */
    show(events, sources = this.sources) {
        const spaces = spacesOf(events);
        this.sources = sources;
        this.events = events;
        this.find(".v-spaces").hidden = spaces.length < 2;
        this.find(".v-spaces select").replaceChildren(...spaces.map((mm) => new Option(mm, mm)));
        this.#showSpace(spaces[0]);
    }

    #showSpace(mm) {
        this.#stopPlaying();
        this.player = new Player(inSpace(this.events, mm));
        this.slider.max = this.player.length - 1;
        this.#fillMoves();
        this.#drawMarks();
        this.go(0);
    }

    go(step) {
        if (!this.player) return;
        const { player } = this;
        player.go(step);
        this.slider.value = player.at;
        this.slider.setAttribute(
            "aria-valuetext",
            `step ${player.at + 1} of ${player.length}: ${player.textOf(player.at)}`,
        );
        this.find(".v-count").textContent = `${number(player.at + 1)} of ${number(player.length)}`;
        this.find(".v-words").textContent = eventWords(player.event, { player, geometry: player.geometry });
        this.list.show(player);
        this.#showStep();
        this.#showSums();
        this.#markMove();
        this.#redraw();
        this.options.onStep?.(player.at);
    }

    goWarning(i) {
        const { events, stops } = this.player;
        const stop = stops.filter(({ event }) => events[event].event === "warning")[i];
        if (stop) this.go(stops.indexOf(stop));
        return Boolean(stop);
    }

    /* ---- Keys and buttons ---- */

    #key(event) {
        if (!this.player || event.ctrlKey || event.altKey || event.metaKey || this.find("dialog").open) return;
        const { target } = event;
        const typing = target.closest?.("input:not([type=range]), textarea, select, [contenteditable]");
        const onButton = target.closest?.("button, a, summary");
        const action = KEYS[event.key];
        if (!action || typing || (event.key === " " && onButton)) return;
        if (/Arrow(Up|Down)/.test(event.key) && target !== this.slider) return;
        event.preventDefault();
        event.stopPropagation();
        this.#act(action);
    }

    #act(action) {
        const { player } = this;
        if (action === "help") return this.find("dialog").showModal();
        if (!player) return undefined;
        if (action === "play") return this.timer ? this.#stopPlaying() : this.#startPlaying();
        if (["svg", "png", "gif"].includes(action)) return this.#export(action);
        this.#stopPlaying();
        const to = {
            on: () => player.at + 1,
            back: () => player.at - 1,
            first: () => 0,
            last: () => player.length - 1,
            onGroup: () => player.neighbourGroup(1),
            backGroup: () => player.neighbourGroup(-1),
        }[action];
        return to && this.go(to());
    }

    #startPlaying() {
        const { player } = this;
        if (player.at === player.length - 1) this.go(0);
        const wait = Math.max(FASTEST, Math.min(SLOWEST, PLAY_TIME / player.length));
        const stride = Math.max(1, Math.round((FASTEST * player.length) / PLAY_TIME));
        this.timer = setInterval(() => {
            this.go(player.at + stride);
            if (player.at === player.length - 1) this.#stopPlaying();
        }, wait);
        this.#nameButton("Pause");
        this.find(".v-words").setAttribute("aria-live", "off");
    }

    #stopPlaying() {
        clearInterval(this.timer);
        this.timer = null;
        this.#nameButton("Play");
        this.find(".v-words").setAttribute("aria-live", "polite");
    }

    #nameButton(name) {
        const button = this.find("[data-do=play]");
        button.setAttribute("aria-label", name);
        button.title = `${name} (space)`;
        button.innerHTML = `${icon(name)} ${name}`;
    }

    async #export(format) {
        const { player, element } = this;
        const busy = this.find(".v-busy");
        const name = `${this.options.name ?? "realign"}-${player.at + 1}`;
        this.#stopPlaying();
        const button = this.find(`[data-do=${format}]`);
        button.disabled = true;
        try {
            if (format === "svg")
                download(new Blob([svgText(element, player)], { type: "image/svg+xml" }), `${name}.svg`);
            if (format === "png") download(await pngBlob(element, player), `${name}.png`);
            if (format === "gif") {
                const blob = await gifBlob(
                    element,
                    player,
                    (done, of) => (busy.textContent = `picture ${done} of ${of}`) && true,
                );
                download(blob, `${this.options.name ?? "realign"}.gif`);
            }
            busy.textContent = "";
        } catch (error) {
            busy.textContent = `The ${format.toUpperCase()} could not be made: ${error.message}`;
        } finally {
            button.disabled = false;
        }
    }

    /* ---- Drawing ---- */

    #redraw() {
        if (!this.player) return;
        const width = Math.max(NARROWEST, Math.floor(this.find(".v-stage").clientWidth));
        drawStage(this.svg, this.player, { width, id: this.id });
    }

    /* Under the slider: which steps are of which level, a band each, higher levels taller. */
    #drawMarks() {
        const canvas = this.find("canvas");
        const { player } = this;
        const width = (canvas.width = 1000);
        const context = canvas.getContext("2d");
        const colourOf = (selector) => getComputedStyle(this.find(selector)).color;
        const colours = {
            step: colourOf(".v-count"),
            move: colourOf(".v-words"),
            warning: getComputedStyle(this.find(".v-key-old")).backgroundColor,
        };
        player.stops.forEach((stop, i) => {
            const { event, level } = player.events[stop.event];
            if (!colours[event]) return;
            context.fillStyle = colours[event];
            const height = event === "step" ? 2 + 2 * level : 8;
            context.fillRect(
                (i * width) / player.length,
                8 - height,
                Math.max(1, width / player.length - (width / player.length > 3 ? 1 : 0)),
                height,
            );
        });
    }

    /* A move in a list, behind it the warnings on its way. */
    #moveOptions(move, i) {
        const { player } = this;
        const option = (words, at) =>
            new Option(
                words,
                player.stops.findIndex(({ event }) => event === at),
            );
        const warnings = player.events.slice(move.at, move.last + 1).flatMap(({ event, level, new: to }, n) => {
            const words = `\u00a0\u00a0! warning: ${LEVELS[level]} entry to ${hex(to ?? 0)}`;
            return event === "warning" ? [option(words, move.at + n)] : [];
        });
        return [option(`${i + 1}: ${size(move.len)} to ${hex(move.new)}`, move.at), ...warnings];
    }

    #fillMoves() {
        const options = this.player.moves.flatMap((move, i) => this.#moveOptions(move, i));
        this.find(".v-moves").hidden = options.length < 2;
        this.find(".v-moves select").replaceChildren(...options);
    }

    #markMove() {
        const { move, stops, at, event } = this.player;
        if (!move) return;
        const stop = event.event === "warning" ? at : stops.findIndex((s) => s.event === move.at);
        this.find(".v-moves select").value = String(stop);
    }

    /* ---- Panels ---- */

    #showStep() {
        const { event } = this.player;
        this.find(".v-line").textContent = this.player.textOf(this.player.at);
        this.find(".v-entry").innerHTML = "";
        if (event.event === "step") this.#showEntry("entry moved", event.entry, event.level);
        if (event.event === "warning") {
            this.#showEntry("to move", event.entry, event.level);
            this.#showEntry("in the way", event.slot_before, event.level);
        }
        if (event.event === "set") {
            this.#showEntry("before", event.before ?? null, event.level);
            this.#showEntry("after", event.entry, event.level);
        }
        this.#showSource(event.source);
    }

    #showEntry(name, raw, level) {
        const dt = document.createElement("dt");
        const dd = document.createElement("dd");
        dt.textContent = `${LEVELS[level]} ${name}`;
        dd.textContent = raw === null ? "not known" : `${hex(raw)}: ${entryWords(raw, level)}`;
        this.find(".v-entry").append(dt, dd);
    }

    #showSource(place) {
        const found = sourceAround(this.sources, place);
        this.find(".v-place").textContent = found
            ? `mm/${found.file}:${found.line}${found.name ? `, in ${found.name}()` : ""}`
            : place || "";
        this.find(".v-source").hidden = !found;
        this.find(".v-source").replaceChildren(
            ...(found?.lines ?? []).map(({ number: n, text, lit }) => {
                const line = document.createElement("span");
                line.className = lit ? "v-code v-lit" : "v-code";
                line.textContent = `${lit ? "▸" : " "}${String(n).padStart(4)}  ${text}\n`;
                return line;
            }),
        );
    }

    #showSums() {
        const { player } = this;
        const { geometry, move } = player;
        const { entries, pages } = player.stop.sum;
        const total = move?.sum ?? player.stop.sum;
        const row = (name, now, all, mark = "") =>
            `<tr${mark}><th scope="row">${name}</th><td>${number(now)}</td><td>${number(all)}</td></tr>`;
        const rows = LEVELS.slice(0, geometry.levels).map((name, level) =>
            row(`${name}<small>${size(geometry.span(level))}</small>`, entries[level], total.entries[level]),
        );
        rows.reverse().push(row("in all", sumOf(entries), sumOf(total.entries), ' class="v-all"'));
        rows.push(row("page by page", pages, total.pages));
        this.find(".v-table tbody").innerHTML = rows.join("");
        this.find(".v-verdict").textContent = verdict(total);
        const bar = (name, writes) =>
            `<div style="--part: ${total.pages ? writes / total.pages : 0}"><span>${name}</span></div>`;
        this.find(".v-bars").innerHTML = bar("as it went", sumOf(entries)) + bar("page by page", pages);
    }
}

const sumOf = (counts) => counts.reduce((a, b) => a + b, 0);

/* What whole entries saved, in a sentence. */
function verdict({ entries, pages }) {
    const writes = sumOf(entries);
    if (!writes) return "Nothing moves here.";
    if (pages <= writes) return `${plural(writes, "entry moves", "entries move")}, page by page.`;
    return `${plural(writes, "write")} in place of ${number(pages)}: ${number(Math.round(pages / writes))} times fewer.`;
}

export function mountViewer(element, options = {}) {
    const viewer = new Viewer(element, options);
    return {
        load: (source, sources) => viewer.load(source, sources),
        show: (events, sources) => viewer.show(events, sources),
        go: (step) => viewer.go(step),
        step: () => viewer.player?.at ?? 0,
        steps: () => viewer.player?.length ?? 0,
        help: () => viewer.find("dialog").showModal(),
        goFirstCall: () => viewer.player && viewer.go(viewer.player.firstCall),
        goWarning: (i) => Boolean(viewer.player) && viewer.goWarning(i),
        redraw: () => viewer.player && viewer.go(viewer.player.at),
        destroy: () => viewer.destroy(),
    };
}
