"""Codes, PINs and counted attempts at them."""
