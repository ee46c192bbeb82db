"""What goes over the wire, in camelCase.

Belongs here: the bodies of requests and answers, and how they become the documents of the rooms
below and come from them. Does not belong here: checks that need to know who asks or how the service
is set up (`api.clip_urls`); examples (`api.openapi`).

Begin reading at `requests.NewContentItemBody` and `answers.ContentItemOut`; `base` has what both
are made of.
"""
