"""The bundled site is whole, or a play ends before it touches anything."""


def test_it_works(play):
    assert play().expect_success().changed == 0


def test_a_collection_without_its_site_is_refused(play, tmp_path):
    (tmp_path / "manage.py").write_text("", encoding="utf-8")
    sentence = f"The bundled site is not whole: there is no {tmp_path}/requirements.txt. Install the collection again."
    play(tatis_source_dir=str(tmp_path)).expect_failure(sentence)
