"""What earlier requests made and a later one of the same user may use again.

Belongs here: finding it. Does not belong here: the values themselves (the object store has them),
what makes two of them the same (orchestration).
"""
