"""The studio: the page where a person makes a Reel, served under `/studio`.

`pages` serves what was built; `static/` holds it, so that it is in the wheel and nobody needs Node
to use it. `web/` is its source (TypeScript, React), and `make studio` builds it. The page is a
client of the public API and of nothing else.
"""
