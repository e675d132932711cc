"""Speed and scale, measured and shown as tables; nothing here fails because a machine is slow.

Ratios stand beside the limit they are meant to keep. What is measured is the work tree as it is.
"""
