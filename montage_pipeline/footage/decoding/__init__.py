"""From a clip's packets to frames as a viewer sees them.

Belongs here: where decoding can begin and what it costs (packets), keyframes by themselves
(keyframes), spans in one pass (plan, reading), which of them are damaged (damage), and frames at
given times (sample, frames). Does not belong here: measuring frames (measuring).

Begin with `packets.IndexedClip`.
"""
