/* A scene as the gallery shows it. The comment that it begins with is its title, and what is said about it. */
export function readScene({ name, text }) {
    const lines = text.split("\n").map((line) => line.trim());
    const first = lines.findIndex((line) => line && !line.startsWith("#"));
    const words = lines.slice(0, first < 0 ? lines.length : first).map((line) => line.replace(/^#\s?/, ""));
    const [title = name, ...rest] = words.filter(Boolean);
    return {
        name,
        title,
        words: rest.join(" "),
        lines: lines.filter((line) => line && !line.startsWith("#")),
    };
}

/* The scene that @lines began with, however they went on. */
export const sceneOf = (scenes, lines) =>
    scenes.find((scene) => scene.lines.length <= lines.length && scene.lines.every((line, i) => line === lines[i]));
