"""Shows what every single unit of a vision network has learned: the program `netdissect`, and where it is."""

import os
import sysconfig

__all__ = ["find_program"]


def find_program():
    """Path of the program that was installed with this package.

    Raises FileNotFoundError where it was taken away."""
    name = "netdissect" + (sysconfig.get_config_var("EXE") or "")
    user = sysconfig.get_preferred_scheme("user") if hasattr(sysconfig, "get_preferred_scheme") else os.name + "_user"
    beside = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # as `pip install --target` leaves it
    folders = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", user), os.path.join(beside, "bin")]
    for folder in folders:
        program = os.path.join(folder, name)
        if os.path.isfile(program):
            return program
    raise FileNotFoundError("{} is in none of {}".format(name, ", ".join(folders)))
