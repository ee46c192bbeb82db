"""The error codes as people read them: docs/errors.md."""

from montage_pipeline.error_codes import ErrorCode

_HEAD = """\
# Error codes

Every failure carries one of these codes: in the API's answers (`error.code`), in the `error` of a
failed item, in the logs and on the command line. A code keeps its name; messages may change.

*Retried*: the fault may pass, so a step tries again before its request fails; every other error
fails at once. *HTTP*: the status when the API answers with the code.

This page is made by `montage errors --markdown > docs/errors.md`.

| code | retried | HTTP | what to do |
|---|---|---|---|
"""


def markdown_page() -> str:
    """docs/errors.md, in the order of the registry."""
    return _HEAD + "".join(
        f"| `{code}` | {'' if code.permanent else 'yes'} | {code.status or ''} | {code.remedy} |\n"
        for code in ErrorCode
    )
