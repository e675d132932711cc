"""The embedded AWS: moto in one process, made as strict as AWS about who may do what.

It keeps accounts apart, enforces service control policies and roles' policies on every request, and
refuses what AWS refuses where moto does not. State is in memory and ends with the process.
"""
