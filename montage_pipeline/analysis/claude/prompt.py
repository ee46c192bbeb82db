"""The instructions to Claude and the shape of its answer, as versioned data.

`prompts/<VERSION>.md` holds the instructions; the schema is made from the records that read the
answer. `prompts/versions.json` keeps the hash of every version that was released: a test fails when
one of them is changed without a new name.
"""

import json
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from montage_pipeline.analysis.claude.judgement import Judgement

VERSION = "judge_v4"

_KEPT_KEYWORDS = ("type", "enum", "const", "description")


@cache
def system_prompt() -> str:
    """The instructions, as packaged."""
    return files(__package__).joinpath("prompts", f"{VERSION}.md").read_text(encoding="utf-8")


@cache
def answer_schema() -> dict[str, Any]:
    """The JSON schema of the answer in the subset that the API compiles.

    Limits of numbers become words, those of lists and texts are left out: the API does not enforce
    them, `read_judgement` does.
    """
    schema = Judgement.model_json_schema()
    return _portable(schema, schema.get("$defs", {}))


def _portable(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A schema with its definitions put in, and without what the API does not take."""
    if "$ref" in schema:
        return _portable(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    # A record's docstring is for who reads the code.
    portable = {
        name: schema[name]
        for name in _KEPT_KEYWORDS
        if name in schema and not (name == "description" and "properties" in schema)
    }
    if "minimum" in schema:
        upper = f"to {schema['maximum']:g}" if "maximum" in schema else "or more"
        portable["description"] = f"{schema['minimum']:g} {upper}"
    if "properties" in schema:
        portable["properties"] = {
            name: _portable(inner, definitions) for name, inner in schema["properties"].items()
        }
        portable["required"] = list(schema["properties"])
        portable["additionalProperties"] = False
    if "items" in schema:
        portable["items"] = _portable(schema["items"], definitions)
    if "anyOf" in schema:
        portable["anyOf"] = [_portable(inner, definitions) for inner in schema["anyOf"]]
    return portable


@cache
def prompt_hash() -> str:
    """Changes with every change of the instructions or the schema (12 hex digits)."""
    released = system_prompt() + json.dumps(answer_schema(), sort_keys=True)
    return sha256(released.encode()).hexdigest()[:12]


@cache
def prompt_version() -> str:
    """What an analysis says about the prompt that made it, e.g. judge_v3-0123456789ab."""
    return f"{VERSION}-{prompt_hash()}"
