"""The whole multi-account program on one machine: real engine, embedded AWS, no cloud.

Nothing in `components`, `stacks` or `service` knows of this package; the standard AWS environment
variables are the only link.
"""
