"""What the API does without being asked: it purges what deleted items left in the object store, and
sends the messages that are due to webhooks.

Belongs here: the thread, and its jobs. Does not belong here: what is due (`requests` knows, in the
database, so that several processes share the work and a crash loses none of it).

Begin reading at `thread.Background`.
"""
