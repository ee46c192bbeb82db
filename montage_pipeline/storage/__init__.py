"""The object store: reading, writing and signing over the S3 API, and where everything lies in it.

Belongs here: the one way to the bucket (`object_store`, with `client`, `store_errors` and `signing`
under it), every key of the product (`keys`), and how finished files get their final place
(`delivery`). Does not belong here: what the files hold, and how a store of our own is started
(`local.embedded`).

Begin reading at `object_store.ObjectStore`, then `delivery.deliver`.
"""
