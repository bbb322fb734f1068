/* The gallery: scenes that are in the kernel's tests as well, each with a sentence. */
import { useState } from "preact/hooks";
import { sceneOf } from "./play-scene.js";

export function Gallery({ scenes, lines, onScene }) {
    const [looked, setLooked] = useState(null);
    const now = sceneOf(scenes, lines);
    const told = looked ?? now;

    return (
        <nav class="p-gallery" aria-label="gallery">
            <ul>
                {scenes.map((scene) => (
                    <li key={scene.name}>
                        <button
                            type="button"
                            data-scene={scene.name}
                            aria-pressed={scene === now}
                            aria-description={scene.words}
                            onClick={() => onScene(scene)}
                            onPointerEnter={() => setLooked(scene)}
                            onPointerLeave={() => setLooked(null)}
                            onFocus={() => setLooked(scene)}
                            onBlur={() => setLooked(null)}
                        >
                            {scene.title}
                        </button>
                    </li>
                ))}
            </ul>
            <p aria-live="polite">
                {told ? (
                    <>
                        <strong>{told.title}.</strong> {told.words}
                    </>
                ) : (
                    "A layout of your own. Choose a scene to begin with another."
                )}
            </p>
        </nav>
    );
}
