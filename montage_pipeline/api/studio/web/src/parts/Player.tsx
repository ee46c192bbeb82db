import { type RefObject, useEffect, useRef, useState } from "react";
import type { FormatOption } from "../api/client";
import { pathOf } from "../api/links";
import { frameAt, timeOf } from "../frames";
import { words } from "../strings";
import { Icon } from "./Icon";
import { Scrubber } from "./Scrubber";

type Video = RefObject<HTMLVideoElement | null>;

/** The Reel in a phone's frame; arrow keys step by frames. */
export function Player({
  url,
  poster,
  title,
  format,
  video,
  onTime,
  onStale,
}: {
  url: string;
  poster: string | null;
  title: string;
  format: FormatOption | undefined;
  video: Video;
  onTime: (seconds: number) => void;
  /** The file cannot be loaded: its link may have ended. */
  onStale: () => void;
}) {
  const [playing, setPlaying] = useState(false);
  const [muted, setMuted] = useState(false);
  const [covered, setCovered] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  useKeptPlace(video, url);
  const step = (frames: number) => {
    if (!video.current) return;
    video.current.pause();
    video.current.currentTime = timeOf(frameAt(video.current.currentTime) + frames);
  };
  const toggle = () => {
    if (playing) video.current?.pause();
    else video.current?.play().catch(ignored);
  };
  const again = () => {
    setRefused(null);
    video.current?.load();
  };

  return (
    <figure className="player">
      <div className={`phone ${format?.name ?? "reel"}`} ref={frame}>
        <video
          ref={video}
          src={url}
          {...(poster && { poster })}
          playsInline
          muted={muted}
          preload="metadata"
          aria-label={words.reelOf(title)}
          tabIndex={0}
          onClick={toggle}
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onTimeUpdate={(event) => onTime(event.currentTarget.currentTime)}
          onSeeked={(event) => onTime(event.currentTarget.currentTime)}
          onLoadedMetadata={() => setRefused(null)}
          onError={() => {
            setRefused(url);
            onStale();
          }}
          onKeyDown={(event) => {
            if (event.ctrlKey || event.metaKey || event.altKey) return;
            if (event.key === "ArrowLeft") step(event.shiftKey ? -30 : -1);
            else if (event.key === "ArrowRight") step(event.shiftKey ? 30 : 1);
            else if (event.key === " ") toggle();
            else if (event.key === "m") setMuted(!muted);
            else return;
            event.preventDefault();
          }}
        />
        {covered && format && <Covered format={format} />}
      </div>
      <figcaption>
        {refused === url && (
          <div className="notice bad" role="alert">
            <p>{words.cannotPlay}</p>
            <button type="button" className="button" onClick={again}>
              {words.retry}
            </button>
          </div>
        )}
        <Scrubber video={video} />
        <div className="row center">
          <button
            type="button"
            className="button icon"
            aria-label={muted ? words.unmute : words.muteAll}
            aria-pressed={muted}
            onClick={() => setMuted(!muted)}
          >
            <Icon name={muted ? "silent" : "sound"} />
          </button>
          <button
            type="button"
            className="button icon"
            aria-label={words.frameBack}
            onClick={() => step(-1)}
          >
            ‹
          </button>
          <button type="button" className="button primary" onClick={toggle}>
            {playing ? words.pause : words.play}
          </button>
          <button
            type="button"
            className="button icon"
            aria-label={words.frameOn}
            onClick={() => step(1)}
          >
            ›
          </button>
          <button
            type="button"
            className="button icon"
            aria-label={words.fullScreen}
            onClick={() => fillScreen(frame.current, video.current)}
          >
            <Icon name="full" />
          </button>
        </div>
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

/** Another file goes on where the one before was: one looks at the same place before and after. */
function useKeptPlace(video: Video, url: string): void {
  const place = useRef({ seconds: 0, playing: false });
  const path = pathOf(url);
  useEffect(() => {
    const player = video.current;
    if (!player) return;
    const note = () => {
      // A file that is being loaded stands at 0.
      if (player.readyState > 0 && !player.ended)
        place.current = { seconds: player.currentTime, playing: !player.paused };
    };
    const goOn = () => {
      const { seconds, playing } = place.current;
      if (seconds === 0 || seconds >= player.duration) return;
      player.currentTime = seconds;
      if (playing) player.play().catch(ignored);
    };
    const heard = ["timeupdate", "seeked", "play", "pause"];
    heard.forEach((event) => player.addEventListener(event, note));
    player.addEventListener("loadedmetadata", goOn);
    return () => {
      heard.forEach((event) => player.removeEventListener(event, note));
      player.removeEventListener("loadedmetadata", goOn);
    };
  }, [video, path]);
}

/** Interrupted by another click, or by a file that cannot be loaded, which says so itself. */
function ignored(): void {}

interface OnPhone extends HTMLVideoElement {
  /** What iPhones have in place of `requestFullscreen`. */
  webkitEnterFullscreen?: () => void;
}

function fillScreen(frame: HTMLElement | null, video: OnPhone | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (frame?.requestFullscreen) frame.requestFullscreen().catch(ignored);
  else video?.webkitEnterFullscreen?.();
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
