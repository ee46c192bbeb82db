"""What carries over a cut: where the viewer's eye is in the picture, and which way things go.

An eye that finds the next subject where the last one was does not notice the cut, and movement that
turns round from one shot to the next does not read as one movement (the 180° rule). DIRECT (arXiv
2604.04875) measures cuts by both.

Belongs here: both of a moment, as its crop shows it. Does not belong here: what they are worth
(`optimizer.terms`), finding subjects (footage, analysis).
"""
