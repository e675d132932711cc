"""How a command says that it cannot go on: one clear sentence for a person."""


class OpsError(Exception):
    """What is wrong, where, and how to mend it; shown without a traceback."""
