"""How much of the API one caller may use: calls a minute, and event streams at once.

    rate_limits  calls a minute of a user and of an address, in this process and over all of them
    call_rates   the count of all processes, in Postgres
    streams      event streams that one user has open

Begin with `rate_limits`. What is limited in Postgres alone, requests under way, is in
`requests.library`.
"""
