"""The analyst that asks Claude: measured moments, judged from contact sheets.

The way of a question: the moments to ask about (`candidates`), their frames on contact sheets
(`sheets`), the words (`body`, `prompt`), what it will cost (`tokens`, `prediction`), all put
together within the budget (`request`). It is bought at most once (`call`); the answer is checked
(`judgement`) and merged into what was measured (`merge`, `subject`, `words`).

Belongs here: all that knows of Claude's models, prompts and protocol.
Does not belong here: prices (costs), measuring and the technical verdict (the rest of analysis).

Begin with `analyst.ClaudeAnalyst.analyse`.
"""
