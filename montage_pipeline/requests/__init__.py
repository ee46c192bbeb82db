"""Users, their content items, and the requests for Reels of them, in Postgres.

Belongs here: the tables and their migrations, what users do with their library (`library`), every
change of a request's state (`lifecycle`), the wishes of a request (`options`), and what earlier
Reels showed (`seen`). Does not belong here: paid calls, though their table is declared beside the
others (`costs`); how a request is carried out (`orchestration`).

Begin reading at `model`, then `lifecycle.RequestLifecycle`.
"""
