"""The stand-in for `pulumi-resource-aws`, for machines that cannot get the genuine plugin.

Carries the resource types that this repository uses to AWS's own API. `schema` says what a resource
type is; one module for each AWS service holds the types themselves; `provider` answers the engine.
"""
