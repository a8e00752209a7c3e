"""What systemd reads from a site's file, and what /etc/environment may not carry."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shortstop.django.plugins.plugin_utils import environment

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,15}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"])) | st.text("\"\\$` #'=a", max_size=12)
CANNOT = 'environment_variables: "COLOUR": /etc/environment cannot carry this value faithfully; give it in the "environment" of each site that needs it'
NO_TEXT = 'environment_variables: "COLOUR" must be a text or a whole number; put its value into quotes'


def systemd(text: str) -> Iterator[tuple[str, str]]:
    """Read lines of double-quoted values as systemd's parse_env_file() does."""
    rest = text
    while rest:
        name, _, rest = rest.partition('="')
        value = ""
        while not rest.startswith('"'):
            escaped = rest[0] == "\\" and rest[1] in '"\\$`'
            value, rest = value + rest[escaped], rest[1 + escaped :]
        assert rest.startswith('"\n'), "a value ends with its quote, and its line with the value"
        rest = rest[2:]
        yield name, value


def test_it_works():
    assert environment.environment_file({"GREETING": "hello"}) == 'GREETING="hello"\n'


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", 'A=""\n'),
        (0, 'A="0"\n'),
        ("two words ", 'A="two words "\n'),
        ('say "hi"', 'A="say \\"hi\\""\n'),
        ("$HOME", 'A="\\$HOME"\n'),
        ("`id`", 'A="\\`id\\`"\n'),
        ("a\\b", 'A="a\\\\b"\n'),
        ("it's #1; a=b", 'A="it\'s #1; a=b"\n'),
        ("Zürich\t✓", 'A="Zürich\t✓"\n'),
    ],
)
def test_a_value_is_quoted_for_systemd(value, line):
    assert environment.environment_file({"A": value}) == line


def test_variables_are_sorted():
    assert environment.environment_file({"B": "2", "A": "1"}) == 'A="1"\nB="2"\n'


def test_no_variables_are_no_lines():
    assert environment.environment_file({}) == ""


@given(st.dictionaries(NAMES, TEXTS, max_size=4))
def test_every_value_arrives_byte_for_byte(variables):
    assert dict(systemd(environment.environment_file(variables))) == variables


@given(st.dictionaries(NAMES, TEXTS, max_size=4))
def test_what_was_written_is_read_again(variables):
    assert environment.environment_values(environment.environment_file(variables)) == variables


def test_the_last_of_a_name_counts_and_what_is_not_ours_is_left_out():
    assert environment.environment_values('# A="0"\nPATH=/bin\nA="1"\nA="2"\nexport B="3"\n') == {"A": "2"}


@pytest.mark.parametrize("value", ["", "plain", "two  inner words", "Europe/Zurich", "a=b;c,d", "-1", 0, 42, "{}[]()<>|&*?!~^%@+:."])
def test_what_logins_and_units_read_alike_is_accepted(value):
    assert environment.server_environment_errors({"COLOUR": value}) == []


@pytest.mark.parametrize("character", list("#$\"'\\`\n\r\t\0é"))
@pytest.mark.parametrize("form", ["{}", "a{}", "{}a", "a{}a"])
def test_what_they_read_differently_is_refused(character, form):
    assert environment.server_environment_errors({"COLOUR": form.format(character)}) == [CANNOT]


@pytest.mark.parametrize("value", [" ", " red", "red ", "red\n"])
def test_space_at_an_end_is_refused(value):
    assert environment.server_environment_errors({"COLOUR": value}) == [CANNOT]


@pytest.mark.parametrize("value", [True, False, None, 1.5, ["red"], {"red": 1}])
def test_a_value_of_another_type_is_refused(value):
    assert environment.server_environment_errors({"COLOUR": value}) == [NO_TEXT]


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "A\n", "É", 7, True])
def test_a_bad_name_is_refused(name):
    assert environment.server_environment_errors({name: "red"}) == [f'environment_variables: "{name}" is no name of a variable (letters, digits and _)']


def test_each_bad_variable_has_its_sentence():
    assert environment.server_environment_errors({"COLOUR": "#fff", "SIZE": "10", "1A": "x"}) == [
        CANNOT,
        'environment_variables: "1A" is no name of a variable (letters, digits and _)',
    ]


@given(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4))
def test_what_is_accepted_needs_no_escape_in_either_reader(variables):
    refused = environment.server_environment_errors(variables)
    for name, value in variables.items():
        if not any(f'"{name}"' in sentence for sentence in refused):
            assert re.fullmatch(r"(?! )[ -~]*(?<! )", value)
            assert not re.search(r"[#$\"'\\`]", value)


@given(st.from_regex(r"marker[a-z]{8}", fullmatch=True), st.sampled_from(["#{}", "{} ", "{}\n", "${}", "'{}'"]))
def test_no_sentence_shows_the_value(marker, form):
    for value in (form.format(marker), [marker], {marker: marker}):
        [sentence] = environment.server_environment_errors({"TOKEN": value})
        assert marker not in sentence
