"""The studio as developers handle it: building it, and picturing it for the docs."""
