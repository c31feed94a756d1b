"""Models: which are known, where they are on this machine, how they get here. Only a download uses the network.

known.py      the known models (resources/models.toml)
folders.py    the folder of models, finding one, removing one
machine.py    which known model suits this machine
remote.py     what the hub says of a repository: commit, licence, files; why one does not work here
transfer.py   one file from the hub: resumed, checked by its hash
trouble.py    what passes and is tried again, and what does not
meter.py      how far a download is, and how fast
download.py   a whole model, which has its name only when every file is verified
original.py   the original recipe's parts, downloaded and joined with the user's adapter
verify.py     is a model still what was downloaded?
"""

from mqwen.hub.folders import (
    STARTER,
    find_model,
    installed_models,
    is_starter,
    models_folder,
    partial_bytes,
    partial_models,
    remove_model,
    set_models_folder,
)
from mqwen.hub.known import KnownModel, is_permissive, known_model, known_models

__all__ = [
    "STARTER",
    "KnownModel",
    "find_model",
    "installed_models",
    "is_permissive",
    "is_starter",
    "known_model",
    "known_models",
    "models_folder",
    "partial_bytes",
    "partial_models",
    "remove_model",
    "set_models_folder",
]
