"""Words that say where footage is from: the names of stock libraries and of programs that put
theirs on what they make, web addresses, accounts, trial notices.

Scenes have writing too, but hardly these. Names are compared as they are read: letters and digits
only, and one letter in eight may be misread.
"""

import re
from difflib import SequenceMatcher

_NAMES = frozenset(
    {
        # Stock libraries
        "123rf",
        "adobestock",
        "alamy",
        "artgrid",
        "bigstock",
        "canstock",
        "colourbox",
        "crushpixel",
        "depositphotos",
        "dreamstime",
        "envato",
        "filmsupply",
        "freepik",
        "gettyimages",
        "istock",
        "mixkit",
        "motionarray",
        "pexels",
        "pixabay",
        "pixtastock",
        "pond5",
        "rawpixel",
        "shutterstock",
        "storyblocks",
        "vecteezy",
        "videoblocks",
        "videohive",
        # Editors, recorders and converters
        "apowersoft",
        "bandicam",
        "capcut",
        "clideo",
        "clipchamp",
        "filmora",
        "filmorago",
        "flexclip",
        "invideo",
        "kapwing",
        "kinemaster",
        "movavi",
        "powerdirector",
        "renderforest",
        "videoshow",
        "videoleap",
        "viddup",
        "vivacut",
        "vivavideo",
        "vsdc",
        "wondershare",
        # Networks that put their name on downloads
        "douyin",
        "kuaishou",
        "snapchat",
        "tiktok",
        "xiaohongshu",
        # Notices
        "demoversion",
        "notforresale",
        "trialversion",
        "unregistered",
        "evaluationversion",
        "previewonly",
    }
)
# Too short, or too common inside other words, to be looked for anywhere but alone.
_ALONE = frozenset({"inshot", "wevideo", "preview", "watermark"})
_PREFIXES = ("shotwith", "shoton", "madewith", "createdwith", "editedwith", "recordedwith")

_ENDINGS = "com|co|net|org|io|tv|app|video|ai|ru|cn|de|fr|it|es|uk|eu|br|jp|kr|in|online|studio"
_ADDRESS = re.compile(rf"(www\.|https?:)|[a-z0-9-]{{3,}}\.({_ENDINGS})(\.[a-z]{{2}})?(/|$)")
_ACCOUNT = re.compile(r"(?<![a-z0-9.])@[a-z0-9_.]{3,}")
_COPYRIGHT = re.compile(r"©|\(c\)")

_MIN_LIKE = 0.87
"""Of two words, from which they are one: a name of eight letters may have one that is misread."""
_MIN_MISREAD = 7  # letters of a name that may be misread: shorter ones are near to other words


def says_source(text: str) -> bool:
    """Whether a line names a service, a site, an account or an owner, as watermarks do."""
    line = text.lower()
    joined = re.sub(r"[^a-z0-9]", "", line)
    if joined in _ALONE or joined.startswith(_PREFIXES):
        return True
    if _ADDRESS.search(line.replace(" ", "")) or _ACCOUNT.search(line) or _COPYRIGHT.search(line):
        return True
    words = {joined, *(re.sub(r"[^a-z0-9]", "", word) for word in line.split())}
    return any(_is_name(word, name) for word in words for name in _NAMES)


def _is_name(word: str, name: str) -> bool:
    if name in word:
        return True
    near = abs(len(word) - len(name)) <= 1 and len(name) >= _MIN_MISREAD
    return near and SequenceMatcher(None, word, name, autojunk=False).ratio() >= _MIN_LIKE
