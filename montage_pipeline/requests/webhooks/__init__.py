"""Webhooks: where a user is told what became of their Reels, and every message to them.

Belongs here: the user's target and secret (`targets`), and the outbox: messages are written in the
transaction that they tell of, and claimed one by one to be sent (`outbox`). Does not belong here:
sending (the API does), signatures.

Begin reading at `model`.
"""
