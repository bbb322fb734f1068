/*
 * Makes one page of one file: src/NAME.html with src/NAME.css and the bundle of src/NAME.jsx (or .js) put into it.
 *
 * usage: node build.mjs --modules DIR --name NAME --out FILE [--wasm FILE] [--data FILE]
 *
 * What a source may import besides files and packages:
 *   realign:wasm     mm/ compiled, as a base64 string ("" without --wasm)
 *   realign:sources  {"pt_move.c": "its text", ...} of mm/*.c, for the source line of a step
 *   realign:data     what is in the file of --data, as JSON
 *   realign:scenes   [{name, text}, ...] of user/scenes/*.scene, by name
 *   realign:stage-style  src/viewer-stage.css, for pictures that are exported
 */
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const { values: args } = parseArgs({
    options: {
        modules: { type: "string" },
        name: { type: "string" },
        out: { type: "string" },
        wasm: { type: "string", default: "" },
        data: { type: "string", default: "" },
    },
});
const modules = resolve(args.modules);
const esbuild = createRequire(join(modules, "_"))("esbuild");

function texts(directory, suffix) {
    const path = join(root, directory);
    const names = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(suffix)) : [];
    return names.sort().map((name) => [name, readFileSync(join(path, name), "utf8")]);
}

const generated = {
    wasm: () => (args.wasm ? readFileSync(args.wasm).toString("base64") : ""),
    data: () => JSON.parse(readFileSync(args.data, "utf8")),
    sources: () => Object.fromEntries(texts("mm", ".c")),
    "stage-style": () => readFileSync(join(here, "src/viewer-stage.css"), "utf8"),
    scenes: () => texts("user/scenes", ".scene").map(([name, text]) => ({ name: basename(name, ".scene"), text })),
};

const realign = {
    name: "realign",
    setup(build) {
        build.onResolve({ filter: /^realign:/ }, ({ path }) => ({ path, namespace: "realign" }));
        build.onLoad({ filter: /.*/, namespace: "realign" }, ({ path }) => {
            const make = generated[path.slice("realign:".length)];
            return make
                ? { contents: JSON.stringify(make()), loader: "json" }
                : { errors: [{ text: `there is no ${path}` }] };
        });
    },
};

async function bundle(entry) {
    const done = await esbuild.build({
        entryPoints: [join(here, "src", entry)],
        bundle: true,
        write: false,
        minify: true,
        format: "iife",
        target: "es2020",
        jsx: "automatic",
        jsxImportSource: "preact",
        nodePaths: [modules],
        legalComments: "eof",
        logLevel: "warning",
        metafile: true,
        plugins: [realign],
    });
    return { text: done.outputFiles[0].text.trim(), inputs: Object.keys(done.metafile.inputs) };
}

/* The licences of the packages that @inputs come from: they go wherever the page goes. */
function licences(inputs) {
    const names = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
    const texts = [["Realign", join(root, "LICENSE")]];
    for (const name of [...names].sort()) {
        const directory = join(modules, name);
        const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
        if (!file) throw new Error(`${name} comes without a licence`);
        texts.push([name, join(directory, file)]);
    }
    const shown = texts.map(([name, path]) => `${name}:\n\n${readFileSync(path, "utf8").trim()}`).join("\n\n----\n\n");
    return `<!--\nThis page contains the work of others, under these licences.\n\n${shown.replaceAll("-->", "-- >")}\n-->\n`;
}

const source = (suffixes) => suffixes.map((suffix) => args.name + suffix).find((name) => existsSync(join(here, "src", name)));
const style = await bundle(source([".css"]));
const script = await bundle(source([".jsx", ".js"]));
const page = readFileSync(join(here, "src", `${args.name}.html`), "utf8")
    .replace("/* STYLE */", () => style.text)
    .replace("/* SCRIPT */", () => script.text)
    .replace("</html>", () => `${licences(script.inputs)}</html>`);

mkdirSync(dirname(resolve(args.out)), { recursive: true });
writeFileSync(args.out, page);
