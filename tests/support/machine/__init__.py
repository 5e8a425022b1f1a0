"""The world of the stateful machine, its model and its checks."""
