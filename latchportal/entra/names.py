"""What the parts of signing in call the same things by: keys of the session and of the exchange's state. Words only."""

from typing import Final

ENTRA: Final = "entra"
SIGN_IN: Final = "sign_in"
NONCE: Final = "nonce"
# In the state of an exchange: for which kept form somebody who is signed in proves more.
STEP_UP: Final = "step_up"
UNREACHABLE: Final = "Entra ID can not be reached at the moment."
