"""Canonical values: many spellings, one value; nothing for what identifies nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example
from hypothesis import strategies as st

from identity.normalise import MAX_BYTES, normalise
from tests.identity.strategies import holds_for

KINDS = ["phone", "email", "customer", "visitor", "whatsapp", "sms", "mailbox", "telegram", "slack"]


@pytest.mark.parametrize(
    "written",
    ["+34600111222", "34600111222", "0034 600 111 222", " +34 600-111-222 ", "\uff0b34 (600) 111222", "+٣٤٦٠٠١١١٢٢٢"],
)
def test_international_spellings_of_one_number_are_one_value(written: str) -> None:
    assert normalise("phone", written) == "+34600111222"


@pytest.mark.parametrize(
    ("written", "region", "value"),
    [
        ("600 111 222", "ES", "+34600111222"),
        ("600 111 222", "es", "+34600111222"),
        ("+34 600 111 222", "BR", "+34600111222"),
        ("0034 600 111 222", "ES", "+34600111222"),
        ("34600111222", "ES", "+34600111222"),
        ("5511987654321", "ES", "+5511987654321"),
        ("(555) 000-1111", "US", "+15550001111"),
        ("06 1234 5678", "IT", "+390612345678"),
    ],
)
def test_a_region_helps_to_read_what_people_typed(written: str, region: str, value: str) -> None:
    assert normalise("phone", written, region=region) == value


@pytest.mark.parametrize("written", ["551187654321", "5511987654321", "+55 (11) 8765-4321", "+55 11 98765-4321"])
def test_brazil_with_and_without_the_ninth_digit_is_one_line(written: str) -> None:
    assert normalise("phone", written) == "+5511987654321"
    assert normalise("phone", "11 8765-4321", region="BR") == "+5511987654321"


def test_a_brazilian_landline_keeps_its_eight_digits() -> None:
    assert normalise("phone", "551132654321") == "+551132654321"


@pytest.mark.parametrize("written", ["525512345678", "5215512345678", "+52 1 55 1234 5678"])
def test_mexico_with_and_without_the_1_is_one_line(written: str) -> None:
    assert normalise("phone", written) == "+525512345678"
    assert normalise("phone", "044 55 1234 5678", region="MX") == "+525512345678"


@pytest.mark.parametrize("written", ["541123456789", "5491123456789", "+54 9 11 2345-6789", "+54 11 15 2345-6789"])
def test_argentina_with_and_without_the_9_is_one_line(written: str) -> None:
    assert normalise("phone", written) == "+541123456789"
    assert normalise("phone", "011 15-2345-6789", region="AR") == "+541123456789"


@pytest.mark.parametrize("region", [None, "ES", "US"])
@pytest.mark.parametrize(
    "written",
    [
        "",
        "  ",
        "+",
        "0",
        "0000000",
        "1111111111",
        "+1234567890",
        "1234567",
        "12",
        "9" * 40,
        "call 600111222",
        "600111222 ext. 5",
        "+34600111222;ext=5",
        "+34600111222 #5",
        "600111222 / 600111333",
        "600\x00111222",
        "600111222\ud800",
        "+999 123 456 789",
    ],
)
def test_what_is_no_number_of_one_person_is_nothing(written: str, region: str | None) -> None:
    assert normalise("phone", written, region=region) is None


def test_a_national_number_without_a_region_is_not_guessed() -> None:
    assert normalise("phone", "600111222", region="ZZ") is None


@pytest.mark.parametrize("written", ["Ana@Example.com", " ana@example.com\n", "ANA@EXAMPLE.COM"])
def test_case_and_blanks_do_not_matter_in_an_address(written: str) -> None:
    assert normalise("email", written) == "ana@example.com"
    assert normalise("mailbox", written) == "ana@example.com"


def test_nothing_in_an_address_is_particular_to_a_provider() -> None:
    assert normalise("email", "a.na+shop@gmail.com") == "a.na+shop@gmail.com"


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert normalise("email", "jose\u0301@example.com") == "jos\u00e9@example.com"
    assert normalise("customer", "jose\u0301") == "jos\u00e9"


@pytest.mark.parametrize(
    "written", ["", "ana", "@example.com", "ana@", "ana@localhost", "a b@example.com", "a@b@c.com", "Ana <ana@b.com>"]
)
def test_what_is_no_address_is_nothing(written: str) -> None:
    assert normalise("email", written) is None


def test_an_address_longer_than_any_is_nothing() -> None:
    assert normalise("email", f"{'a' * 320}@example.com") is None


@pytest.mark.parametrize(
    "written",
    [
        "null",
        "NULL",
        "None",
        "undefined",
        "NaN",
        "anonymous",
        "guest",
        "true",
        "False",
        "[object Object]",
        "email",
        "distinct_id",
        "-1",
        "0",
        "000",
        "00000000-0000-0000-0000-000000000000",
        "-",
        "",
        " null ",
    ],
)
def test_a_placeholder_is_no_customer(written: str) -> None:
    assert normalise("customer", written) is None


def test_a_customer_id_keeps_its_case() -> None:
    assert normalise("customer", " Ana-01 ") == "Ana-01"


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("whatsapp", "ES.4411223344556677", "ES.4411223344556677"),
        ("whatsapp", "34600111222", "34600111222"),
        ("whatsapp", "+34600111222", "34600111222"),
        ("whatsapp", "551187654321", "5511987654321"),
        ("whatsapp", "34666666666", "34666666666"),
        ("sms", "+34600111222", "+34600111222"),
        ("sms", "12345", "12345"),
        ("sms", "BANK", "BANK"),
        ("mailbox", "Undisclosed Recipients", "Undisclosed Recipients"),
        ("telegram", "111222333", "111222333"),
        ("visitor", " 0192f3 ", "0192f3"),
        ("slack", "U0G9QF9C6", "U0G9QF9C6"),
    ],
)
def test_an_endpoint_is_what_the_platform_says(kind: str, written: str, value: str) -> None:
    assert normalise(kind, written) == value


def test_a_value_over_512_bytes_is_hashed() -> None:
    assert normalise("visitor", "ñ" * 256) == "ñ" * 256
    assert normalise("visitor", "ñ" * 257) == "sha256:ae57505e669c3195fd80c0faeadef67bdabcac51008707e5f17363cc1afed4a7"


@holds_for(st.sampled_from(KINDS), st.text(), st.sampled_from([None, "ES", "BR", "MX", "AR", "US"]))
@example("phone", "+5491123456789", None)
@example("email", "İ\u0301@EXAMPLE.com", None)
@example("visitor", "x" * 2000, None)
def test_a_match_value_can_be_stored_and_is_its_own_match_value(kind: str, written: str, region: str | None) -> None:
    value = normalise(kind, written, region=region)
    if value is not None:
        assert value
        assert "\0" not in value
        assert len(value.encode()) <= MAX_BYTES
        assert normalise(kind, value, region=region) == value


@example("310000001", None)
@example("37588102453556", None)
@example("90179758380", "AR")
@example("10697973928", "MX")
@example("9078459962", "BR")
@holds_for(st.text("0123456789+ ()-", max_size=20), st.sampled_from([None, "ES", "BR", "MX", "AR", "US"]))
def test_a_phone_is_a_plus_and_digits_and_its_own_match_value(written: str, region: str | None) -> None:
    value = normalise("phone", written, region=region)
    if value is not None:
        assert value[0] == "+"
        assert value[1:].isdigit()
        assert normalise("phone", value, region=region) == value
        assert normalise("phone", value) == value
        assert normalise("whatsapp", value) == value[1:]


def test_the_pure_modules_run_where_there_is_no_django() -> None:
    modules = ["normalise", "rules", "resolver", "neighbourhood", "interchange"]
    program = "import sys; sys.modules['django'] = None\n" + "\n".join(f"import identity.{name}" for name in modules)
    subprocess.run([sys.executable, "-c", program], check=True)
