/** Every word of the page, so that it can be translated in one place. */

const seconds = (value: number) => `${value.toFixed(1)} s`;

const moment = (at: Date) =>
  at.toLocaleString([], { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });

const composers: Record<string, string> = {
  local: "composed here",
  user: "your own music",
};

export const words = {
  product: "Montage studio",
  library: "Library",
  make: "New Reel",
  skip: "Skip to content",
  cutOff: "No connection to the server. What you see may be old; it goes on by itself.",
  offline: "No connection to the server. It is tried again by itself.",
  noAnswer: (status: number) => `The server answered ${status} without a reason.`,
  retry: "Try again",
  loading: "Loading",
  remove: "Remove",
  back: "Back to the library",

  signIn: "Sign in",
  signInLead: "Paste the token that “montage up” printed, or the one your administrator gave you.",
  expired: "Your token has expired or is not accepted. Paste a new one.",
  signingIn: "Signing in…",
  token: "Token",
  signOut: "Sign out",

  emptyTitle: "Nothing here yet",
  emptyLead: "Drop a few clips and get a finished Reel, with music made for it.",
  emptyAction: "Make your first Reel",
  search: "Search your Reels",
  nothingFound: (text: string) => `No Reel is called “${text}”.`,
  untitled: (style: string, made: Date) =>
    `${style[0]?.toUpperCase()}${style.slice(1)}, ${moment(made)}`,
  states: {
    generating: "In the making",
    draft: "Ready",
    planned: "Choose an edit",
    previewed: "Preview ready",
    failed: "Failed",
  } as Record<string, string>,

  clips: "Your clips",
  drop: "Drop clips here",
  dropLead: "or choose them from this device. Many at once is fine.",
  choose: "Choose clips",
  links: "Add links",
  linksLead: "One https:// address a line.",
  addLinks: "Add",
  notALink: (text: string) => `“${text}” is no https:// address.`,
  uploading: (percent: number) => `${percent} % uploaded`,
  uploaded: "Uploaded",
  waiting: "Waiting",
  linked: "From the web",
  uploadRefused: (status: number) => `The store refused the file (${status}).`,
  uploadBroken: "The connection broke while the file was sent.",
  tooLarge: (name: string, limit: string) => `${name} is larger than the ${limit} allowed.`,
  tooMany: (most: number) => `At most ${most} clips make one Reel.`,
  marks: { none: "If it fits", hook: "Opens", must: "Must appear", never: "Never" } as Record<
    string,
    string
  >,
  markOf: (name: string) => `Use of ${name}`,

  style: "Style",
  format: "Format",
  formats: {
    reel: "Reel 9:16",
    feed: "Feed 4:5",
    square: "Square 1:1",
    landscape: "Wide 16:9",
  } as Record<string, string>,
  duration: "Length",
  seconds,
  wholeSeconds: (value: number) => `${value} s`,
  more: "Title, words on the opening, music, wishes",
  title: "Title",
  caption: "Words on the opening",
  prompt: "What you would like to see",
  promptHint: "As in “sunset, the dog, no faces”.",
  music: "Your own music",
  musicNone: "Composed for this Reel",
  musicChoose: "Choose a track",
  musicUnder: "Music under these cuts",
  colours: "Bring the clips' colours together",
  shortCuts: "Show clips under 3 s, too, in quick cuts",
  how: "How to begin",
  hows: {
    reel: ["Make the Reel", "Straight to the finished file."],
    plans: ["Show me plans", "Up to three different edits to choose from; nothing is rendered yet."],
    preview: ["Preview first", "A small draft of the edit, in a fraction of the time."],
  } as Record<string, [string, string]>,
  start: "Make the Reel",
  starting: "Starting",
  needClips: "Add at least one clip.",
  needUploads: "Wait until every clip is uploaded, or remove those that failed.",

  steps: {
    clip_analysis: "Looking at your clips",
    music_track: "Composing the music",
    edit_timeline: "Planning the edit",
    rendered_video: "Rendering",
    r2_object: "Saving",
  } as Record<string, string>,
  queued: "Waiting for its turn",
  making: "Your Reel is being made",
  makingAgain: "Another version is being made; this is the one before.",
  cancel: "Cancel",
  percent: (value: number) => `${value} %`,
  failed: "This Reel could not be made",
  attempts: (count: number) => (count === 1 ? "Tried once." : `Tried ${count} times.`),
  reelOf: (title: string) => `The Reel “${title}”`,
  play: "Play",
  pause: "Pause",
  frameBack: "One frame back",
  frameOn: "One frame on",
  overlays: "Show what the app covers",
  download: "Download",
  again: "Make another version",
  againSameMusic: "Same music, other edit",
  edit: "The edit",
  variants: "Choose an edit",
  variantsChosen: "The edits of this plan",
  variantOne: "The plan",
  variant: (number: number) => `Edit ${number}`,
  variantChosen: "Chosen",
  variantFacts: (segments: number, clips: number, length: number) =>
    `${segments} segments of ${clips === 1 ? "1 clip" : `${clips} clips`}, ${seconds(length)}.`,
  variantShared: (share: number) =>
    share === 0
      ? "Nothing in common with the others."
      : `${Math.round(share * 100)} % in common with an earlier one.`,
  storyboardOf: (number: number) => `Storyboard of edit ${number}`,
  preview: "Preview",
  makeThis: "Make this Reel",
  previews: "Preview",
  previewOf: (format: string) => `Preview, ${format}`,
  otherFormats: "Other formats",
  addFormats: "The same edit, framed anew:",
  deliverFormats: "Deliver these",
  downloadFormat: (format: string) => `Download ${format}`,
  segment: (number: number, name: string, start: number, end: number) =>
    `Segment ${number}: ${name}, ${seconds(start)} to ${seconds(end)} of the clip`,
  keys: "Arrow keys choose a segment; with Alt they move it. L locks, M mutes, Delete bans, comma and full stop slip by a frame, Ctrl+Z undoes.",
  alternatives: (number: number) => `Instead of segment ${number}`,
  moveCrop: "Crop: drag it, or move it with the arrow keys",
  segmentTools: "Change this segment",
  lock: "Lock",
  isLocked: "Locked",
  ban: "Never show this",
  mute: "Mute",
  place: "Place",
  moveEarlier: "Move one place earlier",
  moveLater: "Move one place later",
  trim: "Where it stands, and which frames are shown",
  slip: "Slip",
  slipEarlier: "Show its clip one frame earlier",
  slipLater: "Show its clip one frame later",
  begins: "Begins",
  beginEarlier: "Begin earlier",
  beginLater: "Begin later",
  ends: "Ends",
  endEarlier: "End earlier",
  endLater: "End later",
  offBeat: "By frames, off the beat",
  captionOn: (number: number) => `Words on segment ${number}`,
  setCaption: "Set",
  willRender: (why: string) => `To be rendered: ${why}`,
  willBeRendered: (rendered: number, total: number) =>
    `${rendered} of ${total} segments will be rendered.`,
  nothingBought: "Nothing is bought.",
  onBeat: (count: number, total: number) => `${count} of ${total} cuts on the beat.`,
  carryOut: "Make it",
  undo: "Undo",
  discard: "Discard all",
  instead: (change: { kind: string; frames?: number; to?: number }, what: string) =>
    change.frames !== undefined
      ? `${change.frames > 0 ? "+" : "−"}${Math.abs(change.frames)} frames instead`
      : change.to !== undefined
        ? `Place ${change.to + 1} instead`
        : what
          ? `${what} instead`
          : "As far as it goes instead",
  compare: "Compare with the version before",
  before: "Before",
  after: "After",
  planned: "The edit is planned; it is being rendered.",
  frameOf: (name: string) => `A frame of ${name}; the bright part fills the Reel`,
  score: (value: number) => `Score ${value.toFixed(2)}`,
  roles: { hook: "opens the Reel", body: "", ending: "closes the Reel" } as Record<string, string>,
  beats: (bpm: number, composer: string) =>
    `${Math.round(bpm)} beats a minute, ${composers[composer] ?? `by ${composer}`}`,
  covers: "Cover",
  coverAt: (rank: number, time: number) => `Cover ${rank}, at ${seconds(time)}`,
  storyboard: "Storyboard",
  otio: "OpenTimelineIO",
  timeline: "Timeline (JSON)",
  rename: "Rename",
  save: "Save",
  cancelEdit: "Leave it",
  delete: "Delete",
  deleteSure: "Delete this Reel and everything it was made from? What was paid stays in the costs.",
  deleteYes: "Delete for good",
  every: "Every clip you gave",
  shown: (count: number) => (count === 1 ? "1 segment" : `${count} segments`),
  notShown: "Not shown",
  originality: "Originality",
  notes: "Good to know",
  costs: "What it cost",
  costWhen: "When",
  costCall: "Call",
  costUsd: "USD",
  costTotal: "In all",
  costNone: "Nothing was bought.",
  costReused: "used again, nothing bought",
  costStates: { pending: "not known yet", estimated: "estimated" } as Record<string, string>,
  services: { claude: "Claude", fal: "fal" } as Record<string, string>,
  moment,
};

/** What wishes are called here; messages of the API call them by their fields. */
const wishes: Record<string, string> = {
  hookClip: words.marks["hook"]!,
  mustUse: words.marks["must"]!,
  exclude: words.marks["never"]!,
  musicUrl: words.music,
  keepMusic: words.againSameMusic,
  captions: words.caption,
  prompt: words.prompt,
  shortCuts: words.shortCuts,
  look: words.colours,
};

/** A message of the API with wishes as the page calls them; names of files stay as they are. */
export function inWords(message: string): string {
  return message.replace(/\bthe wish (\w+)\b(?!\.)/g, (all, field: string) =>
    wishes[field] ? `the wish “${wishes[field]}”` : all,
  );
}
