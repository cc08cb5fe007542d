"""The key: there, strong, closed, and the one the database was used with."""

import os

import pytest

KEY, OTHER_KEY = "k3y-" * 10, "0ther-" * 8


@pytest.mark.parametrize(
    ("secret", "sentence"),
    [
        ("short", "SECRET_KEY is shorter than 32 bytes. Set at least 32 random bytes"),
        ("", "SECRET_KEY is blank. Set at least"),
        (f"{KEY},", "SECRET_KEY is blank. Set at least"),
    ],
)
def test_weak_key_is_told(doctor, secret, sentence):
    (state, words), *_ = doctor(SECRET_KEY=secret).of("secret key")

    assert state == "FAIL"
    assert words.startswith(sentence)


def test_missing_key_file_is_told(doctor, make_database, tmp_path):
    make_database()
    (tmp_path / "authserver.key").unlink()

    report = doctor()

    assert report.of("secret key") == [
        (
            "FAIL",
            "The key file authserver.key is missing. Restore it, or set SECRET_KEY.",
        )
    ]
    assert report.status == 1


def test_key_file_that_others_can_read_is_told(doctor, make_database, tmp_path):
    make_database()
    (tmp_path / "authserver.key").chmod(0o644)

    (line,) = doctor().of("secret key")

    assert line[0] == "FAIL"
    assert "Run: chmod 600 authserver.key" in line[1]


def test_key_file_of_another_user_is_told(doctor, make_database, tmp_path):
    os.chown(make_database(), 65534, 65534)

    line, _ = doctor().of("secret key")

    assert line[0] == "warn"
    assert "belong to different users" in line[1]


def test_another_key_than_the_database_s_fails(doctor, make_database):
    make_database(KEY)

    report = doctor(SECRET_KEY=OTHER_KEY)

    state, words = report.of("secret key")[-1]
    assert state == "FAIL"
    assert "is not the key that this database was used with" in words
    assert "SECRET_KEY=new,old" in words


def test_rotated_key_is_the_right_one(doctor, make_database):
    make_database(KEY)

    report = doctor(SECRET_KEY=f"{OTHER_KEY},{KEY}")

    assert report.of("secret key") == [
        ("ok", "SECRET_KEY: one that signs, and 1 older"),
        ("ok", "is the one that the database was used with"),
    ]


def test_key_dropped_too_early_is_a_warning(doctor, make_database):
    make_database(KEY)
    make_database(OTHER_KEY)

    state, words = doctor(SECRET_KEY=OTHER_KEY).of("secret key")[-1]

    assert state == "warn"
    assert "Keep an old key behind the new one" in words
