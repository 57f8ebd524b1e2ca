# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages of pictures: downloaded once with npm or apt-get, unpacked without root."""

import pathlib
import subprocess
import sys
import tarfile


def _run(command, cwd):
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL)
    if result.returncode != 0:
        raise SystemExit(f"fetch: '{' '.join(command)}' ended with {result.returncode}")


def _npm_archive(package, version, cache):
    name = f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    return cache / name


def _download_npm(wanted, cache):
    """wanted: set of (package, version). One npm call for all that are missing."""
    missing = [f"{p}@{v}" for p, v in sorted(wanted) if not _npm_archive(p, v, cache).exists()]
    if missing:
        _run(["npm", "pack", "--silent", *missing], cache)


def _unpack_npm(package, version, cache):
    folder = cache / _npm_archive(package, version, cache).stem
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    with tarfile.open(_npm_archive(package, version, cache)) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and ".." not in m.name]
        archive.extractall(partial, members)
    (root,) = partial.iterdir()  # a single folder, usually "package"
    root.rename(folder)
    partial.rmdir()
    return folder


def _in_debian(package):
    found = subprocess.run(["apt-cache", "show", package], stdout=subprocess.DEVNULL)
    return found.returncode == 0


def _fetch_deb(package, cache):
    folder = cache / f"{package}.deb.d"
    if folder.exists():
        return folder
    if not list(cache.glob(f"{package}_*.deb")):
        _run(["apt-get", "download", package], cache)
    partial = folder.with_suffix(".partial")
    _run(["dpkg", "-x", str(sorted(cache.glob(f"{package}_*.deb"))[-1]), str(partial)], cache)
    partial.rename(folder)
    return folder


def fetch(sources, cache):
    """Returns {source name: folder of its unpacked package}. sources: rows of sources.tsv.

    A Debian release may lack a package: its sources are left out, the others do not change.
    """
    cache = pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    _download_npm({(s["package"], s["version"]) for s in sources if s["origin"] == "npm"}, cache)
    folders = {}
    for source in sources:
        if source["origin"] == "npm":
            folder = _unpack_npm(source["package"], source["version"], cache)
        elif _in_debian(source["package"]):
            folder = _fetch_deb(source["package"], cache)
        else:
            print(f"fetch: no Debian package '{source['package']}' here", file=sys.stderr)
            continue
        folders[source["source"]] = folder
    return folders
