"""Writes what an installed tree consists of as an SPDX 2.3 document in JSON.

    sbom.py TREE VERSION OUTPUT [LINKED...]

TREE is the installed tree. LINKED are the libraries, archives and headers of other projects that went into it: paths, of
which the Debian package and its version are looked up, and which are listed by their SHA-256 where no package has them.
The libraries that the programs of the tree load are found in these themselves. The date is that of SOURCE_DATE_EPOCH, or
of no moment (1970), so that the same tree gives the same document.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def loaded_by(path):
    """The shared libraries that a program or library needs, by their paths."""
    return re.findall(r"=> (/\S+)", run("ldd", str(path)))


def owner(path):
    """The Debian package that has a file, with its version and source; nothing where none has."""
    if not shutil.which("dpkg-query"):
        return None
    # Where /lib is a link to /usr/lib, packages may list either.
    real = os.path.realpath(path)
    for name in dict.fromkeys([path, real, real.removeprefix("/usr")]):
        found = run("dpkg-query", "-S", name)
        if found:
            package = found.split(": ")[0].split(",")[0].split(":")[0]
            facts = run("dpkg-query", "-W", "-f=${Package}\t${Version}\t${source:Package}\n", package)
            return tuple(facts.splitlines()[0].split("\t")) if facts else None
    return None


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package_of(path):
    known = owner(path)
    if known:
        name, version, source = known
        return {
            "SPDXID": identifier(f"Package-{name}"), "name": name, "versionInfo": version,
            "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "sourceInfo": f"source package {source}",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{name}@{version}"}],
        }
    name = os.path.basename(path)
    return {
        "SPDXID": identifier(f"Package-{name}"), "name": name, "versionInfo": "NOASSERTION",
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256(path)}] if os.path.isfile(path) else [],
    }


def document(tree, version, linked):
    files = sorted(path for path in tree.rglob("*")
                   if path.is_file() and not path.is_symlink() and path.name != "sbom.spdx.json")
    libraries = {path for file in files if is_elf(file) for path in loaded_by(file)}
    own = {str(path) for path in files}
    packages = {}
    for path in sorted((libraries | set(linked)) - own):
        package = package_of(path)
        packages.setdefault(package["SPDXID"], package)
    entries = [
        {"SPDXID": identifier(f"File-{path.relative_to(tree)}"), "fileName": f"./{path.relative_to(tree)}",
         "checksums": [{"algorithm": "SHA256", "checksumValue": sha256(path)}]}
        for path in files
    ]
    root = {"SPDXID": "SPDXRef-dstack", "name": "dstack", "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "primaryPackagePurpose": "APPLICATION"}
    created = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    content = hashlib.sha256("".join(sorted(e["checksums"][0]["checksumValue"] for e in entries)).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"dstack-{version}",
        "documentNamespace": f"urn:dstack:sbom:{version}:{content}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: dstack-sbom"]},
        "packages": [root, *packages.values()],
        "files": entries,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-dstack"},
            *({"spdxElementId": "SPDXRef-dstack", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": name}
              for name in packages),
            *({"spdxElementId": "SPDXRef-dstack", "relationshipType": "CONTAINS", "relatedSpdxElement": e["SPDXID"]}
              for e in entries),
        ],
    }


def main():
    tree, version, output, *linked = sys.argv[1:]
    written = document(pathlib.Path(tree), version, linked)
    pathlib.Path(output).write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
