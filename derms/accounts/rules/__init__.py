"""Pure rules of accounts: what a certificate says, and what a policy still misses."""
