"""Selling, printing, voiding and redeeming vouchers."""
