"""Vouchers and their bonuses."""
