/* A step as SVG and PNG, a run as an animated GIF: drawn anew at a fixed width, with the words below. */
import { GIFEncoder, applyPalette, quantize } from "gifenc";
import { drawStage } from "./viewer-stage.js";
import stageStyle from "realign:stage-style";

const WIDTH = 1200;
const GIF_WIDTH = 960;
const GIF_FRAMES = 60;
const FOLD_FRAMES = 10; /* of a run of like steps */
const NAMESPACE = "http://www.w3.org/2000/svg";

/* The variables that the drawing's style uses, as they are in the page now: in a file of its own there is no page. */
function resolvedStyle(element) {
    const probe = element.appendChild(document.createElement("span"));
    const values = new Map();
    for (const [, name] of stageStyle.matchAll(/var\((--[\w-]+)\)/g)) {
        if (values.has(name)) continue;
        probe.style.color = `var(${name})`;
        values.set(name, getComputedStyle(probe).color);
    }
    probe.remove();
    return stageStyle.replace(/var\((--[\w-]+)\)/g, (_, name) => values.get(name));
}

/* The SVG of @player's stop, as text; its colours are those that @element has now. */
export function svgText(element, player) {
    const svg = document.createElementNS(NAMESPACE, "svg");
    drawStage(svg, player, { width: WIDTH, caption: true, id: "x" });
    svg.setAttribute("xmlns", NAMESPACE);
    const style = document.createElementNS(NAMESPACE, "style");
    style.textContent = resolvedStyle(element);
    svg.prepend(style);
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

/* The SVG drawn into a canvas @width pixels wide. */
async function canvasOf(text, width) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = Math.round((image.naturalHeight * width) / image.naturalWidth);
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
}

export async function pngBlob(element, player) {
    const canvas = await canvasOf(svgText(element, player), 2 * WIDTH);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/*
 * Stops that the GIF shows: those of the moves, or all where nothing moves; but of a long run of like steps some, and of
 * many stops every nth.
 */
export function gifStops(player) {
    const stops = [];
    const { moves } = player;
    const inMove = ({ event, move }) => !moves.length || (event >= moves[move]?.call && event <= moves[move].end);
    for (const { first, last } of player.groups) {
        if (!inMove(player.stops[first])) continue;
        const every = Math.max(1, Math.ceil((last - first + 1) / FOLD_FRAMES));
        for (let i = first; i < last; i += every) stops.push(i);
        stops.push(last);
    }
    const every = Math.ceil(stops.length / GIF_FRAMES);
    return stops.filter((_, i) => i % every === 0 || i === stops.length - 1);
}

const pause = () => new Promise((resolve) => setTimeout(resolve));

/*
 * The run as a GIF; the player stands where it stood afterwards. @progress(done, of) is called for each frame, and
 * ends the work when it returns false: null then.
 */
export async function gifBlob(element, player, progress = () => true) {
    const encoder = GIFEncoder();
    const stops = gifStops(player);
    const stood = player.at;
    let height = 0;

    for (let i = 0; i < stops.length; i++) {
        player.go(stops[i]);
        const text = svgText(element, player);
        player.go(stood);
        const canvas = await canvasOf(text, GIF_WIDTH);
        height ||= canvas.height;
        const { data } = canvas.getContext("2d").getImageData(0, 0, GIF_WIDTH, height);
        const palette = quantize(data, 128);
        encoder.writeFrame(applyPalette(data, palette), GIF_WIDTH, height, {
            palette,
            delay: i + 1 < stops.length ? 700 : 3000,
        });
        if (progress(i + 1, stops.length) === false) return null;
        await pause();
    }
    encoder.finish();
    return new Blob([encoder.bytes()], { type: "image/gif" });
}

/* Hands @blob to the visitor as a file. */
export function download(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
