"""What git knows of a folder, where there is git, and a repository."""

import subprocess


def ask_git(root, *words):
    """What git prints; None: no git is installed, or the folder is no repository, as an archive's that was unpacked."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
