"""Music bought from fal.ai, at most once per request.

Belongs here: the order, the submission, the wait, the download and the ledger rows of a purchase.
Does not belong here: prices (costs) and beats (music.beats).

Begin with `purchase`, the order of work that survives a killed process. `order` says what is bought
and what makes two orders the same purchase; `models` and `prompt` what is sent; `job` waits for it;
`bill` keeps the ledger, and `left_jobs` closes rows that nobody waits for any more; `queue` is the
wire and `download` fetches the file.
"""
