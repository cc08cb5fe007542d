"""What a person can do, one file each.

A flow takes the `App` and the `Caller`, decides inside one transaction, and
refuses outside it: a refusal raised inside would roll back the very counter,
revocation or audit row that has to survive it. No flow knows of HTTP.
"""
