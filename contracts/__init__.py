"""The contract suite: what the ports promise, as tests that any adapter can be put to.

It ships with the product, so that an embedder's own storage can prove itself: write a `conftest.py` with a
fixture `open_storage` and run `pytest --pyargs playtime.contracts` (docs/embedding.md). Our own storages are put
to it by tests/contracts. It knows the application and the domain alone and needs pytest (`playtime[contracts]`);
the product knows nothing of it.
"""
