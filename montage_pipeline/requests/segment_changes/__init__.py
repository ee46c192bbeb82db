"""Changes of single segments that a user asks for, and what each would come to.

`model` is the list of changes, stored with the request that carries them out; `outcome` says which
segments of the changed edit have to be rendered.

Belongs here: the documents. Does not belong here: whether a change is possible, or carrying it out
(`editing.changing`).
"""
