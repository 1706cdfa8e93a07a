"""What models see is counted in the project's database."""

from __future__ import annotations

import time
from tempfile import TemporaryDirectory

from django.apps import apps
from django.core.management import call_command

from podium.hosts.django import predict
from podium.hosts.django.counts import DjangoCounts
from podium.hosts.django.models import MonitoringCount
from shop.tests.shop_case import GOOD, PREFIX, RecordsCase, with_podium


class TheCounts(RecordsCase):
    def test_predictions_are_counted_where_every_server_sees_them(self):
        predict("loans", [GOOD] * 3)

        until = time.monotonic() + 60
        while time.monotonic() < until and not MonitoringCount.objects.exists():
            time.sleep(0.05)

        assert MonitoringCount.objects.get().n_rows == 3
        # Another process, which has counted nothing itself, reports them.
        apps.get_app_config("podium").close()
        with TemporaryDirectory() as home, with_podium(home=home):
            browser = self.browser(self.member("ada@shop.example", is_superuser=True))
            page = browser.get(f"{PREFIX}/models/loans/monitor")
            self.assertContains(page, "3 rows")
            apps.get_app_config("podium").close()

    def test_without_the_tables_they_stay_in_the_home_folder(self):
        call_command("migrate", "podium", "0007", verbosity=0)
        self.addCleanup(call_command, "migrate", verbosity=0)

        assert not DjangoCounts().is_there()
        assert predict("loans", GOOD).prediction == "yes"
