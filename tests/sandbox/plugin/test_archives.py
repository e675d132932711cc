from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from sandbox.plugin.archives import ArchiveError, zipped
from sandbox.plugin.values import ARCHIVE, ASSET, SIGNATURE, Values


def asset(**content: object) -> Values:
    return {SIGNATURE: ASSET, "hash": "h", **content}


def archive(**content: object) -> Values:
    return {SIGNATURE: ARCHIVE, "hash": "h", **content}


def files(package: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(package)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_files_texts_folders_and_archives_end_up_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "lib" / "deep" / "b.py").write_text("b")
    (tmp_path / "a.py").write_text("a")
    package = zipped(
        archive(
            assets={
                "a.py": asset(path=str(tmp_path / "a.py")),
                "note.txt": asset(text="hello"),
                "lib": archive(path=str(tmp_path / "lib")),
                "more": archive(assets={"c.py": asset(text="c")}),
            }
        )
    )
    assert files(package) == {
        "a.py": b"a",
        "note.txt": b"hello",
        "lib/deep/b.py": b"b",
        "more/c.py": b"c",
    }


def test_the_same_content_is_the_same_to_the_byte(tmp_path: Path) -> None:
    for folder, names in (("one", ["a", "b"]), ("two", ["b", "a"])):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text(name)
    one, two = (zipped(archive(path=str(tmp_path / folder))) for folder in ("one", "two"))
    assert one == two
    with ZipFile(BytesIO(one)) as opened:
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_package_that_is_zipped_already_is_taken_as_it_is(tmp_path: Path) -> None:
    package = tmp_path / "service.zip"
    package.write_bytes(b"as it is")
    assert zipped(archive(path=str(package))) == b"as it is"


def test_everybody_may_read_the_files() -> None:
    package = zipped(archive(assets={"a": asset(text="a")}))
    with ZipFile(BytesIO(package)) as opened:
        assert opened.getinfo("a").external_attr >> 16 & 0o444 == 0o444


@pytest.mark.parametrize(
    "remote", [archive(uri="https://example.com/a.zip"), archive(assets={"a": asset(uri="x")})]
)
def test_what_would_have_to_be_fetched_is_refused(remote: Values) -> None:
    with pytest.raises(ArchiveError, match="fetched from an address are not carried"):
        zipped(remote)
