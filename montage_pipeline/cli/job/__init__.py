"""A Reel from the command line: what was ordered (`order`), or what is changed (`changes`) of which
edit (`made_edit`), carrying it out (`local_job`), and waiting for it (`attending`).
"""
