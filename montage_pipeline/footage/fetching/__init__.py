"""Bringing clips and music to this machine from addresses that nobody vouches for.

Belongs here: which addresses are fetched, their limits, the cache of fetched files, and reading
ranges of large stored clips. Does not belong here: what a fetched file holds (probe).

Begin with `fetch.ClipFetcher`. It picks one of `web`, `bucket` and `disk` by the kind of address;
`limits` says what each may bring, `address` which hosts are refused.
"""
