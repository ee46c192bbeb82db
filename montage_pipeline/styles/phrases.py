"""Phrases that the music of several styles shares: progressions in scale degrees, drum fills."""

POP_BRIGHT = (
    (0, 4, 5, 3),
    (0, 5, 3, 4),
    (3, 0, 4, 5),
    (5, 3, 0, 4),
    (0, 2, 3, 4),
    (3, 4, 5, 0),
    (0, 3, 1, 4),
)
POP_DARK = (
    (0, 5, 2, 6),
    (0, 3, 5, 6),
    (0, 6, 5, 6),
    (5, 6, 0, 0),
    (0, 2, 6, 3),
    (0, 5, 3, 6),
    (5, 2, 6, 0),
)
TOM_FILL = {"snare": "..........5.6.79", "tom": "........7.7.....", "low_tom": "............8.8."}
ROLL_FILL = {"snare": "4.4.5.5.66667789"}
GAP_FILL = {"kick": "9.......", "clap": "............9..."}
