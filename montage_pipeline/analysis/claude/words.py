"""Claude's words made fit to be shown and to be handed to a composer.

Claude repeats what it sees, and what it sees may be text that a stranger put into the footage. So
its words are data here: plain, short
sentences, with nothing in them that a program or a person would follow.
"""

import re
import unicodedata

_LINK = re.compile(
    r"\w+://\S*|mailto:\S*|\S*@\S*|\b[\w-]+\.[a-z]{2,}\S*", re.IGNORECASE
)  # also a plain host.tld
_NOT_PLAIN = re.compile(r"[^\w\s.,;:!?'’&%()/+-]|_")

_LEAST_MUSIC_PROMPT = 10


def plain(text: str, most: int) -> str:
    """One line of letters, digits and common punctuation, without links and addresses, at most
    `most` characters, cut between words.
    """
    text = _NOT_PLAIN.sub(" ", _LINK.sub(" ", unicodedata.normalize("NFKC", text)))
    text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split()))
    if len(text) > most:
        text = text[: most + 1].rsplit(" ", 1)[0][:most].rstrip(" ,;:-(")
    return text.strip(" ,;:-")


def music_prompt(text: str, most: int) -> str:
    """The same for a composer: always instrumental.

    Empty when next to nothing of the text is left.
    """
    said = plain(text, most - len("Instrumental. "))
    if len(said) < _LEAST_MUSIC_PROMPT:
        return ""
    return said if "instrumental" in said.lower() else f"Instrumental. {said}"
