"""What an operator does that is no deployment: `python -m ops COMMAND`.

A module for each command. They read settings, outputs and accounts, and change nothing of them.
"""
