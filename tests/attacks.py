"""An attack that the tests share, and the file by which they notice that it worked."""

import os

PWNED = "pwned"
"""How the name of a file begins that an attack writes if it works."""


class Attack:
    """An object that writes the file PWNED when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {PWNED}",)
