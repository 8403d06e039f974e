"""The places of the marks, by which an older or deleted store is noticed: can both be written."""

import tempfile
from pathlib import Path

from config.schema import ServiceConfig
from ops.desk.marks import Marks, marks_of
from ops.doctor.finding import Checked, fine, warning

CHECK = "marks"
WHY = "without marks a store that is put back or deleted is not noticed, and its locks are gone"


def check(config: ServiceConfig) -> list[Checked]:
    """Look at the places that a service of this user would use."""
    return look(marks_of(config.service.data_dir))


def look(marks: Marks) -> list[Checked]:
    """Look at each place, or at the folder that it will be made in; nothing is left behind."""
    found = [
        warning(CHECK, f"{folder} cannot be written: {refused}", WHY, mend(folder))
        for folder in marks.folders
        if (refused := refusal(folder)) is not None
    ]
    if len(marks.folders) == 1:
        what = f"this user has no place for state, so there is but one: {marks.folders[0]}"
        how = "set XDG_STATE_HOME for the service to a folder of its user, outside of data_dir"
        found.append(warning(CHECK, what, WHY, how))
    places = " and ".join(map(str, marks.folders))
    return found or [fine(CHECK, f"both places can be written: {places}")]


def refusal(folder: Path) -> str | None:
    """Return why a file cannot be put into a folder, which may have to be made first."""
    try:
        place = next(one for one in (folder, *folder.parents) if one.exists() or one.is_symlink())
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def mend(folder: Path) -> str:
    """Return what makes a folder writable."""
    return (
        f"make {folder} a folder that the user of the service may write to, with room on its disk"
    )
