/** Every Reel has 30 frames a second. */
const FRAME_S = 1 / 30;

/** Share of a frame by which a time may be off: seconds are decimals, cuts lie on the edge of one. */
const SLACK = 0.01;

/** The number of the frame that is shown at a time. */
export function frameAt(seconds: number): number {
  return Math.floor(seconds / FRAME_S + SLACK);
}

/** When a frame begins. */
export function beginOf(frame: number): number {
  return frame * FRAME_S;
}

/** Where to send a player so that it shows this frame: its middle. At the edge of a frame browsers
 * round to whole microseconds, and may show the one before. */
export function timeOf(frame: number): number {
  return (Math.max(0, frame) + 0.5) * FRAME_S;
}
