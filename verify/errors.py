"""What the tool refuses, one sentence each: where, what was wanted, what was found, what to do."""


class VerifyError(Exception):
    """Bad input or an environment that cannot be worked in."""

    exit_code = 2


class ClaimError(VerifyError):
    """One or more claims are not well formed; one line each."""


class LedgerDamagedError(VerifyError):
    """A ledger's chain does not hold; nothing was read from it and nothing written."""

    exit_code = 4
