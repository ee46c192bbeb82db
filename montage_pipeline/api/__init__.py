"""The HTTP API: make Reels, watch them being made, upload clips, look at costs.

Belongs here: routes, bodies, who asks, and what every answer has in common. Does not belong here:
what is done with a request (`requests` stores it, `orchestration` carries it out), nor anything of
how a Reel is made.

Begin reading at `app.create_app`, the factory for a server, then `routes.content_items`.
"""
