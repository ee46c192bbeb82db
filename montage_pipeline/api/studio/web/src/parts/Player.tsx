import { type RefObject, useState } from "react";
import type { FormatOption } from "../api/client";
import { frameAt, timeOf } from "../frames";
import { words } from "../strings";

/** The Reel in a phone's frame; arrow keys step by frames. */
export function Player({
  url,
  poster,
  title,
  format,
  video,
  onTime,
}: {
  url: string;
  poster: string | null;
  title: string;
  format: FormatOption | undefined;
  video: RefObject<HTMLVideoElement | null>;
  onTime: (seconds: number) => void;
}) {
  const [playing, setPlaying] = useState(false);
  const [covered, setCovered] = useState(false);
  const step = (frames: number) => {
    if (!video.current) return;
    video.current.pause();
    video.current.currentTime = timeOf(frameAt(video.current.currentTime) + frames);
  };
  const toggle = () => {
    if (playing) video.current?.pause();
    else void video.current?.play();
  };

  return (
    <figure className="player">
      <div className={`phone ${format?.name ?? "reel"}`}>
        <video
          ref={video}
          src={url}
          {...(poster && { poster })}
          playsInline
          preload="metadata"
          aria-label={words.reelOf(title)}
          tabIndex={0}
          onClick={toggle}
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onTimeUpdate={(event) => onTime(event.currentTarget.currentTime)}
          onSeeked={(event) => onTime(event.currentTarget.currentTime)}
          onKeyDown={(event) => {
            if (event.key === "ArrowLeft") step(event.shiftKey ? -30 : -1);
            else if (event.key === "ArrowRight") step(event.shiftKey ? 30 : 1);
            else if (event.key === " ") toggle();
            else return;
            event.preventDefault();
          }}
        />
        {covered && format && <Covered format={format} />}
      </div>
      <figcaption className="row center">
        <button className="button" aria-label={words.frameBack} onClick={() => step(-1)}>
          ‹
        </button>
        <button className="button primary" onClick={toggle}>
          {playing ? words.pause : words.play}
        </button>
        <button className="button" aria-label={words.frameOn} onClick={() => step(1)}>
          ›
        </button>
        <label className="check">
          <input
            type="checkbox"
            checked={covered}
            onChange={(event) => setCovered(event.target.checked)}
          />
          <span>{words.overlays}</span>
        </label>
      </figcaption>
    </figure>
  );
}

/** The parts of the frame that the app lays its own text and buttons over. */
function Covered({ format: { width, height, covered } }: { format: FormatOption }) {
  const side = covered.sides * width;
  const [top, bottom] = [covered.top * height, covered.bottom * height];
  const middle = height - top - bottom;
  return (
    <svg className="covered" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <rect width={width} height={top} />
      <rect y={height - bottom} width={width} height={bottom} />
      <rect y={top} width={side} height={middle} />
      <rect x={width - side} y={top} width={side} height={middle} />
    </svg>
  );
}
