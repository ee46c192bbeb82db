"""Tables that people read and that the docs take over: error codes and settings.

Belongs here: how they are written out. Does not belong here: what they say (`error_codes`,
`settings`).
"""
