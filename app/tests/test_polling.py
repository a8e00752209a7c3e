"""What a poll keeps, when the next one is due, and whom it tells when polls fail."""

from datetime import timedelta

import pytest
from django.core import mail

from games.judgement import Answer, Presence, Reason, judge
from games.models import Appearance, Person
from games.news import games_with_errors, known
from games.polling import is_due, poll
from games.replies import LoggedGame, Player
from games.statsapi import LeagueError
from tests.conftest import ADMINS
from tests.games import DAY, at, days, game

pytestmark = pytest.mark.django_db


class Api:
    """Stands in for the client: says what a test gives it, and fails where it is told to."""

    copyright = "Copyright 2026 MLB Advanced Media, L.P."

    def __init__(self, *games, team_id=135, status="Active", log=(), rank=None, words=()):
        self.games, self.team_id, self.on_roster, self.log, self.ranked, self.words = {135: list(games)}, team_id, status, list(log), rank, list(words)
        self.failing: dict[str, LeagueError] = {}
        self.asked: list[str] = []

    def _ask(self, what):
        self.asked.append(what)
        if what in self.failing:
            raise self.failing[what]

    def fail(self, what, retry_after=None):
        self.failing[what] = LeagueError(f"The league gave no answer to {what}.", retry_after)

    def schedule(self, team_id, start, end):
        self._ask("schedule")
        self.span = (start, end)
        return [found for found in self.games.get(team_id, []) if start <= found.listed_for <= end]

    def with_box_score(self, found, person_id):
        self._ask("box score")
        return found

    def plays(self, game_pk, person_id):
        self._ask("plays")
        return self.words

    def player(self, person_id):
        self._ask("player")
        return Player("Fernando Tatis Jr.", self.team_id, "San Diego Padres" if self.team_id == 135 else "New York Mets")

    def status(self, team_id, person_id):
        self._ask("status")
        return self.on_roster

    def season(self, person_id, season):
        self._ask("season")
        return self.log

    def rank(self, person_id, season):
        self._ask("rank")
        return self.ranked


def logged(game_pk, errors, day):
    return LoggedGame(game_pk, day, 135, "San Diego Padres", "Arizona Diamondbacks", True, errors)


def answer(now):
    verdict = judge(known(now).news, now)
    return verdict.answer, verdict.reason, verdict.errors


def failed_poll(api, now):
    with pytest.raises(LeagueError):
        poll(api, now)
    return Person.objects.get()


def test_it_works():
    poll(Api(game("I", 1), words=["a throwing error in the top of the 1st"]), at("19:00"))
    assert answer(at("19:00")) == (Answer.YES, Reason.PLAYING, 1)
    row = Appearance.objects.get()
    assert (row.person_id, row.game_pk, row.presence, row.plays) == (665487, 747001, "played", ["a throwing error in the top of the 1st"])


def test_a_poll_asks_for_yesterday_today_and_tomorrow():
    api = Api()
    poll(api, at("00:30"))
    assert api.span == (DAY - days(1), DAY + days(1))


def test_box_scores_are_asked_for_of_games_that_have_one():
    api = Api(game("S", game_pk=1), game("D", game_pk=2), game("I", game_pk=3), game("F", game_pk=4, day=DAY - days(1)), game("U", game_pk=5))
    poll(api, at("20:00"))
    assert api.asked.count("box score") == 3


def test_an_error_is_taken_back():
    poll(Api(game("I", 1), words=["an error"]), at("19:00"))
    poll(Api(game("I", 0)), at("19:01"))
    assert answer(at("19:01")) == (Answer.NO, Reason.PLAYING, 0)
    assert Appearance.objects.get().plays == []
    assert Person.objects.get().season_errors == 0


def test_words_are_asked_for_once_an_error():
    api = Api(game("I", 1), words=["an error"])
    for minute in range(3):
        poll(api, at("19:00") + timedelta(minutes=minute))
    assert api.asked.count("plays") == 1


def test_words_that_come_late_are_asked_for_again():
    api = Api(game("I", 1))
    poll(api, at("19:00"))
    api.words = ["an error"]
    poll(api, at("19:01"))
    assert Appearance.objects.get().plays == ["an error"]


def test_when_the_errors_changed_is_not_when_they_were_last_seen():
    api = Api(game("I", 1), words=["an error"])
    poll(api, at("19:00"))
    poll(api, at("19:01"))
    assert Appearance.objects.get().errors_changed_at == at("19:00")


def test_a_game_is_over_since_it_was_first_seen_so():
    for clock in ("21:30", "21:40"):
        poll(Api(game("F")), at(clock))
    assert Appearance.objects.get().over_since == at("21:30")


def test_a_game_that_goes_on_after_all_is_over_no_more():
    poll(Api(game("O")), at("21:30"))
    poll(Api(game("I")), at("21:31"))
    assert Appearance.objects.get().over_since is None


def test_a_game_that_leaves_the_schedule_is_forgotten():
    poll(Api(game("S")), at("12:00"))
    poll(Api(), at("13:00"))
    assert answer(at("13:00")) == (Answer.NO, Reason.NO_GAME, 0)
    assert not Appearance.objects.exists()


def test_a_game_that_he_played_is_not_forgotten_so():
    poll(Api(game("F", 1)), at("21:30"))
    poll(Api(), at("21:40"))
    assert answer(at("21:40")) == (Answer.YES, Reason.OVER, 1)


def test_yesterdays_games_are_known_after_midnight():
    poll(Api(game("I", 1)), at("23:59"))
    assert answer(at("00:01", DAY + days(1))) == (Answer.YES, Reason.PLAYING, 1)


@pytest.mark.parametrize(("games", "minutes"), [([game("I")], 1), ([game("F")], 10), ([], 60)])
def test_the_next_poll_is_due_as_the_games_demand(games, minutes):
    assert poll(Api(*games), at("21:00")).due_at == at("21:00") + timedelta(minutes=minutes)


@pytest.mark.parametrize(("early", "due"), [(timedelta(seconds=16), False), (timedelta(seconds=15), True), (timedelta(0), True)])
def test_a_poll_that_is_due_in_some_seconds_is_due(early, due):
    person = Person(due_at=at("19:01"))
    assert is_due(person, at("19:01") - early) == due


@pytest.mark.parametrize("person", [None, Person()])
def test_the_first_poll_is_due(person):
    assert is_due(person, at("19:00"))


def test_the_rest_is_looked_up_once_an_hour():
    api = Api()
    for minute in (0, 59, 60):
        poll(api, at("12:00") + timedelta(minutes=minute))
    assert api.asked.count("player") == api.asked.count("status") == api.asked.count("season") == api.asked.count("rank") == 2


def test_the_season_is_looked_up_when_an_error_comes_or_goes():
    poll(Api(game("I", 0), log=[logged(1, 2, DAY - days(9))]), at("19:00"))
    assert Person.objects.get().season_errors == 2
    poll(Api(game("I", 1), log=[logged(1, 2, DAY - days(9))], rank=3), at("19:01"))
    assert (Person.objects.get().season_errors, Person.objects.get().rank) == (3, 3)


def test_the_log_fills_in_the_days_before():
    poll(Api(log=[logged(1, 1, DAY - days(30)), logged(2, 0, DAY - days(29))]), at("12:00"))
    (row,) = games_with_errors()
    assert (row.official_date, row.errors, row.team) == (DAY - days(30), 1, "San Diego Padres")


def test_the_log_changes_what_was_scored_otherwise():
    early = DAY - days(5)
    poll(Api(game("F", 1, early), words=["an error"]), at("22:00", early))
    poll(Api(log=[logged(747001, 0, early)]), at("22:00"))
    assert not games_with_errors().exists()
    assert Appearance.objects.get().plays == []


def test_the_log_leaves_the_days_alone_that_are_still_polled():
    poll(Api(game("F", 1), words=["an error"], log=[logged(747001, 0, DAY), logged(2, 3, DAY - days(1))]), at("22:00"))
    assert answer(at("22:00"))[2] == 1
    assert Appearance.objects.count() == 1


def test_spring_is_no_part_of_the_season():
    poll(Api(game("F", 1, game_type="S")), at("22:00"))
    assert Person.objects.get().season_errors == 0


def test_a_trade_is_noticed_and_the_new_clubs_games_are_asked_for():
    api = Api(game("S", game_pk=1), team_id=121)
    api.games[121] = [game("S", game_pk=2, team="New York Mets")]
    poll(api, at("12:00"))
    assert [row.game_pk for row in Appearance.objects.all()] == [2]
    assert Person.objects.get().team == "New York Mets"


def test_the_error_for_the_old_club_is_not_forgotten_on_the_day_of_a_trade():
    api = Api(game("I", 1, game_pk=1, start=at("13:10")), words=["an error"])
    poll(api, at("14:00"))
    api.team_id, api.games = 121, {135: [game("F", 1, game_pk=1, start=at("13:10")), game("S", game_pk=3)], 121: [game("S", game_pk=2)]}
    poll(api, at("15:00"))
    assert answer(at("15:00")) == (Answer.YES, Reason.BETWEEN_GAMES, 1)
    assert sorted(row.game_pk for row in Appearance.objects.all()) == [1, 2]


def test_without_a_club_the_one_of_the_settings_is_asked_for():
    api = Api(game("S"), team_id=None)
    poll(api, at("12:00"))
    poll(api, at("12:01"))
    assert Appearance.objects.count() == 1


def test_the_answer_does_not_wait_for_the_rest():
    api = Api(game("F", 1))
    api.fail("player")
    person = failed_poll(api, at("22:00"))
    assert answer(at("22:00")) == (Answer.YES, Reason.OVER, 1)
    assert (person.failing_since, person.due_at) == (at("22:00"), at("22:10"))


def test_a_failed_poll_leaves_the_last_good_answer():
    poll(Api(game("I", 1)), at("19:00"))
    api = Api(game("I", 0))
    api.fail("box score")
    failed_poll(api, at("19:01"))
    assert answer(at("19:01")) == (Answer.YES, Reason.PLAYING, 1)
    assert Person.objects.get().as_of == at("19:00")
    assert answer(at("19:07"))[:2] == (Answer.UNKNOWN, Reason.STALE)


def test_failed_polls_come_at_longer_intervals():
    api, minutes, now = Api(), [], at("12:00")
    api.fail("schedule")
    for _ in range(5):
        due = failed_poll(api, now).due_at
        minutes.append((due - now) / timedelta(minutes=1))
        now = due
    assert minutes == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(("asked", "given"), [(600, 600), (30, 60), (999_999, 3600)])
def test_a_league_that_wants_to_be_left_alone_is_for_an_hour_at_most(asked, given):
    api = Api()
    api.fail("schedule", retry_after=asked)
    assert failed_poll(api, at("12:00")).due_at - at("12:00") == timedelta(seconds=given)


def test_a_good_poll_ends_the_failures():
    api = Api()
    api.fail("schedule")
    failed_poll(api, at("12:00"))
    poll(Api(), at("12:01"))
    person = Person.objects.get()
    assert (person.failures, person.failing_since, person.problem) == (0, None, "")


@pytest.fixture
def outage(settings):
    """A function that lets polls fail for so many minutes; returns the subjects of what the admins were mailed."""
    settings.ADMINS = ADMINS

    def fail(minutes, then_good=False):
        api = Api()
        api.fail("schedule")
        for minute in range(minutes + 1):
            failed_poll(api, at("12:00") + timedelta(minutes=minute))
        if then_good:
            poll(Api(), at("12:00") + timedelta(minutes=minutes + 1))
        return [message.subject for message in mail.outbox]

    return fail


FAILING, AGAIN = "[testserver] Tatis has had no news for over an hour", "[testserver] Tatis has news again"


@pytest.mark.parametrize(
    ("minutes", "then_good", "subjects"),
    [(59, False, []), (60, False, [FAILING]), (180, False, [FAILING]), (59, True, []), (60, True, [FAILING, AGAIN])],
)
def test_failing_for_an_hour_is_told_once_and_so_is_the_end(outage, minutes, then_good, subjects):
    assert outage(minutes, then_good) == subjects


def test_the_mail_says_since_when_and_why(outage):
    outage(60)
    assert "Since 2026-05-20 19:00 UTC the league gives no usable answer." in mail.outbox[0].body
    assert "The league gave no answer to schedule." in mail.outbox[0].body


def test_a_mail_that_could_not_be_sent_is_sent_later(outage, monkeypatch):
    monkeypatch.setattr("games.polling.mail_admins", lambda *_: (_ for _ in ()).throw(ConnectionRefusedError("refused")))
    assert outage(60) == []
    assert Person.objects.get().told_at is None


def test_presence_is_kept_as_its_word():
    poll(Api(game("I", presence=Presence.BENCH)), at("19:00"))
    assert known(at("19:00")).news.games[0].presence is Presence.BENCH
