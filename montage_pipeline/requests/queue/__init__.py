"""The queue of requests: whose turn it is, and who is told that there is something to start.

Begin with `turns`, which chooses what starts next; `nudges` wakes whoever starts it.

Belongs here: the order of the queue. Does not belong here: a change of a request's state
(`requests.lifecycle`), nor what it means to start one (`orchestration`).
"""
