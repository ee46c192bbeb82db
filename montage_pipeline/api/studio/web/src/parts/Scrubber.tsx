import { type RefObject, useEffect, useState } from "react";
import { beginOf, frameAt, timeOf } from "../frames";
import { words } from "../strings";

/** Where the player is, and a handle that goes to any frame. */
export function Scrubber({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const [{ seconds, length }, setPlace] = useState({ seconds: 0, length: 0 });
  useEffect(() => {
    const player = video.current;
    if (!player) return;
    let drawing = 0;
    const note = () => {
      const length = Number.isFinite(player.duration) ? player.duration : 0;
      setPlace({ seconds: player.currentTime, length });
    };
    // While it plays, with every picture; `timeupdate` comes four times a second.
    const follow = () => {
      note();
      cancelAnimationFrame(drawing);
      if (!player.paused && !player.ended) drawing = requestAnimationFrame(follow);
    };
    const heard = ["durationchange", "loadedmetadata", "seeking", "seeked", "play", "pause", "ended"];
    heard.forEach((event) => player.addEventListener(event, follow));
    follow();
    return () => {
      cancelAnimationFrame(drawing);
      heard.forEach((event) => player.removeEventListener(event, follow));
    };
  }, [video]);

  // As exact as single frames are told apart.
  const place = words.placeOf(beginOf(frameAt(seconds)), length);
  const last = Math.max(0, frameAt(length) - 1);
  return (
    <div className="scrubber">
      <input
        type="range"
        min={0}
        max={last}
        step={1}
        value={Math.min(frameAt(seconds), last)}
        disabled={length === 0}
        aria-label={words.placeIn}
        aria-valuetext={place}
        onChange={(event) => {
          if (video.current) video.current.currentTime = timeOf(Number(event.target.value));
        }}
      />
      <span className="muted small time">{place}</span>
    </div>
  );
}
