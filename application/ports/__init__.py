"""The ports: what the use cases need from outside, one module for each kind.

A port's docstring is the guarantee that its adapter gives. The contract suite checks it on every adapter.
"""
