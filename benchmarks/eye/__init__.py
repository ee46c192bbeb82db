"""Does a Reel show what an editor would? Reels of labelled footage, scored against the labels.

labels      what an editor said of each clip: rank, good, never, hook, where the subject is
scoring     one Reel held against the labels
ranks       the planner's order of the clips held against the editor's
baselines   what anybody could do without looking: first seconds, random moments, middle crop
judged      questions to Claude as files, and answers read from files
reels       planned Reels of a set of clips, without rendering them
__main__    the command, the table, the page
"""
