"""Claude's words made fit to be shown and to be handed to a composer.

Claude repeats what it sees, and what it sees may be text that a stranger put into the footage. So
its words are data here: plain, short sentences, with nothing in them that a program or a person
would follow.
"""

import re
import unicodedata

# The last alternative is a plain host.tld.
_LINK = re.compile(
    r"\w+://\S*|mailto:\S*|\S*@\S*|\b[\w-]+\.[a-z]{2,}\S*",
    re.IGNORECASE,
)
_NOT_PLAIN = re.compile(r"[^\w\s.,;:!?'’&%()/+-]|_")

_MIN_MUSIC_PROMPT = 10  # characters; less tells a composer nothing


def plain(text: str, max_length: int) -> str:
    """One line of letters, digits and common punctuation, without links and addresses.

    At most `max_length` characters, cut between words.
    """
    text = _NOT_PLAIN.sub(" ", _LINK.sub(" ", unicodedata.normalize("NFKC", text)))
    text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split()))
    if len(text) > max_length:
        text = text[: max_length + 1].rsplit(" ", 1)[0][:max_length].rstrip(" ,;:-(")
    return text.strip(" ,;:-")


def music_prompt(text: str, max_length: int) -> str:
    """The same for a composer, always instrumental; empty when next to nothing is left."""
    prompt = plain(text, max_length - len("Instrumental. "))
    if len(prompt) < _MIN_MUSIC_PROMPT:
        return ""
    return prompt if "instrumental" in prompt.lower() else f"Instrumental. {prompt}"
