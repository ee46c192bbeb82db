"""Several edits, and several shapes of one."""
