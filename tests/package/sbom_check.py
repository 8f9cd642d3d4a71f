"""sbom_check.py TREE: whether the document of an installed tree says what is in it."""

import hashlib
import json
import pathlib
import sys

tree = pathlib.Path(sys.argv[1])
document = json.loads((tree / "share/doc/dstack/sbom.spdx.json").read_text())

# What SPDX 2.3 requires of a document, its packages and its files.
for key in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"):
    assert document[key], key
assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0"
for package in document["packages"]:
    assert package["SPDXID"].startswith("SPDXRef-") and package["name"] and package["downloadLocation"], package
identifiers = [entry["SPDXID"] for entry in document["packages"] + document["files"]]
assert len(identifiers) == len(set(identifiers)), "an identifier is used twice"
known = {*identifiers, "SPDXRef-DOCUMENT"}
for relationship in document["relationships"]:
    assert {relationship["spdxElementId"], relationship["relatedSpdxElement"]} <= known, relationship

# Every file of the tree, as it is.
listed = {entry["fileName"]: entry["checksums"][0]["checksumValue"] for entry in document["files"]}
there = {f"./{path.relative_to(tree)}": hashlib.sha256(path.read_bytes()).hexdigest()
         for path in tree.rglob("*") if path.is_file() and not path.is_symlink() and path.name != "sbom.spdx.json"}
assert listed == there, set(listed.items()) ^ set(there.items())

# What is linked, statically or not.
names = " ".join(package["name"].lower() for package in document["packages"])
for library in ("sqlite3", "sodium", "yaml-cpp", "boost", "spdlog", "fmt", "nlohmann", "cli11", "curl", "libc6"):
    assert library in names, f"{library} is missing in {names}"
print(f"{len(document['packages'])} packages, {len(listed)} files")
