"""Files of somebody who means harm, or that broke on the way, through analysis and rendering.

    seeds      small sound files in many containers and codecs, generated
    mutations  what happens to them, by a seed
    crafted    files whose numbers lie, made by hand
    trial      one batch through fetcher, analyst and engine, with a verdict for each file

Each is used, or rejected with a named reason; the good clip beside them is used in any case.
"""
